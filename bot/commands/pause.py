"""`/pause`: stop at the next step; nothing runs or costs until somebody says `/resume`."""

from functools import partial

from bot.errors import UserError
from bot.publish import command_text
from bot.store import runs
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str:
    sentence = command_text.paused(asked.login)
    active = [run for run in await asked.active() if not run.facts.get("pause")]
    done = [run for run in active if await asked.parts.db.write(partial(runs.pause, run_id=run.id, sentence=sentence))]
    if not done:
        raise UserError(command_text.nothing_active())
    for run in done:
        asked.show_soon(run)
    return ""


COMMAND = Command(
    name="pause",
    summary="Stop what is at work here before its next step; an agent at work ends its step first",
    requires="write",
    carry_out=carry_out,
)
