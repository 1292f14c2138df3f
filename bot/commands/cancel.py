"""`/cancel`: end what is at work or waits here."""

import time
from functools import partial

import sqlalchemy as sa

from bot.errors import UserError
from bot.github import events
from bot.publish import command_text, verdict
from bot.store import gates
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str:
    active = [run.id for run in await asked.active()]
    waiting = await asked.parts.db.write(partial(_withdrawn, asked=asked))
    if not active and not waiting:
        raise UserError(command_text.nothing_active())
    await asked.dispatcher.end(active, command_text.cancelled(asked.login))
    for run_id in waiting:
        asked.dispatcher.show_soon(run_id)
    return ""


def _withdrawn(conn: sa.Connection, asked: Asked) -> list[str]:
    """The runs that waited here for an approval, and do not any more."""
    event, say = asked.event, partial(verdict.was_withdrawn, login=asked.login)
    found = gates.about(conn, event.repo.id, events.target(event), event.issue.number)
    waiting = [one.run.id for one in found if one.waits(time.time())]
    return [run_id for run_id in waiting if gates.end(conn, run_id, "withdrawn", say)]


COMMAND = Command(
    name="cancel",
    summary="End what is at work or waits here; its processes are gone within 5 seconds",
    requires="write",
    own=True,
    carry_out=carry_out,
)
