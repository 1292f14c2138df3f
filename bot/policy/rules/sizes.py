"""More than people look through, and files that do not belong into git."""

from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.words import shown
from bot.policy.work import CONTENT_LIMIT, Work

NAME = "sizes"
MANY_FILES, MANY_LINES = 300, 20_000
MUCH, BIG_BINARY = 20 * 2**20, 2**20


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        says = f"{shown(file.path, work)} has {_mb(file.size)}" if file.size > BIG_BINARY else ""
        if file.size > CONTENT_LIMIT and file.status == "A":
            yield Finding("refuse", NAME, file.path, f"{says}; a new file may have {_mb(CONTENT_LIMIT)}.")
        elif file.size > CONTENT_LIMIT:
            yield Finding("approve", NAME, file.path, f"{says}: too much to be looked through, for secrets or else.")
        elif file.size > BIG_BINARY and file.binary and file.status != "D":
            yield Finding("flag", NAME, file.path, f"{says}, and it is no text.")
    yield from _totals(work)


def _totals(work: Work) -> Iterator[Finding]:
    count, changed = len(work.files), sum(file.added + file.deleted for file in work.files)
    size = sum(file.size for file in work.files)
    if count > MANY_FILES:
        yield Finding("flag", NAME, "", f"It changes {count:,} files.")
    if changed > MANY_LINES:
        yield Finding("flag", NAME, "", f"It changes {changed:,} lines.")
    if size > MUCH:
        yield Finding("flag", NAME, "", f"The changed files have {_mb(size)} together.")


def _mb(size: int) -> str:
    return f"{size / 2**20:,.1f} MB".replace(".0 MB", " MB")


POLICY = Policy(
    NAME,
    f"New files over {_mb(CONTENT_LIMIT)} are refused; more than {MANY_FILES} files or {MANY_LINES:,} lines are named.",
    judge,
)
