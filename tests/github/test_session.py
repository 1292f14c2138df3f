"""GitHub is reached through the company's proxy and trusted by the company's own certificate authority."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from bot.github.caller import Caller
from bot.github.caller import Clock as RealClock
from bot.github.refusal import RefusalError
from bot.github.session import open_session, proxy_for
from bot.github.wire import Wire
from tests.github.served import Clock

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    def named(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])

    here = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(here), critical=False)
        .sign(signer, hashes.SHA256())
    )


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """The company's root as a file, and a server's TLS context that only it vouches for."""
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signed = certificate("github.corp", own, "Corp Root", root, authority=False)
    pem = serialization.Encoding.PEM
    private = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "server.pem").write_bytes(signed.public_bytes(pem) + private)
    rooted = certificate("Corp Root", root, "Corp Root", root, authority=True)
    (tmp_path / "root.pem").write_bytes(rooted.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return tmp_path / "root.pem", context


@pytest.fixture
async def enterprise(authority: tuple[Path, ssl.SSLContext]) -> AsyncIterator[str]:
    """The API address of a GitHub Enterprise Server with a certificate of the company's own."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path})

    app = web.Application()
    app.router.add_get("/api/v3/{rest:.*}", answer)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=authority[1])
    yield str(server.make_url("/api/v3"))
    await server.close()


class Proxy:
    """An HTTP proxy that only knows CONNECT and remembers to where."""

    def __init__(self) -> None:
        self.connected: list[str] = []
        self._pumps: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        verb, place, _ = head.split(" ", 2)
        assert verb == "CONNECT"
        self.connected.append(place)
        host, port = place.rsplit(":", 1)
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for source, sink in ((reader, back), (there, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
        sink.close()

    async def ended(self) -> None:
        await asyncio.gather(*self._pumps)


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    proxy = Proxy()
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield proxy
        await proxy.ended()


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
