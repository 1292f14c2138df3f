"""What goes before everything else is small, so that it can be looked through at once."""

from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.work import Work

NAME = "hot fixes"
MOST_FILES, MOST_LINES = 10, 200


def judge(work: Work) -> Iterator[Finding]:
    if not work.smallest:
        return
    count, changed = len(work.files), sum(file.added + file.deleted for file in work.files)
    binary = sum(file.binary for file in work.files)
    if count > MOST_FILES:
        yield Finding("approve", NAME, "", f"A hot fix is small: this one changes {count:,} files.")
    if changed > MOST_LINES:
        yield Finding("approve", NAME, "", f"A hot fix is small: this one changes {changed:,} lines.")
    if binary:
        yield Finding("approve", NAME, "", f"A hot fix is easy to read: {binary:,} of the files here are no text.")


POLICY = Policy(
    NAME,
    f"A hot fix of more than {MOST_FILES} files or {MOST_LINES} lines, or with a file that is no text, needs approval.",
    judge,
)
