"""Which addresses a set-up step may be connected to, and where it installs from when nobody said so."""

import ipaddress
from pathlib import Path

import pytest

from bot.sandbox import reach


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *(
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "::127.0.0.1",
            "2001:0:4136:e378::1",
        ),
        *("168.63.129.16", "fd00:ec2::254", "100.100.100.200"),
    ],
)
def test_addresses_that_are_never_reached(address: str) -> None:
    assert not reach.reachable(ipaddress.ip_address(address), private=True)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"])
def test_addresses_that_are_reached_only_where_the_operator_named_the_host(address: str) -> None:
    assert reach.reachable(ipaddress.ip_address(address), private=True)
    assert not reach.reachable(ipaddress.ip_address(address), private=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_world_are_reached(address: str) -> None:
    assert reach.reachable(ipaddress.ip_address(address), private=False)


async def test_pip_says_itself_where_it_installs_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pip._internal.models.index import PyPI

    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://me:secret@Mirror.example:8443/simple\n"
        "extra-index-url =\n    http://plain.example/simple\n    https://more.example/simple\n    file:///srv/x\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm here
    own = {(PyPI.netloc, 443), (PyPI.file_storage_domain, 443)}
    assert await reach.of_clients() == own | {("mirror.example", 8443), ("more.example", 443)}


async def test_npm_says_itself_where_it_installs_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\n[ "$*" = "config get registry" ] && echo https://npm.example/\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("npm_config_registry", "https://not-asked.example/")
    assert ("npm.example", 443) in await reach.of_clients()
    npm.write_text("#!/bin/sh\nexit 1\n")
    assert ("npm.example", 443) not in await reach.of_clients()
