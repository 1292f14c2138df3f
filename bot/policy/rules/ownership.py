"""A job changes what it owns, a run what the repository lets runs change, and nothing else."""

from collections.abc import Iterator, Sequence

from bot.policy.finding import Finding, Policy
from bot.policy.words import listing
from bot.policy.work import Work
from bot.review.glob import matcher

NAME = "owned paths"
_BY = ("this job may change", "runs of this repository may change by its configuration")


def judge(work: Work) -> Iterator[Finding]:
    for globs, who in zip((work.owns, work.allowed), _BY, strict=True):
        if globs and (outside := _outside(work, globs)):
            lies = "lies" if len(outside) == 1 else "lie"
            yield Finding(
                "refuse",
                NAME,
                outside[0] if len(outside) == 1 else "",
                f"{listing(outside, work)} {lies} outside of what {who}: {listing(globs, work)}.",
            )


def _outside(work: Work, globs: Sequence[str]) -> list[str]:
    try:
        owned = matcher(globs)
    except ValueError:  # where the globs are none, nothing is owned
        return sorted(file.path for file in work.files)
    return sorted(file.path for file in work.files if not owned(file.path))


POLICY = Policy(
    NAME, "Paths outside of those that a job owns, or that the repository lets its runs change, are refused.", judge
)
