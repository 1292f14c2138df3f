"""Major changes: much that is gone is shown to a person first, and what only moved or was made anew is not gone."""

from bot.policy.rules.major_changes import MOST_FILES, MOST_LINES
from bot.policy.work import File
from tests.policy.made import file, found, work


def gone(count: int) -> list[File]:
    return [file(f"old/{number}", None, f"{number}\n") for number in range(count)]


def test_many_files_that_are_deleted_need_approval() -> None:
    assert found(work(*gone(MOST_FILES)), "major changes") == []
    assert found(work(*gone(MOST_FILES + 1)), "major changes") == [("approve", "It deletes 51 files.")]


def test_files_that_move_are_not_deleted() -> None:
    moved = [file(f"new/{number}", f"{number}\n") for number in range(MOST_FILES)]
    assert found(work(*gone(MOST_FILES + 1), *moved), "major changes") == []


def test_one_copy_makes_up_for_one_file() -> None:
    empty = [file(f"{number}/__init__.py", None, "") for number in range(MOST_FILES + 2)]
    assert found(work(*empty, file("new/__init__.py", "")), "major changes") == [("approve", "It deletes 51 files.")]


def test_many_lines_that_are_gone_need_approval_unless_as_many_are_new() -> None:
    def lines(count: int) -> str:
        return "line\n" * count

    assert found(work(file("a", lines(1), lines(MOST_LINES + 1))), "major changes") == []
    (sentence,) = found(work(file("a", lines(1), lines(MOST_LINES + 2))), "major changes")
    assert sentence == ("approve", "It deletes 3,001 lines more than it adds.")
    anew = (file("package-lock.json", lines(9_000), lines(9_500)), file("b", None, lines(2_000)))
    assert found(work(*anew), "major changes") == []
