"""`/resume`: let what is paused go on where it stopped."""

from functools import partial

from bot.errors import UserError
from bot.publish import command_text
from bot.store import runs
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str:
    paused = [run for run in await asked.active() if run.facts.get("pause")]
    for run in paused:
        asked.demand(run)
    done = [run for run in paused if await asked.parts.db.write(partial(runs.resume, run_id=run.id))]
    if not done:
        raise UserError(command_text.nothing_paused())
    for run in done:
        asked.show_soon(run)
    return ""


COMMAND = Command(
    name="resume",
    summary="Let what is paused here go on where it stopped",
    requires="write",
    carry_out=carry_out,
)
