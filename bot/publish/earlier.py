"""What a new run goes on with: the pull requests that an earlier run of its workflow opened and that are open still."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.git import merging
from bot.git.mirror import Mirror
from bot.github.api import Repository
from bot.github.entity import Pull
from bot.store import parts
from bot.store.parts import Held
from bot.store.runs import Run


@dataclass(frozen=True)
class Start:
    """Where the work begins: a new branch at the base, or the branch of the pull request that is still open.

    Where several are open, `sha` is all of them together, the commits `joins` upon the first of these, and `parts` are
    they; `spare` are those that conflict with that.
    """

    branch: str
    sha: str
    expected: str | None
    pull: int | None
    base: str = ""
    findings: str = ""
    fork: bool = False
    parts: tuple[Held, ...] = ()
    spare: tuple[Held, ...] = ()
    joins: tuple[str, ...] = ()


def of(run: Run) -> tuple[Held, ...]:
    """The pull requests that a run opened, in their order."""
    facts = run.facts
    if several := parts.of(facts):
        return tuple(one for one in several if one.pull is not None)
    if facts.get("pull") is None:
        return ()
    return (Held(facts.get("branch", ""), (), facts.get("head"), facts["pull"]),)


async def still_open(repo: Repository, held: Sequence[Held]) -> list[tuple[Held, Pull]]:
    """Those of them that people may still merge, from the branch that they were opened from."""
    found = [(one, await repo.pull(one.pull)) for one in held if one.pull is not None]
    return [(one, pull) for one, pull in found if pull.state == "open" and pull.head == one.branch]


async def start(mirror: Mirror, onto: str, still: Sequence[tuple[Held, Pull]], *, several: bool) -> Start:
    """The run goes on with what is open: with `several` in each of them, upon the commit `onto`, else in the first.

    Their branches are in the mirror.
    """
    first = still[0][1]
    if several and len(still) > 1 and all(one.jobs for one, _ in still):
        joined, kept = await merging.join(mirror, onto, [pull.head_sha for _, pull in still])
        now = [_standing(one, pull) for one, pull in still]
        goes_on = tuple(one for one in now if one.head in kept)
        if goes_on:
            spare = tuple(replace(one, stands=()) for one in now if one not in goes_on)
            own = goes_on[0]
            return Start(own.branch, joined, own.head, own.pull, parts=goes_on, spare=spare, joins=(onto, *kept))
    return Start(first.head, first.head_sha, first.head_sha, first.number)


def _standing(held: Held, pull: Pull) -> Held:
    """A pull request as it is now; who pushed to it meanwhile was not this run."""
    shared = held.shared or pull.head_sha != held.head
    return replace(held, head=pull.head_sha, stands=(pull.head_sha,), shared=shared)
