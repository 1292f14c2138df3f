"""Much that is gone: whoever asked for a small thing should see it before others do."""

from collections import Counter
from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.work import Work

NAME = "major changes"
MOST_FILES, MOST_LINES = 50, 3_000


def judge(work: Work) -> Iterator[Finding]:
    """A file that only moved is not gone; lines that stand elsewhere or anew, as in a lock file, are made up for."""
    elsewhere = Counter(file.new for file in work.files if file.status == "A" and file.new is not None)
    gone = 0
    for file in work.files:
        if file.status != "D":
            continue
        if file.old is not None and elsewhere[file.old] > 0:
            elsewhere[file.old] -= 1
        else:
            gone += 1
    fewer = sum(file.deleted - file.added for file in work.files)
    if gone > MOST_FILES:
        yield Finding("approve", NAME, "", f"It deletes {gone:,} files.")
    if fewer > MOST_LINES:
        yield Finding("approve", NAME, "", f"It deletes {fewer:,} lines more than it adds.")


POLICY = Policy(
    NAME,
    f"Changes that delete more than {MOST_FILES} files, or {MOST_LINES:,} lines more than they add, need approval.",
    judge,
)
