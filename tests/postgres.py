"""A real PostgreSQL for the tests: one throw-away cluster per test session, and empty databases for each test."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.listening import WITNESS
from tests.port import free_port

_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin", "usr/local/pgsql/bin")
_FOLDERS = (Path("/dev/shm"), Path("/tmp"))  # in memory, where it can be had: a database is 300 files that die soon
_ROOM = 2 << 30  # bytes
_SETTINGS = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


def _programs() -> Path:
    """The folder with `initdb` and `pg_ctl`, the newest version first."""
    onto_path = shutil.which("initdb")
    found = [Path(onto_path).resolve().parent] if onto_path else []
    for place in _PLACES:
        found += sorted((p.parent for p in Path("/").glob(f"{place}/initdb")), key=str, reverse=True)
    if not found:
        pytest.fail("These tests need PostgreSQL's server programs (on Debian: apt-get install postgresql).", False)
    return found[0]


def _folder() -> Path:
    """A new folder where there is room for the data."""
    roomy = [path for path in _FOLDERS if path.is_dir() and shutil.disk_usage(path).free > _ROOM]
    place = roomy[0] if roomy else _FOLDERS[-1]
    return Path(tempfile.mkdtemp(prefix="tutti-pg-", dir=place))


class Cluster:
    """A PostgreSQL server on loopback whose data die with it. Every role is trusted; nothing is made durable."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._owner = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
        self._folder = _folder()
        if self._owner:
            shutil.chown(self._folder, self._owner, self._owner)
        self._numbers = itertools.count(1)
        self.port = 0

    def _run(self, program: str, *args: str) -> None:
        argv = [str(self._programs / program), "-D", str(self._folder / "data"), *args]
        done = subprocess.run(
            argv, cwd="/", user=self._owner, group=self._owner, extra_groups=[] if self._owner else None,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            log = self._folder / "log"
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} failed: {done.stdout[-500:]}{done.stderr[-500:]}{said}")

    def create(self) -> None:
        """Make the cluster's files and start it."""
        self._run("initdb", "-U", "tutti", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def start(self) -> None:
        """Start the server; on a free port the first time, on the same one after a stop."""
        self.port = self.port or free_port()
        options = f"-p {self.port} -h 127.0.0.1 -k {self._folder} {_SETTINGS}"
        self._run("pg_ctl", "start", "-w", "-s", "-l", str(self._folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server; its clients' sessions end at once."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "fast")

    def destroy(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        return f"postgresql://tutti@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The name of a new, empty database."""
        name = f"t{next(self._numbers)}"
        self.execute(f"create database {name}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(f"drop database {name} with (force)")

    def execute(self, statement: str, url: str = "") -> list[tuple[object, ...]]:
        """Run one statement by itself and give its rows."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as conn:
            done = conn.execute(statement.encode())
            return done.fetchall() if done.description else []


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's PostgreSQL server."""
    made = Cluster()
    made.create()
    yield made
    made.destroy()


@pytest.fixture
def new_database(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases for one test, and gives the URL of each, `postgresql://...`.

    When the test is over they are searched and go.
    """
    names = list[str]()

    def made() -> str:
        names.append(cluster.database())
        return cluster.url(names[-1])

    yield made
    for name in names:
        WITNESS.look_at_database(cluster.url(name))
        cluster.drop(name)


@pytest.fixture
def postgres_url(new_database: Callable[[], str]) -> str:
    """The URL of an empty PostgreSQL database for one test."""
    return new_database()
