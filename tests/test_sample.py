"""`tutti sample`: small repositories to try workflows on, each of which is a repository and passes its own tests."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot.errors import UserError
from bot.operate import sample_repository as samples
from tests.orchestra.hall import git


def outcome(folder: Path, argv: list[str]) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-B", *argv], cwd=folder, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", samples.names())
async def test_a_sample_is_a_repository_with_one_commit_and_its_tests_pass(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    assert await samples.make(name, folder) == f"{folder} has the sample {name}: a git repository with one commit."
    assert git(folder, "log", "--format=%s|%an", "main") == f"Begin with the sample {name}|Tutti\n"
    assert git(folder, "status", "--porcelain") == ""
    command = yaml.safe_load((folder / ".github/tutti.yml").read_text())["test"]
    program, *rest = command.split()
    assert program == "python3"
    code, printed = outcome(folder, rest)
    assert code == 0, printed


async def test_it_is_made_in_a_new_folder_or_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    await samples.make("shop", tmp_path / "empty")
    with pytest.raises(UserError) as told:
        await samples.make("shop", tmp_path / "empty")
    assert str(told.value) == f"{tmp_path}/empty is not empty: name a new folder."
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="The sample cannot be made in"):
        await samples.make("shop", tmp_path / "file")


async def test_one_that_is_not_there_and_a_folder_that_is_not_named_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        await samples.make("shopp", tmp_path)
    there = "analytics, legacy, onboarding, refactoring, shop"
    assert str(told.value) == f"There is no sample shopp; there are {there}."
    with pytest.raises(UserError, match="tutti sample shop PATH"):
        await samples.make("shop", None)


def test_each_is_listed_in_a_line() -> None:
    lines = [list(column.cells) for column in samples.table().columns]
    assert lines[0] == samples.names()
    assert all(str(words).endswith(".") for words in lines[1])
