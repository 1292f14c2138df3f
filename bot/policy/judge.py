"""Every policy over one change."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby

from bot.policy.finding import LEVELS, Finding, Policy
from bot.policy.secrets import redacted
from bot.policy.words import readable
from bot.policy.work import Work
from bot.registry import discover

MOST = 20
"""Findings of one policy that are told one by one."""


def judge(work: Work) -> tuple[Finding, ...]:
    """What every policy finds, strictest first, at most MOST of each and one that says how many more there are."""
    found = [finding for policy in policies() for finding in _bounded([*dict.fromkeys(policy.judge(work))])]
    tidy = (replace(one, path=readable(redacted(one.path, work.canaries))) for one in sorted(found, key=_rank))
    return tuple(tidy)


def listed() -> list[tuple[str, str]]:
    """Name and description of every policy, by name."""
    return [(policy.name, policy.description) for policy in policies()]


@cache
def policies() -> tuple[Policy, ...]:
    """Every policy that has a file, by name."""
    found = discover("bot.policy.rules", "POLICY")
    return tuple(policy for _, policy in sorted(found.items()) if isinstance(policy, Policy))


def _bounded(found: list[Finding]) -> Iterator[Finding]:
    """The strictest; of what is left, one finding for each level."""
    ordered = sorted(found, key=_rank)
    yield from ordered[:MOST]
    for level, rest in groupby(ordered[MOST:], key=lambda finding: finding.level):
        left = [*rest]
        many = "more finding" if len(left) == 1 else "more findings"
        yield Finding(level, left[0].policy, "", f"And {len(left):,} {many} about {left[0].policy}.")


def _rank(finding: Finding) -> tuple[int, str, bool, str, str]:
    """What says how many more there are comes last of its policy."""
    last = finding.sentence.startswith("And ")
    return LEVELS.index(finding.level), finding.policy, last, finding.path, finding.sentence
