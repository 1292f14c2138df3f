"""Every sentence about which runs go first, wait or give way, and what of their work is held back. Pure."""

import re
from collections.abc import Mapping, Sequence

from bot.github.harmless import code, harmless, phrase

LONGEST = 2_000  # characters of what one job said
NEXT = "Ask for it again and say what is to be different, or mend by hand what was made: it is kept, see below."
UNHEARD = "Say `/retry` to have that asked anew."  # what was made may be as good as it can be
_JOBS = re.compile(r"\bneeds\.([\w-]+)")


def gave_way(workflow: str, run_id: str) -> str:
    """For a run of a concurrency group: which one took its place."""
    return (
        f'Cancelled: run `{run_id[:8]}` ("{phrase(workflow)}") took its place, for of their group one is under way '
        "at a time, and one waits."
    )


def asked_anew(workflow: str, login: str) -> str:
    """For a run whose workflow begins anew whenever it is asked for."""
    return f'Cancelled: @{login} asked for "{phrase(workflow)}" again, and it begins anew.'


def wants_a_look(strategy: str) -> str:
    """Why nothing of a run is published without a word of a person's."""
    if strategy == "experiment":
        return "This was an experiment: nothing of it is published without a person's word."
    return "The workflow wants a person to look at what it made before any of it is published."


def read_other(jobs: Sequence[str]) -> str:
    """For files that changed after those had read them whose word decides."""
    who = ", ".join(code(name) for name in jobs)
    return f"Nothing is published: the files changed after {who} had read them. Say `/retry` to have them read anew."


def held_back(condition: str, why: str = "", *, unheard: Sequence[str] = ()) -> str:
    """For a change whose workflow publishes only what fulfils a condition; what the jobs in it said stands below.

    `unheard` are those of them that came to no word on it.
    """
    jobs = [code(name) for name in dict.fromkeys(_JOBS.findall(condition))]
    if why or not jobs:
        head = f"Refused: this workflow publishes only if {code(condition)}, and that does not hold."
        return f"{head} {harmless(why)}".rstrip()
    if unheard:
        return f"Nothing is published: {' and '.join(map(code, unheard))} came to no word on this. {UNHEARD}"
    return f"Refused: {' and '.join(jobs)} held this back. {NEXT}"


def said_by(job: str, state: str, reason: str, outputs: Mapping[str, str]) -> str:
    """What a job that the condition speaks of ended with, as a list item with what it said below or beside it."""
    denied = [name for name, words in outputs.items() if words == "false"]
    if len(denied) == 1 and len(outputs) <= 2:
        why = "".join(f": {harmless(words[:LONGEST])}" for name, words in outputs.items() if name not in denied)
        return f"- {code(job)} did not call this {code(denied[0])}{why or '.'}"
    lines = [f"- {code(job)} ended as {state}" + (", and said:" if outputs else f". {harmless(reason)}".rstrip())]
    lines += [f"  - {code(name)}: {harmless(words[:LONGEST])}" for name, words in outputs.items()]
    return "\n".join(lines)


def nothing_to_divide(strategy: str, looked: Sequence[str]) -> str:
    """For `worktrees: layer` or `service` in a repository that has none."""
    names = ", ".join(code(one) for one in looked)
    return f"No {strategy} was found here (looked for {names}), so one agent did all of it."
