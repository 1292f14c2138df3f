"""GitHub is reached through the company's proxy and trusted by the company's own certificate authority."""

import ssl
from pathlib import Path

import pytest
from yarl import URL

from bot.github.caller import Caller
from bot.github.caller import Clock as RealClock
from bot.github.refusal import RefusalError
from bot.github.session import open_session
from bot.github.wire import Wire
from bot.proxy import proxy_for
from tests.corporation import Proxy
from tests.github.served import Clock

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def ask(api_url: str, clock: Clock) -> object:
    async with open_session(api_url) as session:
        wire = Wire(Caller(session, api_url, RealClock(clock.now, clock.sleep)), "", "acme/shop", "secret")
        return await wire.get("/meta", lambda data: data)


async def test_a_private_authority_is_trusted_where_the_environment_names_it(
    enterprise: str, authority: tuple[Path, ssl.SSLContext], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    assert await ask(enterprise, clock) == {"path": "/api/v3/meta"}


async def test_an_authority_nobody_named_is_not_trusted_and_the_way_out_is_said(enterprise: str, clock: Clock) -> None:
    with pytest.raises(RefusalError, match=r"not trusted here \(SSL_CERT_FILE names a private CA"):
        await ask(enterprise, clock)
    assert clock.slept == [], "trying again would not help"


async def test_the_proxy_of_the_environment_is_used(
    enterprise: str,
    authority: tuple[Path, ssl.SSLContext],
    proxy: Proxy,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    assert await ask(enterprise, clock) == {"path": "/api/v3/meta"}
    url = URL(enterprise)
    assert proxy.connected == [f"{url.host}:{url.port}"]


async def test_an_entry_for_github_in_netrc_does_not_come_between(
    enterprise: str,
    authority: tuple[Path, ssl.SSLContext],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    assert await ask(enterprise, clock) == {"path": "/api/v3/meta"}


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.github.com", "http://proxy.corp:3128"),
        ("http://api.github.com", None),
        ("https://git.corp/api/v3", None),
        ("https://other.test:8443/api/v3", None),
        ("https://other.test/api/v3", "http://proxy.corp:3128"),
    ],
)
def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,.corp,other.test:8443")
    assert proxy_for(URL(url)) == (URL(proxy) if proxy else None)
