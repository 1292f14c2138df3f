"""Files that run by themselves or decide over others need more than a review of the change as a whole."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from bot.policy.finding import Finding, Policy
from bot.policy.gitname import folded
from bot.policy.protected import rule_for
from bot.policy.words import shown
from bot.policy.work import Work
from bot.review.glob import finder

NAME = "protected files"
_VERBS = {"A": "adds", "D": "deletes"}


def judge(work: Work) -> Iterator[Finding]:
    own = _own(work.protected)
    for file in work.files:
        rule, glob = rule_for(file.path), own(file.path)
        begin = f"It {_VERBS.get(file.status, 'changes')} {shown(file.path, work)}, which"
        if rule is not None and (rule.level != "flag" or glob is None):
            yield Finding(rule.level, NAME, file.path, f"{begin} {rule.why}.")
        elif glob is not None:
            why = f"this repository's configuration protects ({shown(glob, work)})"
            yield Finding("approve", NAME, file.path, f"{begin} {why}.")


@lru_cache(maxsize=256)
def _own(globs: tuple[str, ...]) -> Callable[[str], str | None]:
    """By which of the repository's globs a path is protected; None for a path that is not.

    Letters' case does not count, and a folder's name means a file in its place too: to protect more is the safe side.
    """
    try:
        find = finder([folded(glob).rstrip("/") for glob in globs])
    except ValueError:  # where the globs are none, all of it is protected
        return lambda path: ", ".join(globs)

    def by(path: str) -> str | None:
        place = find(folded(path))
        return globs[place] if place is not None else None

    return by


POLICY = Policy(
    NAME,
    "Workflows and submodules are refused; owners' files, agents', editors' and hooks' settings, other CI, the "
    "settings of package managers and what the repository protects need approval; build and lock files are named.",
    judge,
)
