"""The system packages that the tests use: silent where all are there, installed as root, named elsewhere."""

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts/system-packages"


def call(tmp_path: Path, user: int, **programs: str) -> tuple[int, str, str]:
    """Run it where PATH holds only these programs, as the user of that id; exit code, output, errors."""
    for name, text in {"id": f"echo {user}", **programs}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        program.chmod(0o755)
    done = subprocess.run(["/bin/sh", str(SCRIPT)], env={"PATH": str(tmp_path)}, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_it_is_silent_where_nothing_is_missing(tmp_path: Path) -> None:
    assert call(tmp_path, 1000, chromium="", initdb="", bwrap="") == (0, "", "")


def test_it_names_what_is_missing_to_whom_it_cannot_help(tmp_path: Path) -> None:
    code, said, wrong = call(tmp_path, 1000, initdb="", bwrap="", **{"apt-get": "echo never >&2"})
    assert (code, said) == (1, "")
    assert wrong.startswith("The tests need packages that are not installed: chromium (")
    assert wrong.count("\n") == 1


def test_it_says_the_same_to_root_where_there_is_no_apt(tmp_path: Path) -> None:
    code, _, wrong = call(tmp_path, 0, initdb="", chromium="")
    assert code == 1
    assert "bubblewrap" in wrong


def test_it_installs_as_root_on_debian(tmp_path: Path) -> None:
    chmod = shutil.which("chmod")
    made = f'case "$*" in *install*chromium) echo >"{tmp_path}/chromium"; {chmod} 755 "{tmp_path}/chromium";; esac'
    code, said, _ = call(tmp_path, 0, initdb="", bwrap="", **{"apt-get": f'echo "$*" >>"{tmp_path}/calls"; {made}'})
    assert (code, said) == (0, "")
    assert (tmp_path / "calls").read_text().splitlines() == [
        "update -qq",
        "install -y -qq --no-install-recommends chromium",
    ]


def test_an_installation_that_fails_is_told(tmp_path: Path) -> None:
    code, _, wrong = call(tmp_path, 0, initdb="", bwrap="", **{"apt-get": "exit 100"})
    assert code == 1
    assert "The tests need packages that are not installed: chromium (" in wrong
