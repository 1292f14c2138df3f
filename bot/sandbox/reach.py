"""Where a set-up step may connect to: which hosts, and which of their addresses. Pure but for asking the clients.

The hosts that the operator names win. Without them they are those that pip and npm of this machine use; the clients
are asked, because a list of our own would be wrong wherever a mirror is used.
"""

import asyncio
import importlib
import ipaddress
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from yarl import URL

from bot.sandbox import process

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Place = tuple[str, int]  # a host's name in small letters and a port
HTTPS = 443
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 behind a translator
_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))  # of clouds


def places(hosts: Iterable[str]) -> frozenset[Place]:
    """`name` and `name:port` as places."""
    parts = (host.rpartition(":") if ":" in host else (host, "", "") for host in hosts)
    return frozenset((named(host), int(port or HTTPS)) for host, _, port in parts)


def named(host: str) -> str:
    """A host's one name: in small letters, without the dot that may end it."""
    return host.lower().removesuffix(".")


def reachable(address: Address, private: bool) -> bool:
    """Whether a set-up step may be connected to an address; `private`: to one of a private network as well."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _translated(address)
        if address.teredo or address.is_site_local or (inner and not reachable(inner, private)):
            return False
        if inner:
            return True
    never = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    if never or address.is_reserved or address in _METADATA:
        return False
    return private or address.is_global


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(address.packed[-4:]) if address in _TRANSLATED else None


async def of_clients() -> frozenset[Place]:
    """The hosts that pip and npm of this machine install from, as far as they are here."""
    by_pip, by_npm = await asyncio.gather(asyncio.to_thread(_of_pip), _of_npm())
    return frozenset(by_pip | by_npm)


def _of_pip() -> set[Place]:
    """What pip has built in, and what this machine's configuration of it says."""
    try:
        index = importlib.import_module("pip._internal.models.index").PyPI
        settings = importlib.import_module("pip._internal.configuration").Configuration(isolated=False)
        settings.load()
        configured = _addresses(dict(settings.items()))
    except Exception:  # noqa: BLE001 - another pip, none, or a configuration that it cannot read: then it has no hosts
        return set()
    return {(named(index.netloc), HTTPS), (named(index.file_storage_domain), HTTPS)} | _secure(configured)


def _addresses(settings: Mapping[str, object]) -> list[str]:
    wanted = ("index-url", "extra-index-url")
    return [word for name, value in settings.items() if name.endswith(wanted) for word in str(value).split()]


async def _of_npm() -> set[Place]:
    npm = shutil.which("npm")
    if npm is None:
        return set()
    with tempfile.TemporaryDirectory(prefix="tutti-npm-") as folder:
        environment = {"PATH": f"{Path(npm).parent}:/usr/local/bin:/usr/bin:/bin", "HOME": folder}
        argv = [npm, "config", "get", "registry"]
        try:
            ran = await process.run(
                argv, cwd=Path(folder), env=environment, run_id="npm", timeout=30, errors_apart=True
            )
        except OSError:
            return set()
    return _secure(ran.output_tail.split()) if ran.code == 0 else set()


def _secure(addresses: Iterable[str]) -> set[Place]:
    found = set[Place]()
    for address in addresses:
        try:
            url = URL(address)
        except ValueError:
            continue
        if url.scheme == "https" and url.host and url.port:
            found.add((named(url.host), url.port))
    return found
