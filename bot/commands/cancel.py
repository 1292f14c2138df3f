"""`/cancel`: end what is at work or waits here."""

from bot.errors import UserError
from bot.publish import command_text
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str:
    active = await asked.active()
    if not active:
        raise UserError(command_text.nothing_active())
    await asked.dispatcher.end([run.id for run in active], command_text.cancelled(asked.login))
    return ""


COMMAND = Command(
    name="cancel",
    summary="End what is at work or waits here; its processes are gone within 5 seconds",
    requires="write",
    own=True,
    examples=("/cancel",),
    carry_out=carry_out,
)
