"""A job changes what it owns, and nothing else."""

from collections.abc import Iterator

from pathspec import GitIgnoreSpec

from bot.policy.finding import Finding, Policy
from bot.policy.words import listing
from bot.policy.work import Work

NAME = "owned paths"


def judge(work: Work) -> Iterator[Finding]:
    if not work.owns:
        return
    owned = _spec(work.owns)
    outside = sorted(file.path for file in work.files if owned is None or not owned.match_file(file.path))
    if outside:
        lies = "lies" if len(outside) == 1 else "lie"
        yield Finding(
            "refuse",
            NAME,
            outside[0] if len(outside) == 1 else "",
            f"{listing(outside, work)} {lies} outside of what this job may change: {listing(work.owns, work)}.",
        )


def _spec(globs: tuple[str, ...]) -> GitIgnoreSpec | None:
    """None where the globs are none: then nothing is owned."""
    try:
        return GitIgnoreSpec.from_lines(globs)
    except ValueError:
        return None


POLICY = Policy(NAME, "Paths outside of those that a job owns are refused.", judge)
