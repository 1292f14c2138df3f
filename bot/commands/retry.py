"""`/retry [from <step>]`: try a run again that ended short of its goal; the results of finished steps stand."""

import time
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from bot.errors import UserError
from bot.orchestra.again import redone as again_of_graph
from bot.publish import command_text
from bot.store import gates, runs
from bot.store.runs import PAST, Node, Run
from bot.workflow.allowance import Allowance
from bot.workflow.command import Asked, Command
from bot.workflow.library import key

SHORT = frozenset({"failed", "refused", "cancelled", "timed out", "over budget", "resource limit"})
LAST = ("judge", "publish")  # what follows from everything before it


async def carry_out(asked: Asked) -> str:
    start = _start(asked)
    run = await _run(asked)
    steps = await asked.parts.db.read(lambda conn: runs.tree(conn, run.id))
    graph = run.facts.get("graph", ())
    pattern = str(run.context["workflow"].get("pattern", "pipeline"))
    again = again_of_graph(graph, steps, _known(steps, start), pattern) if graph else redone(steps, start)
    first = next((node.key for node in steps if node.key in again), "")
    if exhausted := await Allowance(asked.parts).exhausted(asked.event):
        raise UserError(exhausted)
    sentence, payer = command_text.tried_again(asked.login, first), (asked.event.actor.id, asked.login)
    write = partial(runs.retry, run_id=run.id, redone=again, sentence=sentence, payer=payer)
    if not await asked.parts.db.write(write):
        raise UserError(command_text.run_is_active(run.context["workflow"]["name"]))
    asked.show_soon(run)
    return ""


async def _run(asked: Asked) -> Run:
    """The newest run that ended short of its goal, and that none of its workflow came after."""
    newest: dict[str, Run] = {}
    for run in await asked.runs():
        newest.setdefault(f"{run.target} {run.workflow}", run)
    if not newest:
        raise UserError(command_text.nothing_to_retry())
    if (found := next((run for run in newest.values() if run.state in SHORT or _is_partial(run)), None)) is None:
        last = next(iter(newest.values()))
        name = last.context["workflow"]["name"]
        raise UserError(command_text.run_is_active(name) if last.active else command_text.went_well(name, last.state))
    asked.demand(found)
    if (found.ended_at or 0) < time.time() - runs.KEPT_DAYS * 24 * 3600:
        raise UserError(command_text.too_old(runs.KEPT_DAYS))
    if await asked.parts.db.read(lambda conn: gates.ended(conn, found.id)):
        raise UserError(command_text.waits_no_more())
    settings = await asked.parts.library.settings(key(asked.event.repo))
    if settings is not None and settings.staged:  # what it began with would publish
        raise UserError(command_text.staged_now())
    return found


def _is_partial(run: Run) -> bool:
    """Whether it is done, and some of its many tasks are not."""
    return run.state == "done" and bool(run.facts.get("partial"))


def _start(asked: Asked) -> str:
    """The step that is asked for, empty where none is."""
    match asked.order.arguments:
        case ():
            return ""
        case ("from", step):
            return step
        case _:
            raise UserError(command_text.usage("retry", COMMAND.usage))


def redone(steps: Sequence[Node], start: str) -> list[str]:
    """The keys of the steps that are done anew: from `start` on, or those that ended badly and what follows from them.

    Where tests stayed red the agent tries again, too. Raises UserError where there is no such step.
    """
    now = _now(steps)
    known = {node.key: node for node in now}
    _known(steps, start)
    bad = [node for node in now if node.state != "done" and node.key != "publish"]
    ordered = [node for node in now if ".agent." in node.key or ".test." in node.key]
    if start:
        position = known[start].position
    elif ordered and bad:
        position = _of_agent(bad[-1], ordered).position
    else:
        return [node.key for node in now if node in bad or node.key in LAST]
    return [node.key for node in now if node.position >= position]


def _now(steps: Sequence[Node]) -> list[Node]:
    return [node for node in steps if PAST not in node.key and (node.started_at or node.state == "queued")]


def _known(steps: Sequence[Node], start: str) -> str:
    """The step that is asked for. Raises UserError where there is none of that name."""
    known = [node.key for node in _now(steps)]
    if start and start not in known:
        close = get_close_matches(start, known, n=1)
        raise UserError(command_text.no_such_step(start, known, close[0] if close else None))
    return start


def _of_agent(bad: Node, steps: Sequence[Node]) -> Node:
    """The step of the agent whose work the tests of `bad` judged, or `bad` itself."""
    wanted = bad.key.replace(".test.", ".agent.")
    return next((node for node in steps if node.key == wanted), bad)


COMMAND = Command(
    name="retry",
    summary="Try the newest run again where it stopped, or from a step on; finished steps before that stand",
    requires="write",
    usage="[from <step>]",
    carry_out=carry_out,
)
