"""Every sentence a user reads, one function a message."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.github.harmless import code, harmless, inert, phrase, plain
from bot.review.answer import NO_ANSWER
from bot.review.said import RESOLVED
from bot.storable import storable
from bot.workflow.right import APPROVED as APPROVED
from bot.workflow.spec import Workflow

OUTPUT_LIMIT = 6_000
PATCH_LIMIT = 40_000


def money(usd: float | None) -> str:
    if usd is None:
        return "cost unknown"
    return "under $0.01" if 0 < usd < 0.01 else f"${usd:.2f}"


def duration(seconds: float) -> str:
    """`0.4 s`, `45 s`, `2 min 10 s`, `1 h 5 min`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def fence(text: str, language: str = "text") -> str:
    """`text` in a code fence that nothing in it can close; but for a patch, no line of it is a command of a bot."""
    ticks, kept = "```", (storable(text) if language == "diff" else inert(text)).rstrip("\n")
    while ticks in kept:
        ticks += "`"
    return f"{ticks}{language}\n{kept}\n{ticks}"


def tail(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """The end of a long output, cut at a line, with a word about what is left out."""
    if len(text) <= limit:
        return text
    cut = text[-limit:]
    return "[the beginning is left out]\n" + cut[cut.find("\n") + 1 :]


def folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


# ---- refusals and endings: one sentence each -------------------------------------------------------------------------


def not_allowed(login: str, workflow: str, needed: str, has: str) -> str:
    held = "no access" if has == "none" else f"{has} access"
    return f'@{login}, starting "{phrase(workflow)}" needs {needed} access to this repository, and you have {held}.'


def too_many(active: int) -> str:
    return (
        f"Not started: {active} runs of this repository wait or run already. Set the label again when they are fewer."
    )


def cancelled_by_label(login: str, label: str) -> str:
    return f"Cancelled: @{login} took the label {code(label)} off."


def cancelled_by_closing(login: str) -> str:
    return f"Cancelled: @{login} closed the issue."


def cancelled_by_pull(login: str, *, merged: bool) -> str:
    return f"Cancelled: @{login} {'merged' if merged else 'closed'} the pull request."


def superseded() -> str:
    return "Cancelled: the pull request has changed, and is read as it is now instead."


def at_work(workflow: str) -> str:
    return f'Not started: "{phrase(workflow)}" is at work here already. Ask again once it has ended.'


def cancelled_by(login: str, action: str) -> str:
    return f"Cancelled by @{login} ({action})."


def cancelled_by_removal() -> str:
    return "Cancelled: Tutti was removed from this repository."


def archived() -> str:
    return "This repository is archived, so nothing can be pushed to it."


def older_left_out() -> str:
    return "[Older comments are left out.]"


def came_later(people: Mapping[str, int]) -> str:
    """Whose comments the agent did not get because they are newer than the request, and how many."""
    names = [login if count == 1 else f"{login} ({count})" for login, count in people.items()]
    listed = ", ".join([*names[:5], *[f"{len(names) - 5} more"] * (len(names) > 5)])
    which = "1 comment was" if sum(people.values()) == 1 else f"{sum(people.values())} comments were"
    return f"Not read: {which} written or changed after this was asked for, by {listed}."


def no_such_file(path: str) -> str:
    return f"There is no file {code(path)} on the branch that the work would start from."


def empty() -> str:
    return "This repository has no commits yet; push a first one, then set the label again."


def notes(submodules: Sequence[str], *, lfs: bool) -> tuple[str, ...]:
    """What about the repository the agent cannot see, and people should know."""
    found = []
    if submodules:
        shown = ", ".join(map(code, submodules[:5])) + (" and more" if len(submodules) > 5 else "")
        found.append(f"Submodules are not checked out: {shown}.")
    if lfs:
        found.append("Files in Git LFS are seen as their pointers, not their content.")
    return tuple(found)


def bad_configuration(problem: str) -> str:
    return f"The configuration is not valid, and there is no earlier good copy of it: {code(problem, 1_000)}."


def no_change(summary: str) -> str:
    said = f" It says:\n\n{quoted(summary)}" if summary else ""
    return f"No change: the agent ended without changing a file.{said}"


def in_a_line(reason: str) -> str:
    """A reason for a row: what it quotes stands behind it, and not below."""
    head, below, words = reason.partition("\n\n> ")
    lines = [line.removeprefix(">").strip() for line in words.splitlines()]
    return " ".join([head, *filter(None, lines)]) if below else reason


def quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.strip().splitlines())


def done(pull: int, closes: int) -> str:
    return f"Done: #{pull} is open and closes #{closes} when it is merged."


def part(pull: int, issue: int) -> str:
    return f"Done: #{pull} is open. It is a part of #{issue}, which it does not close."


def continued(pull: int, *, draft: bool) -> str:
    if draft:
        return f"Done: #{pull} has the new commits; it is still a draft, mark it ready when you like."
    return f"Done: #{pull} has the new commits."


def verdict_alone(event: str) -> str:
    """The text of a review that says nothing new."""
    if event == "REQUEST_CHANGES":
        return "What was said before and is open still has to be mended."
    return "All of it was read, and nothing is open."


def not_settled(threads: int, why: str) -> str:
    which = f"{threads} thread{'s' if threads != 1 else ''} of findings that have ended or are back"
    return f"{which} could not be resolved or opened again: {why}"


def left_behind(facts: Mapping[str, Any]) -> str:
    """Where the work of a run is that was cancelled while it was being published; a review has none."""
    if not facts.get("branch"):
        return ""
    if pull := facts.get("pull"):
        return f"Its work is in {', '.join(f'#{one}' for one in facts.get('pulls') or [pull])}."
    return f"Its work is on the branch {code(facts['branch'])}." if facts.get("head") else ""


def local_branch(*, experiment: bool) -> str:
    """The last step of a run on a clone, which pushes nothing."""
    return "Keep the branch here" if experiment else "Write the branch"


def on_branch(branch: str) -> str:
    return f"The work is on the branch {code(branch)}."


def tests_red(tries: int) -> str:
    return f"Failed: the tests still fail after {tries} {'tries' if tries != 1 else 'try'}."


def tests_not_runnable(command: str, status: int) -> str:
    return f"Failed: the test command {code(command)} cannot be run here (exit {status})."


def cost_unknown(usd: float) -> str:
    return f"Over budget: what the agent has cost is not known, so it counts as the whole limit of ${usd:.2f}."


def left_out(parts: Sequence[tuple[str, int]]) -> str:
    """What of the work was taken for output of tools: (path, number of files), a folder's ending in a slash."""
    shown = [
        code(path) + (f" ({count} file{'s' if count != 1 else ''})" if path.endswith("/") else "")
        for path, count in parts[:5]
    ]
    more = [f"{len(parts) - 5} more"] if len(parts) > 5 else []
    return f"Left out as build leftovers: {', '.join([*shown, *more])}." if parts else ""


def timed_out(minutes: float, whose: str = "a run") -> str:
    return f"Timed out: the limit of {minutes:g} minutes for {whose} is used up."


def silent(minutes: float) -> str:
    return f"Timed out: the agent said and did nothing for {minutes:g} minutes."


def over_budget(usd: float, whose: str = "a run") -> str:
    limit = f"{usd:.2f}" if usd >= 0.01 else f"{usd:.1g}"
    return f"Over budget: the limit of ${limit} for {whose} is used up."


def reading_timed_out(minutes: float) -> str:
    return f"Timed out: what the limit of {minutes:g} minutes for a run leaves for reading is used up."


def share_used(share: float, usd: float) -> str:
    return f"Over budget: its share of the run's money, ${share:.2f} of ${usd:.2f}, is used up."


def unforeseen(name: str) -> str:
    return f"{name}, of which the log says more"


def agent_failed(problem: str) -> str:
    return f"Failed: the agent ended with an error: {harmless(problem)}"


def declined_by(login: str) -> str:
    return f"declined by {code(login)}"


def resolved_by(login: str) -> str:
    return f"{RESOLVED} {code(login)}"


def answer_not_valid(wrong: Sequence[str]) -> str:
    return f"Its answer was not valid, also when it was asked once more: {_flaws(wrong)}."


def _flaws(wrong: Sequence[str]) -> str:
    """What an agent is told is wrong with its answer, for people."""
    return "; ".join("it has no block of JSON" if line == NO_ANSWER else code(line, 120) for line in wrong[:3])


def after_failed(problem: str) -> str:
    """A reason, after a sentence that says already that something failed."""
    words = problem.removeprefix("Failed: ")
    return words[:1].upper() + words[1:]


def reading_left(found: int, wrong: Sequence[str], noun: str = "finding") -> str:
    """What a reading brought: the number of findings, and what of the answer could not be used."""
    said = f"{found} {noun}{'s' if found != 1 else ''}" if found else f"no {noun}s"
    return f"{said}; not valid: {_flaws(wrong)}" if wrong else said


def out_of_turns(turns: int) -> str:
    return f"Failed: the agent used all of its {turns} turns."


def setup_failed(command: str) -> str:
    return f"Failed: the set-up command {code(command)} did not succeed."


def not_pushed(words: str) -> str:
    return f"Failed: the branch could not be pushed. {_sentence(words)}"


def not_opened(words: str) -> str:
    return f"Failed: the pull request could not be opened. {_sentence(words)}"


def no_check(words: str) -> str:
    return f"Its check run could not be written: {_sentence(words)}"


def _sentence(words: str) -> str:
    """What git or GitHub said, as a sentence: a server's words are words of others."""
    return words if (words := harmless(words)).endswith((".", "!", "?")) else words + "."


def broken(run_id: str) -> str:
    return f"Failed: something broke inside Tutti; its log has the details under run `{run_id}`."


def offered(pull: int, *, draft: bool) -> str:
    return f"What was made so far is in {'the draft ' if draft else ''}#{pull}."


def no_sandbox() -> str:
    """For people who ask; whoever runs the bot gets the reason from the doctor."""
    return (
        "Refused: this installation of Tutti has no working sandbox, so it runs nobody's code. "
        "Whoever runs it finds the reason and the way out with `tutti doctor`."
    )


# ---- the check run ---------------------------------------------------------------------------------------------------


def check_title(tests: str, passed: bool | None) -> str:
    if passed is None:
        return "The change was not tested" if tests else "No tests were found in this repository"
    return f"{tests}: {'passed' if passed else 'failed'}"


def config_title(problems: Sequence[str]) -> str:
    return "The configuration is in force" if not problems else "The configuration has a mistake"


def config_summary(problems: Sequence[str]) -> str:
    if not problems:
        return "Every file that this commit changed is valid and in force."
    shown = "\n".join(f"- {code(problem, 1_000)}" for problem in problems)
    return f"{shown}\n\nThe last good copy of each stays in force until this is mended."


# ---- labels: name -> (colour, description) ---------------------------------------------------------------------------

_RESULTS = {
    "automated-pr": ("5319e7", "Opened by Tutti"),
    "needs-review": ("fbca04", "Waits for a person to read it"),
}


def labels(workflows: Iterable[Workflow]) -> dict[str, tuple[str, str]]:
    """Every label the workflows listen to or set."""
    found = {APPROVED: ("0e8a16", "Publish exactly the patch that Tutti shows")}
    for workflow in workflows:
        for name in workflow.trigger_labels:
            found[name] = ("0e8a16", f"{plain(workflow.name)}, by Tutti")
        for name in workflow.opens.labels:
            found[name] = _RESULTS.get(name, ("ededed", "Set by Tutti"))
    return found


def sentence_title(text: str) -> str:
    """The first line, as a sentence by itself where nothing acts: a list may come below it."""
    first = plain(text.strip().splitlines()[0])
    first = f"{first[:-1]}." if first.endswith(":") else first
    return first if len(first) <= 100 else first[:97] + "..."
