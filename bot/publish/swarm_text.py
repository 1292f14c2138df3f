"""Every sentence about swarms: where their tasks come from, and why the work of one does not stand. Pure."""

from collections.abc import Mapping, Sequence

from bot.github.harmless import code, harmless, phrase
from bot.publish import text

_WHY = 500  # characters of why a task is left out


def no_file_fits(globs: Sequence[str]) -> str:
    return f"No change: no file fits {_listed([code(glob) for glob in globs])}."


def no_file_holds(words: str) -> str:
    return f"No change: no file holds {code(words)}."


def nothing_planned(agent: str) -> str:
    return f"No change: {code(agent)} found nothing to do."


def one_line(words: str) -> str:
    return f"Failed: {code(words)} is no line of text to look for."


def no_plan(agent: str, why: str) -> str:
    return f"Failed: {code(agent)} found no tasks. {harmless(text.after_failed(why))}".rstrip()


def cut(found: int, taken: int) -> str:
    return f"{found:,} tasks were found, of which the first {taken:,} were done ({code('tasks.max')})."


def unnamed(files: int) -> str:
    """Files that are no tasks: nobody could be told of them."""
    return f"{files} {'files were' if files != 1 else 'file was'} left out, whose names are no plain text."


def unfit(why: Mapping[str, str]) -> str:
    """Tasks that cannot be done beside the others."""
    said = [f"{code(task, 100)} ({phrase(reason, _WHY)})" for task, reason in list(why.items())[:5]]
    more = [f"{len(why) - 5} more"] if len(why) > 5 else []
    return f"{len(why)} of the tasks {'were' if len(why) != 1 else 'was'} left out: {_listed([*said, *more])}."


def aside(paths: Sequence[str]) -> str:
    return f"Waits to be merged until the others are: it conflicts in {_listed([code(path) for path in paths[:10]])}."


def broke() -> str:
    return "Failed: the tests fail with its work, which was taken back."


def built_on(job: str) -> str:
    return f"Failed: it builds on the work of {code(job)}, which the tests fail with, and was taken back with that."


def not_parted() -> str:
    return "Failed: the tests fail with too many of the tasks to tell which, and its work was taken back with theirs."


def alone(number: int, command: str) -> str:
    """The title of the tests of a part that is a pull request by itself, the `number`th that are run."""
    return f"Test a pull request by itself ({number}): {code(command)}"


def to_plan(most: int) -> str:
    """What the agent that plans is asked for."""
    return f"At most {most} tasks, the most useful ones first. Answer with the key `tasks`, a list of texts."


def planning(agent: str) -> str:
    return f"{agent} finds the tasks"


def _listed(said: Sequence[str]) -> str:
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)
