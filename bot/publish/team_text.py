"""Every sentence of teams: what their leads are told, and why the work of a team is not done. Pure."""

from collections.abc import Mapping, Sequence

from bot.github.harmless import code, harmless, phrase
from bot.publish import text

_SAID = 300  # characters of what a lead says that stand in a reason


def charge(task: str, focus: str, responsibilities: Sequence[str], remark: str = "") -> str:
    """What somebody of a team is to do: the task that the lead gives, what the file says of them, what was returned."""
    duties = "\n".join(f"- {one}" for one in responsibilities)
    parts = [
        task,
        focus,
        f"You are responsible for:\n{duties}" if duties else "",
        f"Your work was looked at, and is to be changed in this:\n{remark}" if remark else "",
    ]
    return "\n\n".join(part for part in parts if part)


def person(name: str, agent: str, team: bool, focus: str, owns: Sequence[str]) -> str:
    """Somebody of a team, as the lead is told of them."""
    kind = "a team with a lead of its own" if team else f"the agent {agent}"
    lines = [f"{name}: {kind}", f"owns {', '.join(owns[:20])}" if owns else "", focus]
    return "\n".join(line for line in lines if line)


def to_decide(breadth: int, *, teams: bool, owns: Sequence[str], free: bool) -> str:
    """What a lead may decide."""
    said = [f"You may name {breadth} at most."]
    said += ["Each may be a team with a lead of its own (`team`)." if teams else "None of them may be a team."]
    if owns:
        said += [f"What they own lies in what you own ({', '.join(owns[:20])}); no two of them own the same."]
    elif free:
        said += ["Say for each which files or folders are theirs to change (`owns`), or for none; no two own the same."]
    else:
        said += ["Leave `owns` empty."]
    return " ".join(said)


def ended(task: str, state: str, reason: str, words: str) -> str:
    """How somebody's part ended, as the lead is told."""
    said = (f"Task: {task}", f"Ended: {state}", reason, f"They say: {words}" if words else "")
    return "\n".join(line for line in said if line)


def plans(lead: str) -> str:
    return f"{lead} plans"


def reviews(lead: str) -> str:
    return f"{lead} reviews"


def not_named(lead: str) -> str:
    return f"Not played: the plan of {code(lead)} has nothing for it."


def too_many(most: int) -> str:
    """For a team that nobody could be in any more."""
    return f"Not played: a run has {most} people at most, and there is no room for this team's."


def no_plan(problem: str) -> str:
    return f"Failed: its lead made no plan. {harmless(text.after_failed(problem))}".rstrip()


def without_plan(lead: str) -> str:
    return f"Not played: {code(lead)} made no plan."


def no_review(problem: str) -> str:
    return f"Failed: its lead did not review what came of it. {harmless(text.after_failed(problem))}".rstrip()


def no_money() -> str:
    return "Over budget: its part of the money is used up."


def nothing_to_do() -> str:
    return "No change: its lead gave nobody anything to do."


def not_well(failed: Sequence[str]) -> str:
    more = f" and {len(failed) - 10} more" if len(failed) > 10 else ""
    return f"Failed: {', '.join(code(name) for name in failed[:10])}{more} did not end well."


def not_accepted(summary: str, returns: Mapping[str, str]) -> str:
    """Why a team's work is not done: what its lead said of it in the end."""
    said = [f"{code(name)}: {phrase(remark, _SAID)}" for name, remark in list(returns.items())[:10]]
    return f"Not accepted by its lead: {'; '.join(said) or phrase(summary, _SAID)}"


def accepted(summary: str) -> str:
    """What the lead of all says of what it accepts."""
    return phrase(summary, _SAID)
