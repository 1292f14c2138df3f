"""The two sides of a conflict between jobs, as the resolving agent is told of them. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.agents.prompt import fence

_PATCH = 20_000  # characters of a patch that an agent is shown


@dataclass(frozen=True)
class Sides:
    """What both sides of a conflict meant: the job, its part of the work and its patch; the jobs before, and theirs."""

    job: str
    focus: str
    patch: str
    others: tuple[str, ...]
    patch_of_others: str


def without_binaries(patch: str) -> str:
    """A patch whose binary parts are but named: nobody reads them."""
    kept = []
    for part in re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE):
        head, found, _ = part.partition("GIT binary patch\n")
        kept.append(f"{head}(binary)\n" if found else part)
    return "".join(kept)


def to_resolve(paths: Sequence[str], sides: Sides, wrong: Sequence[str]) -> str:
    """What the resolving agent gets, each part as data."""
    others = ", ".join(sides.others) or "the jobs before"
    parts = [
        fence("files with conflicts", "\n".join(paths)),
        fence(f"what {sides.job} was to do", sides.focus or sides.job),
        fence(f"what {sides.job} changed, between ======= and >>>>>>>", sides.patch, _PATCH),
        fence(f"what {others} changed, between <<<<<<< and =======", sides.patch_of_others, _PATCH),
    ]
    again = [fence("what is wrong with your resolution", "\n".join(wrong))] if wrong else []
    return "\n\n".join([*parts, *again])
