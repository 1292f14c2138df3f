"""The self-test at the start: it finds what the machine gives, and believes nothing that it has not seen stopped."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot.operate import doctor
from bot.sandbox import kit, landlock, probe, selftest
from bot.sandbox.jail import Jail, Limits, Walls
from bot.sandbox.probe import PROBES, WORKS
from bot.settings import Settings
from tests import walls

ROOT = os.geteuid() == 0
modern = pytest.mark.skipif(landlock.version() < landlock.NEEDED, reason="this kernel's Landlock is too old")


def program(folder: Path, text: str) -> Path:
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


async def test_this_machine_gives_strong_walls(tmp_path: Path) -> None:
    found = await selftest.find(tmp_path / "data", tools=(Path("/opt"),), limits=Limits(processes=100))
    assert (found.tier, found.own_uid, found.reason if ROOT else "") == ("strong", ROOT, ""), found.reason
    assert (found.tools, found.limits.processes) == ((Path("/opt"),), 100)


async def test_nothing_of_a_trial_is_left(tmp_path: Path) -> None:
    await selftest.find(
        tmp_path / "a data folder whose name is much longer than the address of a socket may be" / ("x" * 60)
    )
    assert [name for name in names(tmp_path) if "trial" in name or "place" in name] == []


async def test_without_walls_every_canary_is_found(tmp_path: Path) -> None:
    """So what is not found within walls was stopped by them. The other attempts depend on who is running this."""
    async with selftest.planted(tmp_path) as canaries:
        through = await selftest.tried(Walls("none"), canaries, tmp_path)
    everywhere = (
        "secrets of the bot",
        "data folder",
        "another home",
        "links",
        "mirror",
        "environments",
        "command lines",
    )
    for name in (*everywhere, "loopback", "abstract socket", "path socket"):
        assert selftest.PROBES[name] in through


@pytest.mark.parametrize("name", ["signals", "datagrams"])
async def test_what_only_the_one_outside_can_hear_is_heard(name: str, tmp_path: Path) -> None:
    """Everything else is left out, as if it were a hole that is known."""
    others = {*PROBES} - {name}
    async with selftest.planted(tmp_path) as canaries:
        said = await selftest.tried(Walls("none"), canaries, tmp_path, others)
    assert selftest.PROBES[name] in said


async def test_without_bubblewrap_there_are_no_walls(tmp_path: Path) -> None:
    found = await selftest.find(tmp_path, bwrap=tmp_path / "bwrap")
    assert found.tier == "none"
    assert "apt install bubblewrap" in found.reason


async def test_where_bubblewrap_fails_its_words_are_told(tmp_path: Path) -> None:
    found = await selftest.find(tmp_path, bwrap=program(tmp_path, "echo 'bwrap: No permissions' >&2; exit 1"))
    assert found.tier == "none"
    assert "(bwrap: No permissions)" in found.reason
    assert "TUTTI_SANDBOX=degraded" in found.reason


async def test_a_sandbox_that_only_says_so_is_none(tmp_path: Path) -> None:
    """A bubblewrap that runs everything without walls."""
    hollow = program(tmp_path, 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    found = await selftest.find(tmp_path / "data", bwrap=hollow)
    assert found.tier == "none"
    assert "does not" in found.reason or "cannot" in found.reason


async def test_tools_that_show_the_data_folder_are_noticed(tmp_path: Path) -> None:
    found = await selftest.find(tmp_path / "data", tools=(tmp_path,))
    assert found.tier == "none"
    assert "read a file that the bot keeps for itself" in found.reason


@pytest.mark.parametrize("tier", ["strong", "shared", "degraded"])
async def test_a_place_whose_tmp_an_earlier_process_could_swap_is_noticed(
    tier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As places were laid out once: /tmp in the home."""
    made = Walls.jail

    def loose(form: Walls, _tmp: Path, *, writable: Sequence[Path], readable: Sequence[Path]) -> Jail:
        (writable[1] / "tmp").mkdir()
        return made(form, writable[1] / "tmp", writable=writable, readable=readable)

    found = walls.strong()
    form = {"strong": found, "shared": replace(found, own_uid=False), "degraded": replace(found, tier="degraded")}[tier]
    monkeypatch.setattr(Walls, "jail", loose)
    monkeypatch.setattr(Jail, "_refuse_loose", lambda _jail: None)
    said = await tried(form, tmp_path)
    # Other walls do not even stand up then, nor do these where the earlier process ends before it makes its link.
    fallen = tier != "shared" or "Can't find source path" in said
    assert selftest.PROBES["links"] in said or (fallen and said)


async def tried(form: Walls, folder: Path) -> str:
    """What the self-test says of walls."""
    below = kit.make(folder / "kit")
    async with selftest.planted(below) as canaries:
        return await selftest.tried(form, canaries, folder)


def strange(folder: Path) -> Path:
    made = folder / "probe.py"
    made.write_text(Path(probe.__file__).read_text().replace("os.uname().machine]", "'strange']"))
    made.chmod(0o644)
    return made


async def test_what_cannot_be_tried_here_does_not_count_as_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An architecture whose system calls have numbers that nobody has written down."""
    monkeypatch.setattr(selftest, "_PROBE", strange(tmp_path))
    said = await tried(walls.strong(), tmp_path)
    assert said.startswith("Nobody knows how to try on ")
    assert "namespaces" in said


@modern
async def test_the_weaker_tier_is_taken_only_if_the_operator_says_so(tmp_path: Path) -> None:
    found = await selftest.find(tmp_path, wanted="degraded", bwrap=tmp_path / "bwrap")
    assert (found.tier, found.own_uid) == ("degraded", ROOT), found.reason
    assert "bubblewrap is not installed" in found.reason
    assert all(hole in found.reason for hole in selftest.HOLES.values())


async def test_where_strong_walls_stand_no_weaker_ones_are_taken(tmp_path: Path) -> None:
    assert (await selftest.find(tmp_path, wanted="degraded")).tier == "strong"


async def test_an_old_kernel_has_not_even_the_weaker_tier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 4)
    found = await selftest.find(tmp_path, wanted="degraded", bwrap=tmp_path / "bwrap")
    assert found.tier == "none"
    assert "this kernel has 4" in found.reason


async def test_a_data_folder_that_cannot_be_made_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = await selftest.find(tmp_path / "file/data")
    assert found.tier == "none"
    assert "self-test" in found.reason


def test_every_attempt_has_words() -> None:
    assert all(selftest.PROBES.values())
    assert {"path socket", "command lines"} == {*selftest.HOLES} & {*PROBES}
    assert WORKS


@pytest.mark.parametrize(
    ("bubblewrap", "wanted", "colour", "words"),
    [
        ("there", "strong", "green", "strong. "),
        ("gone", "strong", "red", "none, so nobody's code is run. bubblewrap is not installed"),
        pytest.param("gone", "degraded", "yellow", "degraded. bubblewrap is not installed", marks=modern),
    ],
)
async def test_the_doctor_tells(
    bubblewrap: str, wanted: str, colour: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bubblewrap == "gone":
        monkeypatch.setattr(selftest, "_program", lambda name: str(tmp_path / name))
    settings = Settings.model_validate({"data_dir": tmp_path / "data", "sandbox": wanted})
    finding = await doctor.look("sandbox", settings)
    assert finding.colour == colour
    assert finding.words.startswith(words)
