"""Every sentence of trials, the tests that somebody asked for: what was tested, and how it ended. Pure."""

from bot.check.trial import Verdict
from bot.errors import State
from bot.github.harmless import code
from bot.publish import text
from bot.store.record import Node


def short(sha: str) -> str:
    return f"`{sha[:7]}`"


def node(command: str) -> Node:
    """The tests' step in a run's tree."""
    return Node("test", 90_000, f"Run the tests: {code(command)}" if command else "Look for tests to run")


def closed() -> str:
    return "Refused: the pull request is closed."


def no_commit(words: str) -> str:
    return f"Refused: {code(words, 100)} names no commit; name the head by 7 or more digits of its SHA, or nothing."


def not_the_head(said: str, head: str) -> str:
    return f"Refused: {code(said)} is not the newest commit here, which is {short(head)}; only that one is tested."


def pushed_later(head: str) -> str:
    return (
        f"Refused: {short(head)} was pushed after this was asked for. Look at it and say `/test` again, "
        f"or name it: `/test {head[:12]}`."
    )


def nothing_to_run(head: str) -> str:
    return (
        f"Skipped: {short(head)} has no tests that Tutti knows how to run; "
        "say how under `test` in `.github/tutti.yml` of the default branch."
    )


def ended(verdict: Verdict, head: str, minutes: float) -> tuple[State, str]:
    """How it ended, and the sentence for it with the end of what the tests printed."""
    stopped = unfinished(verdict, minutes)
    if stopped is not None:
        return stopped[0], told(stopped[1], verdict.output)
    took = f"on {short(head)}, in {text.duration(verdict.seconds)}"
    if verdict.passed:
        return "done", told(f"Passed: {code(verdict.command)} {took}.", verdict.output)
    return "failed", told(f"Failed: {code(verdict.command)} did not pass {took}.", verdict.output)


def unfinished(verdict: Verdict, minutes: float) -> tuple[State, str] | None:
    """The state and the sentence where the tests did not run to their end."""
    if verdict.broke:
        return "failed", text.setup_failed(verdict.broke)
    if verdict.not_there:
        return "failed", text.tests_not_runnable(verdict.not_there, verdict.code)
    if verdict.limit:
        return "resource limit", verdict.limit
    return ("timed out", text.timed_out(minutes)) if verdict.out_of_time else None


def told(sentence: str, output: str) -> str:
    """A sentence, and folded away the end of what was printed."""
    if not output.strip():
        return sentence
    return f"{sentence}\n\n{text.folded('The end of what was printed', text.fence(text.tail(output)))}"


def gone_on(head: str) -> str:
    return f"The pull request has gone on meanwhile: its newest commit is {short(head)}, which was not tested."
