"""Where agents and tests work: a Python of the place's own, and nothing left when it is over or the bot was killed."""

import asyncio
import site
import sys
from pathlib import Path

from bot.agents import workshop
from bot.backends.rehearsal import Run, Say, Write
from bot.check import trial
from bot.sandbox.jail import Walls
from tests.house import FILES, House, opened
from tests.walls import jail

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))

# A package that builds itself without any tool from outside.
PACKAGE = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    about = "tutti_tiny-1.dist-info"
    with zipfile.ZipFile(f"{folder}/tutti_tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tutti_tiny.py", "def main(): print('tiny is here')")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: tutti-tiny\\nVersion: 1\\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{about}/entry_points.txt", "[console_scripts]\\ntutti-tiny = tutti_tiny:main\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return "tutti_tiny-1-py3-none-any.whl"

build_editable = build_wheel
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "package"\nbackend-path = ["."]\n'


def installed() -> set[str]:
    """What the bot's own environment holds: packages, and programs beside its Python."""
    folders = [*map(Path, site.getsitepackages()), Path(sys.executable).parent]
    return {str(path) for folder in folders if folder.is_dir() for path in folder.iterdir()}


async def test_what_a_set_up_installs_is_there_for_the_tests_and_nowhere_else(tmp_path: Path) -> None:
    files = {**FILES, "tiny/pyproject.toml": PROJECT, "tiny/package.py": PACKAGE}
    async with opened(tmp_path, files=files) as house:
        await house.configure("setup: pip install -e ./tiny\n", test="python -m tutti_tiny && tutti-tiny")
        before = installed()
        house.rehearse(RIGHT)
        issue = await house.implement()
        assert "· done ·" in house.told(issue), house.told(issue)
        assert "`tiny is here`" in house.told(issue)
        assert installed() == before


async def test_a_test_runner_is_there_without_any_set_up(house: House) -> None:
    await house.configure(test="python -m pytest -q -p no:cacheprovider && pytest --version && pip --version")
    house.rehearse([*RIGHT, Write("test_greeting.py", "def test_it():\n    assert True\n")])
    issue = await house.implement()
    assert "· done ·" in house.told(issue), house.told(issue)
    assert "  `pip " in house.told(issue)


async def test_the_bots_own_programs_are_out_of_sight(house: House, tmp_path: Path) -> None:
    path = workshop.environment("run", tmp_path / "home", tmp_path / "tree", Walls("none"))["PATH"]
    assert str(Path(sys.executable).parent) not in path.split(":")
    house.rehearse([*RIGHT, Run("command -v python; command -v pip")])
    house.status(await house.implement())
    homes = str(house.bot.bench.settings.data_dir.resolve() / "homes")
    said = [event.text for event in house.heard if event.kind == "output"]
    assert len(said) == 2
    assert all(line.startswith(homes) for line in said)


async def test_a_dot_without_the_end_of_its_line_is_a_sign_of_life(tmp_path: Path) -> None:
    heard = asyncio.Event()
    place, env = jail(tmp_path), {"PATH": "/usr/bin:/bin"}
    dots = ["printf .; sleep 1000"]
    work = asyncio.create_task(
        trial.run(dots, cwd=tmp_path / "tree", environment=env, jail=place, run_id="dots", heard=heard.set)
    )
    await heard.wait()
    work.cancel()
    await asyncio.wait({work})


async def test_a_start_clears_away_what_a_killed_bot_left(house: House) -> None:
    shop = house.bot.bench.shop
    home = shop.homes.resolve() / "left/home"
    (home / "cache/locked").mkdir(parents=True)
    (home / "cache/locked/file").write_text("x")
    (home / "cache/locked").chmod(0o500)
    (home / "away").symlink_to(house.folder)
    orphan = await asyncio.create_subprocess_exec(
        "sleep", "1000", env=workshop.environment("some-run", home, house.folder, shop.walls)
    )
    await shop.clear()
    assert await orphan.wait() == -9
    assert not shop.homes.exists()
    assert house.folder.is_dir()
    house.rehearse(RIGHT)
    assert "· done ·" in house.status(await house.implement())
    assert list(shop.homes.iterdir()) == []
