"""Every sentence of rebases: what is asked of the agent, why nothing is pushed, what was pushed and how to undo it.

Pure.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from bot.agents.prompt import fence
from bot.git.conflict import Conflict, Flaws
from bot.git.rebase import Plan
from bot.github.harmless import code
from bot.policy.finding import Finding
from bot.publish import text, verdict
from bot.publish.trial_text import short

SHOWN = 20  # paths and commits that are named
SIDE = 20_000  # characters of either side's patch that an agent gets
_KINDS = {
    "CONFLICT (modify/delete)": "one side deletes it, the other changes it",
    "CONFLICT (binary)": "both sides change it, and it is no text",
    "CONFLICT (file location)": "it is in a folder that the other side renamed",
    "CONFLICT (rename/delete)": "one side renames it, the other deletes it",
    "CONFLICT (rename/rename)": "both sides rename it",
    "CONFLICT (file/directory)": "one side has a file there, the other a folder",
    "CONFLICT (submodule)": "both sides move a submodule",
    "CONFLICT (submodule with possible resolution)": "both sides move a submodule",
    "CONFLICT (submodule history not available)": "both sides move a submodule",
}


def count(number: int, noun: str = "commit") -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


# ---- what is asked of the agent --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sides:
    """What both sides of a conflict meant: their messages and their patches of the conflicting files."""

    message: str
    patch: str
    base_messages: Sequence[str]
    base_patch: str


def to_resolve(paths: Sequence[str], sides: Sides, wrong: Sequence[str]) -> str:
    """The conflict as an agent is asked to resolve it, and what was wrong with the try before."""
    listed = "\n".join(f"- {path}" for path in paths)
    base = "\n\n".join(sides.base_messages) or "[none of its commits names these files]"
    parts = [
        fence("the files with conflicts", listed),
        fence("message of the commit that is put anew", sides.message),
        fence("what that commit changed in these files", sides.patch, SIDE),
        fence("messages of the base's commits that changed these files, newest first", base),
        fence("what the base changed in these files since the pull request left it", sides.base_patch, SIDE),
    ]
    if wrong:
        parts.append(
            "The try before was not right. The files are as it left them, unless it changed others, then they are as "
            "at the beginning. Mend this:\n\n" + fence("what is wrong", "\n".join(f"- {line}" for line in wrong))
        )
    return "\n\n".join(parts)


def wrong_with(flaws: Flaws) -> list[str]:
    """What is wrong with a resolution, a line a path, in plain words for an agent."""
    return [
        *(f"{path} has conflict markers still" for path in flaws.marked),
        *(f"{path} is gone or no file of its kind any more" for path in flaws.gone),
        *(f"{path} had no conflict and must stay as it was" for path in flaws.stray),
    ]


# ---- why nothing is pushed -------------------------------------------------------------------------------------------


def not_on_issues() -> str:
    return "Refused: only a pull request can be rebased."


def unrelated(base: str) -> str:
    return f"Refused: the pull request has no commit in common with {code(base)}."


def from_fork() -> str:
    return "Refused: this pull request comes from a fork, where Tutti pushes nothing; whoever owns it can rebase it."


def up_to_date(base: str, onto: str) -> str:
    return f"No change: the branch has the newest commit of {code(base)}, {short(onto)}, already."


def all_known(base: str, onto: str) -> str:
    return (
        f"No change: {code(base)} has at {short(onto)} all that this pull request changes, so a rebase would leave "
        "nothing of it. You may close it."
    )


def too_many(found: int, most: int) -> str:
    return f"Refused: the pull request has {count(found)}, and Tutti rebases {most} at most."


def by_hand(sha: str, subject: str, conflicts: Sequence[Conflict], settings: Sequence[str]) -> str:
    """Conflicts that no agent is asked to resolve, `settings` among them: paths that tell agents what to do."""
    hard = [(one.path, _why(one)) for one in conflicts if not one.plain]
    hard += [(path, "it tells coding agents what to do") for path in settings]
    lines = [f"- {code(path)}: {why}" for path, why in hard[:SHOWN]]
    lines += [f"- and {len(hard) - SHOWN} more"] if len(hard) > SHOWN else []
    begins = (
        f"Refused: {short(sha)} ({code(subject, 100)}) conflicts with the base in a way that a person has to resolve:"
    )
    return "\n".join([begins, "", *lines, "", "Nothing was pushed."])


def _why(conflict: Conflict) -> str:
    named = [_KINDS[kind] for kind in conflict.kinds if kind in _KINDS]
    return named[0] if named else "both sides change what it is"


def not_resolved(sha: str, wrong: Sequence[str], tries: int) -> str:
    lines = [f"- {code(line)}" for line in wrong[:SHOWN]]
    begins = (
        f"Failed: after {count(tries, 'try') if tries == 1 else f'{tries} tries'} the conflicts of {short(sha)} are"
    )
    return "\n".join([f"{begins} not resolved:", "", *lines, "", "Nothing was pushed."])


def not_pushed(sentence: str) -> str:
    return f"{sentence}\n\nNothing was pushed."


def by_policy(findings: Sequence[Finding]) -> str:
    return (
        "Refused: what the agent made of the conflicts is not pushed, for only people decide about it.\n\n"
        f"{verdict.listed(findings)}"
    )


def moved() -> str:
    return "Refused: the pull request was pushed to while this was at work, so nothing was pushed; say `/rebase` again."


def retargeted(base: str) -> str:
    return f"Refused: the pull request goes to {code(base)} now, so nothing was pushed; say `/rebase` again."


# ---- what was pushed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rebased:
    """A rebase that is done: `resolved` are the files that an agent resolved, `tested` says how the tests went."""

    branch: str
    base: str
    onto: str
    old: str
    new: str
    made: int
    empty: int
    plan: Plan
    resolved: Sequence[str]
    findings: Sequence[Finding]
    tested: str


def done(made: Rebased) -> str:
    """What was pushed, upon what, who resolved what, and the way back."""
    pushed = (
        f"Done: {count(made.made)} of {code(made.branch)} {'stand' if made.made != 1 else 'stands'} upon "
        f"{short(made.onto)} of {code(made.base)} now; the newest is {short(made.new)}. {made.tested}"
    )
    return "\n\n".join(part for part in (pushed, left_out(made), _resolved(made), _undo(made)) if part)


def staged(made: Rebased) -> str:
    """What would be pushed, where nothing is."""
    begins = (
        f"Staged: nothing but this comment is written. {count(made.made)} of {code(made.branch)} would be put upon "
        f"{short(made.onto)} of {code(made.base)}, by force. {made.tested}"
    )
    return "\n\n".join(part for part in (begins, left_out(made), _resolved(made)) if part)


def left_out(made: Rebased) -> str:
    """Which commits are not there any more, as with `git rebase`."""
    parts = [count(made.plan.merges, "merge commit")] if made.plan.merges else []
    parts += [f"{count(made.plan.known)} whose change {code(made.base)} has already"] if made.plan.known else []
    parts += [f"{count(made.empty)} that would change nothing"] if made.empty else []
    return f"Left out, as `git rebase` does: {', '.join(parts)}." if parts else ""


def _resolved(made: Rebased) -> str:
    if not made.resolved:
        return ""
    lines = [f"- {code(path)}" for path in made.resolved[:SHOWN]]
    lines += [f"- and {len(made.resolved) - SHOWN} more"] if len(made.resolved) > SHOWN else []
    parts = ["An agent resolved the conflicts in these files; look at them closely before you merge:", "\n".join(lines)]
    parts += [verdict.listed(made.findings)] if made.findings else []
    return "\n\n".join(parts)


def _undo(made: Rebased) -> str:
    """Both commits are named whole: the way back holds only where nobody has pushed since."""
    branch = made.branch
    lease = shlex.quote(f"--force-with-lease={branch}:{made.new}")
    commands = f"git fetch origin {made.old}\ngit push {lease} origin {shlex.quote(f'{made.old}:refs/heads/{branch}')}"
    return f"Before, the branch was at {short(made.old)}. To have it back:\n\n{text.fence(commands, 'sh')}"


def tested(command: str, seconds: float) -> str:
    if not command:
        return "No tests were found in this repository, so nothing says that it works."
    return f"The tests passed ({code(command)}, {text.duration(seconds)})."


def red(command: str, seconds: float) -> str:
    took = text.duration(seconds)
    return f"Failed: {code(command)} did not pass on the rebased files, in {took}, so nothing was pushed."
