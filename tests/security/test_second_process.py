"""What one process of a place leaves for the next: links where the walls have something, which must lead nowhere."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.backends.rehearsal import Run
from bot.sandbox import landlock, process
from bot.sandbox.jail import Jail, Tier, Walls
from tests import walls
from tests.house import FILES, House, opened
from tests.ready import machine
from tests.security.probe import PLAY, outputs

CANARY = "canary-91d0-of-the-second-process"
SWAP = """
for name in "$HOME/tmp" "$HOME/../tmp" "$HOME" "$TMPDIR" .git; do
  mv "$name" "$HOME/was.$(basename "$name")"; ln -sfn {outside} "$name"
done 2>/dev/null; true
"""
LOOK = """
for name in /tmp "$HOME" "$HOME/tmp" .git {outside}; do
  cat "$name/secret"; echo x >"$name/written"; echo x >>"$name/mirror/config"
done 2>/dev/null; true
"""


def outside(folder: Path) -> Path:
    """A folder of the bot's own, beside the places."""
    made = folder / "outside"
    (made / "mirror").mkdir(parents=True)
    (made / "secret").write_text(CANARY)
    (made / "mirror/config").write_text(CANARY)
    return made


def held(there: Path, said: str) -> bool:
    """Whether nobody read or wrote there."""
    untouched = sorted(path.name for path in there.iterdir()) == ["mirror", "secret"]
    return untouched and CANARY not in said and (there / "mirror/config").read_text() == CANARY


@pytest.mark.parametrize("own_uid", [True, False])
async def test_what_a_set_up_swaps_leads_neither_agent_nor_tests_outside(tmp_path: Path, own_uid: bool) -> None:
    there, found = outside(tmp_path), await machine()
    look = LOOK.format(outside=there)
    files = {**FILES, "swap.sh": SWAP.format(outside=there), "look.sh": f"{look}\necho looked"}
    async with opened(tmp_path, walls=replace(found, own_uid=found.own_uid and own_uid), files=files) as house:
        await house.configure("setup: sh swap.sh\n", test="sh look.sh")
        house.rehearse([Run("sh look.sh"), *PLAY])
        issue = await house.implement()
        assert "· done ·" in house.told(issue), house.told(issue)
        said = outputs(house)
        assert any("looked" in line for line in said), said
        assert held(there, str(said) + house.told(issue))


@pytest.mark.skipif(landlock.version() < landlock.NEEDED, reason="this kernel's Landlock is too old")
@pytest.mark.parametrize("name", ["strong", "shared", "degraded"])
async def test_what_a_process_swaps_leads_the_next_nowhere(tmp_path: Path, name: str) -> None:
    there, found = outside(tmp_path), walls.strong()
    forms = {"strong": found, "shared": replace(found, own_uid=False), "degraded": replace(found, tier="degraded")}
    place = with_pointer(tmp_path, forms[name])
    await run(place, SWAP.format(outside=there))
    assert held(there, await run(place, LOOK.format(outside=there) + "echo looked"))


def with_pointer(folder: Path, form: Walls) -> Jail:
    """A place whose `.git` is to be read alone."""
    place = walls.jail(folder, form)
    (place.writable[0] / ".git").write_text("gitdir: nowhere\n")
    place.own(*place.writable)
    return replace(place, readable=(place.writable[0] / ".git",))


async def run(place: Jail, script: str) -> str:
    tree, home = place.writable
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(place.tmp)}
    done = await process.run(["sh", "-c", script], cwd=tree, env=env, run_id="test-second", timeout=20, jail=place)
    return done.output_tail


@pytest.mark.parametrize("tier", ["strong", "degraded"])
def test_nothing_is_mounted_that_could_be_a_link(tmp_path: Path, tier: Tier) -> None:
    form = replace(walls.strong(), tier=tier)
    place = walls.jail(tmp_path, form)
    home = place.writable[1]
    with pytest.raises(ValueError, match="may change"):
        replace(place, tmp=home / "tmp").wrap(["true"], cwd=home)
    with pytest.raises(ValueError, match="may change"):
        replace(place, writable=(home, home / "inner")).wrap(["true"], cwd=home)
    place.tmp.rmdir()
    place.tmp.symlink_to("/")
    with pytest.raises(OSError, match="symbolic link"):
        place.wrap(["true"], cwd=home)


def test_landlock_opens_no_link(tmp_path: Path) -> None:
    """In a process of its own: what is confined stays so."""
    (tmp_path / "link").symlink_to("/")
    script = f"from bot.sandbox import landlock; landlock.confine(['{tmp_path}/link'], [], [], [])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "Too many levels of symbolic links" in done.stderr


async def test_a_home_that_is_too_deep_for_the_bot_does_not_keep_it_from_starting(house: House) -> None:
    homes = house.bot.bench.shop.homes
    homes.mkdir(exist_ok=True)
    deep(homes, 1200)
    await house.restart()
    assert not homes.exists()


def deep(folder: Path, levels: int) -> None:
    at = os.open(folder, os.O_PATH)
    for _ in range(levels):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_PATH, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def test_what_is_given_away_is_bounded_and_no_link_is_followed(tmp_path: Path) -> None:
    place = walls.jail(tmp_path)
    aside = tmp_path / "aside"
    aside.write_text("")
    (place.writable[0] / "a/b/c").mkdir(parents=True)
    (place.writable[0] / "a/b/c/link").symlink_to(aside)
    (place.writable[0] / "a/file").write_text("")
    place.own(place.writable[0])
    theirs = (place.writable[0] / "a/file").stat().st_uid
    assert theirs == (place.uid if place.uid is not None else theirs)
    assert (place.writable[0] / "a/b/c/link").lstat().st_uid == theirs
    assert aside.stat().st_uid == tmp_path.stat().st_uid
    if place.uid is not None:
        (place.writable[0] / "/".join("d" * 250)).mkdir(parents=True)
        with pytest.raises(OSError, match="more than"):
            place.own(place.writable[0])
