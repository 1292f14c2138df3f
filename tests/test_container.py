"""The documented `docker run` line: its profile is Docker's and six calls more, and the sandbox starts under it."""

import copy
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import jail, kit
from bot.sandbox.jail import Walls
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
PROFILE = ROOT / "deploy/seccomp.json"
ADDED = {"clone", "mount", "pivot_root", "sethostname", "umount2", "unshare"}
ANYWAY = {"process_vm_readv", "process_vm_writev", "ptrace"}  # Docker allows them on kernels from 4.8 on
BOUND = {
    *("acct", "bpf", "chroot", "clone3", "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount"),
    *("fsopen", "fspick", "init_module", "ioperm", "iopl", "kcmp", "lookup_dcookie", "mount_setattr", "move_mount"),
    *("open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "process_madvise", "quotactl", "reboot"),
    *("setdomainname", "setns", "settimeofday", "syslog", "umount", "vhangup"),
}
NEVER = {"add_key", "io_uring_setup", "kexec_file_load", "kexec_load", "keyctl", "request_key", "swapon", "userfaultfd"}


def profile() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(PROFILE.read_text(encoding="utf-8"))
    return loaded


def dockers() -> dict[str, Any]:
    """Docker's own: ours without its last rule."""
    loaded = copy.deepcopy(profile())
    del loaded["syscalls"][-1]
    return loaded


# ---- the profile -----------------------------------------------------------------------------------------------------


def test_the_profile_is_dockers_but_for_its_last_rule() -> None:
    said = re.search(r"SHA-256 `(\w+)`", (ROOT / "deploy/README.md").read_text(encoding="utf-8"))
    assert said
    assert hashlib.sha256(json.dumps(dockers(), indent="\t").encode()).hexdigest() == said[1]


def test_the_last_rule_allows_what_the_sandbox_needs_and_nothing_else() -> None:
    last = profile()["syscalls"][-1]
    assert set(last) == {"names", "action", "comment"}
    assert (set(last["names"]), last["action"]) == (ADDED, "SCMP_ACT_ALLOW")


def test_what_is_dangerous_still_takes_a_capability() -> None:
    rules = [rule for rule in profile()["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"]
    assert profile()["defaultAction"] == "SCMP_ACT_ERRNO"
    assert [rule for rule in rules if BOUND & {*rule["names"]} and not rule.get("includes", {}).get("caps")] == []
    free = [rule for rule in rules if ANYWAY & {*rule["names"]} and not rule["includes"].get("caps")]
    assert [rule["includes"] for rule in free] == [{"minKernel": "4.8"}]
    named = {name for rule in rules for name in rule["names"]}
    assert named >= BOUND
    assert named & NEVER == set()


# ---- the sandbox under it --------------------------------------------------------------------------------------------


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that the container's user owns and reaches; Python is in /usr there, and here may be root's alone."""
    monkeypatch.setattr(jail, "_python", tuple)
    with tempfile.TemporaryDirectory(prefix="tutti-place-", dir="/tmp") as name:
        if os.geteuid() == 0:
            os.chown(name, 999, 999)
        yield Path(name)


def contained(folder: Path, rules: dict[str, Any], *argv: str, cover: str = "true") -> subprocess.CompletedProcess[str]:
    """A command as in a container of the documented line: a root file system that cannot be written, processes of its
    own, no capability, no way to one, an ordinary user, and these rules. Who is not root has only the last of it."""
    written = folder / "rules.json"
    written.write_text(json.dumps(rules), encoding="utf-8")
    inner = [sys.executable, "-m", "tests.profiled", str(written)]
    if os.geteuid() == 0:
        inner += ["setpriv", "--reuid=999", "--regid=999", "--clear-groups", "--no-new-privs", "--inh-caps=-all"]
        inner += ["--bounding-set=-all"]
        made = f"mount --bind {folder} {folder} && mount -o remount,bind,ro / && {cover} && exec {shlex.join(inner)} "
        inner = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", made + '"$@"', "sh"]
    return subprocess.run([*inner, *argv], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


def walled(folder: Path) -> list[str]:
    """The sandbox of a bot that is not root, around a process that says who it is."""
    walls = Walls("strong", kit=kit.make(folder / "kit"))
    for path in (folder / "kit", *(folder / "kit").rglob("*")):
        path.chmod(0o755)
    return walls.jail(folder, writable=[folder]).wrap(["/usr/bin/id", "-un"], cwd=Path("/tmp"))


def test_the_sandbox_starts_under_the_profile(place: Path) -> None:
    done = contained(place, profile(), *walled(place))
    assert (done.stdout, done.stderr) == ("agent\n", "")


@pytest.mark.parametrize("missing", sorted(ADDED))
def test_each_of_the_calls_is_needed(place: Path, missing: str) -> None:
    rules = profile()
    rules["syscalls"][-1]["names"].remove(missing)
    done = contained(place, rules, *walled(place))
    assert done.returncode != 0
    assert done.stderr.startswith("bwrap: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can cover a part of /proc, as Docker does.")
def test_the_sandbox_needs_system_paths_that_nothing_covers(place: Path) -> None:
    cover = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"
    done = contained(place, profile(), *walled(place), cover=cover)
    assert done.returncode != 0
    assert "mount proc" in done.stderr


# ---- the line --------------------------------------------------------------------------------------------------------


def page() -> str:
    return (ROOT / "docs/install.md").read_text(encoding="utf-8")


def line() -> list[str]:
    """The words of the documented `docker run` line."""
    found = re.search(r"^docker run (?:.+\\\n)+.+$", page(), re.MULTILINE)
    assert found
    return shlex.split(found[0].replace("\\\n", " ").replace("$PWD", "/srv"))


def value(option: str) -> str:
    return line()[line().index(option) + 1]


def test_the_line_gives_the_sandbox_what_it_needs_and_the_container_nothing_more() -> None:
    words = line()
    given = {after for before, after in pairwise(words) if before == "--security-opt"}
    paths = {"systempaths=unconfined", "apparmor=unconfined"}
    assert given == {"seccomp=deploy/seccomp.json", "no-new-privileges", *paths}
    assert {"--read-only", "--cap-drop", "--user", "--tmpfs"} <= {*words}
    assert (value("--cap-drop"), value("--user"), value("--tmpfs")) == ("ALL", "tutti", "/tmp")
    assert not {"--cap-add", "--privileged", "--network=host", "--pid=host"} & {*words}
    assert [word for word in words if "docker.sock" in word] == []


def test_every_option_of_the_line_is_explained() -> None:
    table = page().partition("| option | why |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([^`]+)`", table))
    words = [word for word in line() if word.startswith(("--", "seccomp=")) or "=unconfined" in word]
    silent = {word for word in words if not any(word in name for name in named)}
    assert silent == {"--name", "--security-opt"}


def test_the_line_runs_as_the_user_of_the_image_to_whom_its_data_belong() -> None:
    said = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "groupadd --system --gid 999 tutti" in said
    assert "useradd --system --uid 999 --gid tutti" in said
    assert said.index("install -d -o tutti -g tutti -m 0700 /data") < said.index("VOLUME /data")
    assert "The user's number is 999" in page()


def test_the_image_brings_what_the_sandbox_needs() -> None:
    said = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    installed = re.search(r"apt-get install -y --no-install-recommends ([^\\\n]+)", said)
    assert installed
    assert {"bubblewrap", "libseccomp2", "util-linux", "tini", "git"} <= set(installed[1].split())


def test_the_containers_limits_hold_all_places_together() -> None:
    default = {name: field.default for name, field in Settings.model_fields.items()}
    assert int(value("--pids-limit")) >= default["max_runs"] * default["processes"] + 512
    gigabytes = re.fullmatch(r"(\d+)g", value("--memory"))
    assert gigabytes
    assert int(gigabytes[1]) * 1024 >= default["max_runs"] * default["memory_mb"] + 1024


def test_the_machine_on_fly_holds_all_places_together() -> None:
    fly = tomllib.loads((ROOT / "fly.toml").read_text(encoding="utf-8"))
    (machine,) = fly["vm"]
    set_there = fly["env"]
    wanted = int(set_there["TUTTI_MAX_RUNS"]) * int(set_there["TUTTI_MEMORY_MB"]) + 1024
    assert wanted <= int(machine["memory"].removesuffix("gb")) * 1024
