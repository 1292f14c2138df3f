"""What people read who command the bot: refusals in one sentence, answers of the control commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.github.harmless import cell, code, harmless, phrase
from bot.publish import reason_text, status_text, text
from bot.store.record import Node, Run, total, total_cost
from bot.workflow.spec import Workflow

RIGHTS = {
    "read": "anybody who can read the repository",
    "triage": "triage access",
    "write": "write access",
    "maintain": "maintain access",
    "admin": "admin access",
}
PLACES = {"issues": "issues", "pull_request": "pull requests"}


@dataclass(frozen=True)
class Row:
    """A command as /help lists it. `places` are `issues` and `pull_request`."""

    usage: str
    summary: str
    requires: str
    own: bool
    places: frozenset[str]


# ---- one sentence each -----------------------------------------------------------------------------------------------


def may_not(login: str, command: str, needed: str, has: str) -> str:
    held = "no access" if has == "none" else f"{has} access"
    return f"@{login}, `/{command}` needs {needed} access to this repository, and you have {held}."


def meant(word: str, known: str) -> str:
    return f"There is no command {code('/' + word)}: did you mean `/{known}`? `/help` lists them all."


def not_here(word: str, places: Sequence[str]) -> str:
    return f"`/{word}` is for {' and '.join(PLACES[place] for place in sorted(places))}."


def closed(word: str, *, pull: bool) -> str:
    return f"`/{word}` needs an open {'pull request' if pull else 'issue'}, and this one is closed."


def switched_off(word: str) -> str:
    return f"`/{word}` is switched off by this repository's configuration."


def never_good(asked: str, path: str) -> str:
    """For what a label or a command would start, were there not a repository's own file of that name."""
    return (
        f"{code(asked, 100)} starts nothing here: {code(path, 200)} has a mistake, and there is no earlier good copy "
        "of it. The check run **Tutti configuration** on its commit names the mistake."
    )


def not_yet(word: str) -> str:
    return f"`/{word}` is not available yet."


def twice(word: str) -> str:
    return f"`/{word}` stands here more than once: the first one was taken."


def usage(word: str, wanted: str) -> str:
    shown = f"/{word} {wanted}".strip()
    return f"That is said like this: {code(shown)}." if wanted else f"`/{word}` takes no words after it."


def malformed(word: str, problem: str, wanted: str) -> str:
    return f"{problem[:1].upper()}{problem[1:]}. {usage(word, wanted)}"


def taken_as(word: str, rest: str = "") -> str:
    return f"Taken as {code(f'/{word} {rest}'.strip(), 200)}."


def nothing_active() -> str:
    return "Nothing is at work or waits here."


def nothing_paused() -> str:
    return "Nothing is paused here."


def paused(login: str) -> str:
    return f"Paused by @{login}: it goes on with `/resume`, and `/cancel` ends it. Nothing runs or costs meanwhile."


def not_playable(workflow: str, why: str) -> str:
    """For a workflow that was right when it was read, and is not any more."""
    return f"{phrase(workflow)} cannot be played: {harmless(why)}."


def is_paused(workflow: str) -> str:
    return f'Not started: "{phrase(workflow)}" is paused here. `/resume` lets it go on, `/cancel` ends it.'


def workflow_off(workflow: str) -> str:
    return f'"{phrase(workflow)}" is not in force here any more, so its runs do not go on.'


def too_old(days: int) -> str:
    return f"That run ended more than {days} days ago, and what it made is not kept: ask for it anew."


def waits_no_more() -> str:
    return "What that run made waited for an approval, and does not any more: ask for it anew."


def staged_now() -> str:
    return "This repository is staged, so a run that began to publish does not go on: ask for it anew."


def cancelled(login: str) -> str:
    return f"Cancelled by @{login}."


def nothing_to_retry() -> str:
    return "There is no run here that ended short of its goal."


def went_well(workflow: str, state: str) -> str:
    return f'The newest run, "{phrase(workflow)}", ended as {state}: there is nothing to try again.'


def run_is_active(workflow: str) -> str:
    return f'"{phrase(workflow)}" is at work here already.'


def no_such_step(word: str, steps: Sequence[str], close: str | None) -> str:
    hint = f" Did you mean {code(close)}?" if close else ""
    return f"There is no step {code(word)}.{hint} The steps are {', '.join(map(code, steps))}."


def tried_again(login: str, step: str) -> str:
    if not step:
        return f"Tried again by @{login}: everything that was finished stands."
    return f"Tried again by @{login}, from {code(step)} on; the steps before it stand."


# ---- limits ----------------------------------------------------------------------------------------------------------


def actor_runs(login: str, most: int) -> str:
    return f"Not started: @{login} may start {most} runs a day, and that is used up until midnight UTC."


def repo_runs(most: int) -> str:
    return f"Not started: this repository may start {most} runs a day, and that is used up until midnight UTC."


def thread_runs(most: int) -> str:
    return f"Not started: {most} runs were started here within an hour; say it again later."


def no_money(sentence: str) -> str:
    return f"Not started. {sentence}"


# ---- answers ---------------------------------------------------------------------------------------------------------


def help_page(rows: Sequence[Row], place: str, slug: str) -> str:
    """What can be said here, and who may."""
    head = f"Write one of these at the beginning of a line, or `@{slug}` and what you want in your own words.\n\n"
    mine = [row for row in rows if place in row.places]
    return head + table(mine) + "\n\nElsewhere: " + _elsewhere([row for row in rows if place not in row.places])


def table(rows: Sequence[Row]) -> str:
    lines = [f"| {cell(code(row.usage))} | {cell(phrase(row.summary))} | {who(row)} |" for row in rows]
    return "\n".join(["| command | what it does | who may |", "|---|---|---|", *lines])


def who(row: Row) -> str:
    return RIGHTS[row.requires] + (", and whoever opened this or asked for the run" if row.own else "")


def _elsewhere(rows: Sequence[Row]) -> str:
    return ", ".join(code(row.usage.split()[0]) for row in rows) + "." if rows else "nothing."


def standing(runs: Sequence[tuple[Run, Sequence[Node]]], now: float, page: Mapping[str, str]) -> str:
    """How the runs here stand: those that are active, else the newest."""
    parts = []
    for run, steps in runs:
        shown = status_text.Status(run, run.context["workflow"]["name"], steps, now, page=page.get(run.id, ""))
        named = status_text.named_steps(steps, now)
        parts += [status_text.headline(shown), named, reason_text.told(run, text.tail(run.reason))]
    return "\n\n".join(part for part in parts if part) or "Nothing was ever started here."


def costs(runs: Sequence[tuple[Run, Sequence[Node]]], today: float, limit: float | None) -> str:
    """What the runs here have cost, and the repository's day."""
    lines = ["| run | state | cost |", "|---|---|---|"]
    spent = [total_cost(steps) for _, steps in runs]
    for (run, _), usd in zip(runs, spent, strict=True):
        name = cell(phrase(run.context["workflow"]["name"]))
        lines.append(f"| {name} {code(run.id[:8])} | {run.state} | {text.money(usd)} |")
    lines.append(f"| **together** | | {text.money(total(spent))} |")
    cap = f" of ${limit:.2f}" if limit is not None else ""
    day = f"This repository today (UTC): ${today:.2f}{cap}."
    return "\n".join([*lines, "", day]) if runs else f"Nothing was ever started here. {day}"


def reasons(run: Run | None, heard: Sequence[tuple[str, str]]) -> str:
    """Why things are as they are here: how the newest run ended, and what came of what happened here, newest first."""
    parts = []
    if run is not None:
        name = phrase(run.context["workflow"]["name"])
        parts.append(f'The newest run, "{name}", is {run.state}.' if run.active else _ended(name, run))
    lines = [f"- {event}: {code(note, 300)}" for event, note in heard]
    parts.append("What came of what happened here, newest first:\n\n" + "\n".join(lines) if lines else "")
    return "\n\n".join(part for part in parts if part) or "Nothing that Tutti listens to happened here."


def _ended(name: str, run: Run) -> str:
    why = f"\n\n{text.quoted(reason_text.told(run, text.tail(run.reason, 2_000)))}" if run.reason else ""
    return f'The newest run, "{name}", ended as **{run.state}**.{why}'


def of_workflow(workflow: Workflow) -> Row:
    """A workflow's command as /help lists it."""
    usage = f"/{workflow.on.command} {workflow.usage}".strip()
    summary = workflow.description or workflow.name
    return Row(usage, summary, workflow.requires, False, workflow.command_places)
