"""Every sentence of fixes: what is asked of the agent, and why nothing is pushed. Pure."""

from collections.abc import Sequence

from bot.github.harmless import code
from bot.invisible import cleaned
from bot.publish.review_text import place
from bot.review.said import Said


def nothing_to_fix() -> str:
    return "Nothing to fix: no finding is open on this pull request."


def no_such_finding(wanted: Sequence[str], known: Sequence[int]) -> str:
    listed = ", ".join(map(str, known))
    return f"There is no open finding {', '.join(code(word) for word in wanted)}; open are {listed}."


def to_fix(one: Said) -> str:
    """A finding as an agent is asked to mend it: only what people could read of it."""
    finding = one.finding
    title = " ".join(cleaned(finding.title).split())
    parts = [f"Finding {one.number}, {finding.severity}, at {place(finding)}: {title}", cleaned(finding.body)]
    parts += [f"Suggested instead:\n{cleaned(finding.suggestion)}"] if finding.suggestion else []
    return "\n".join(part for part in parts if part)


def fork_patch() -> str:
    return "Done: this pull request comes from a fork, where Tutti pushes nothing, so the change is offered as a patch."


def by_people(listed: str) -> str:
    return f"Refused: what only people decide about is not pushed to a pull request.\n\n{listed}"


def head_is_default(branch: str) -> str:
    return f"Refused: this pull request comes from {code(branch)}, the default branch, to which Tutti pushes nothing."
