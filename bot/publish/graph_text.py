"""Every sentence about the jobs of a graph: why one is not played, what became of many. Pure."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.errors import State
from bot.github.harmless import code, harmless, phrase
from bot.publish.graph_view import WELL, tally

_FEW, _WHY = 3, 120  # of many that failed: how many are named with the reason, and characters of each


class Flaws(Protocol):
    """What is wrong with a resolution: paths with markers left, paths that are gone, paths without a conflict."""

    @property
    def marked(self) -> tuple[str, ...]: ...
    @property
    def gone(self) -> tuple[str, ...]: ...
    @property
    def stray(self) -> tuple[str, ...]: ...


def needs_failed(bad: Mapping[str, State]) -> str:
    """Why a job is left out: those it needs that did not end well, by their state."""
    said = [f"{code(name)}, which {_became(state)}" for name, state in bad.items()]
    return f"Not played: it needs {', and '.join([', '.join(said[:-1]), said[-1]] if len(said) > 1 else said)}."


def _became(state: State) -> str:
    words: dict[State, str] = {"skipped": "was skipped", "cancelled": "was cancelled", "timed out": "timed out"}
    return words.get(state, "failed" if state == "failed" else f"ended as {state}")


def condition_false(condition: str) -> str:
    return f"Not played: {code(f'if: {condition}')} does not hold." if condition else "Not played."


def another_failed(name: str) -> str:
    return f"Not played: {code(name)} failed before."


def phase_failed(phase: str) -> str:
    return f"Not played: the tests fail after the phase {code(phase)}."


def nothing_to_do() -> str:
    return "Not played: nothing was found that it is to be done for."


def left_out() -> str:
    return "Not played: another one failed before."


def instances_failed(of: int, failed: Mapping[str, str]) -> str:
    """One reason for a job that stands for several of which some failed: which these are, and why the first of them."""
    shown = [f"{code(name)}: {brief}" if (brief := _brief(why)) else code(name) for name, why in failed.items()]
    more = [f"{len(failed) - _FEW} more"] if len(failed) > _FEW else []
    return f"{len(failed)} of {of} failed: {'; '.join([*shown[:_FEW], *more])}."


def _brief(why: str) -> str:
    """A reason within a sentence that says already that it failed."""
    return phrase(why.strip().removeprefix("Failed: "), _WHY).removesuffix(".")


def not_filled(why: str) -> str:
    """`why` may be a sentence or a part of one."""
    return f"Failed: {harmless(why.removesuffix('.'))}."


def no_matrix(job: str) -> str:
    return f"the matrix of {code(job)} is no list of values by key"


def outside(owners: Mapping[str, str | None]) -> str:
    """What a job changed that is not its own: for the agent that shall take it back, and for people."""
    said = [f"{path} (of {owner})" if owner else path for path, owner in sorted(owners.items())[:20]]
    more = f" and {len(owners) - 20} more" if len(owners) > 20 else ""
    return f"You changed files that are not yours to change: {', '.join(said)}{more}. Put them back as they were."


def refused_outside(owners: Mapping[str, str | None]) -> str:
    said = [code(path) + (f" (of {code(owner)})" if owner else "") for path, owner in sorted(owners.items())[:10]]
    more = [f"{len(owners) - 10} more"] if len(owners) > 10 else []
    return f"Refused: it changed what it does not own: {_listed([*said, *more])}."


def still_wrong(wrong: Sequence[str], tries: int) -> str:
    said = " ".join(harmless(one) for one in wrong[:5])
    return f"Failed after {tries} {'tries' if tries != 1 else 'try'}: {said}"


def command_failed(command: str) -> str:
    return f"Failed: {code(command)} failed."


def two_owners(one: str, other: str, example: str) -> str:
    return f"{code(one)} and {code(other)} both own {code(example)}: a path has one owner in a run."


def ended(jobs: Mapping[str, tuple[State, str]]) -> str:
    """How many of a run's jobs ended how, and why some did not end well: the state of each by name, and its reason."""
    bad = {name: harmless(why) or state for name, (state, why) in jobs.items() if state not in (*WELL, "skipped")}
    skipped = {name: harmless(why) or state for name, (state, why) in jobs.items() if state == "skipped"}
    lines = [*_whys(bad), *_whys(skipped)]
    return tally(state for state, _ in jobs.values()) + (":\n" + "\n".join(lines) if lines else ".")


def _whys(bad: Mapping[str, str]) -> list[str]:
    lines = [f"- {code(name)}: {why}" for name, why in list(bad.items())[:20]]
    return [*lines, *[f"- and {len(bad) - 20} more"] * (len(bad) > 20)]


def not_fulfilled(job: str, owner: str, paths: Sequence[str]) -> str:
    whose = f"{code(owner)} did not make" if owner else "nobody may make"
    said = _listed([code(path) for path in paths[:10]])
    return f"{code(job)} changed {said}, which is not its own; {whose} this change, so it is left out."


def together(command: str = "") -> str:
    return f"Test everything together: {code(command)}" if command else "Test everything together"


def resolved(paths: Sequence[str]) -> str:
    return f"Conflicts in {_listed([code(path) for path in paths])} were resolved by an agent."


def conflicts(paths: Sequence[str], others: Sequence[str], why: str = "") -> str:
    """Why a job's work is not merged."""
    with_whom = f" with {_listed([code(name) for name in others])}" if others else ""
    said = f"Failed: its work conflicts{with_whom} in {_listed([code(path) for path in paths[:10]])}."
    return f"{said} {harmless(why)}".rstrip()


def not_resolved(tries: int) -> str:
    return f"An agent did not resolve it in {tries} tries."


def met_again(paths: Sequence[str]) -> str:
    said = _listed([code(path) for path in dict.fromkeys(paths)])
    return f"Failed: others changed {said} again and again while conflicts there were resolved."


def tests_red_on_it() -> str:
    return "The tests failed on your resolution."


def wrong_with(flaws: Flaws) -> list[str]:
    """What the agent is told of a resolution that does not do."""
    said = (
        ("Conflict markers are left in", flaws.marked),
        ("These files are gone", flaws.gone),
        ("You changed files that had no conflict, and they were put back", flaws.stray),
    )
    return [f"{words}: {', '.join(paths)}." for words, paths in said if paths]


def answer_anew(why: str) -> str:
    """For the agent that said it."""
    return f"You answered before, and your answer cannot be used: {why}. Answer anew."


def red_without_it() -> str:
    return "Failed: the tests fail on the work of the jobs before, too."


def red_before() -> str:
    return "Failed: the tests fail without any of these changes, too."


def red_together(job: str) -> str:
    return f"Failed: the tests fail since the work of {code(job)} was merged, and it did not mend that."


def _listed(said: Sequence[str]) -> str:
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
