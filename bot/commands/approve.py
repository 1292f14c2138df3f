"""`/approve`: let what waits for a person's approval here go on, exactly as it was shown."""

from bot.store.runs import Run
from bot.workflow.approval import approve
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str | Run:
    return await approve(asked.parts, asked.event, asked.delivery, asked.order.arguments)


COMMAND = Command(
    name="approve",
    summary="Carry out the plan, or publish the patch, that waits here: exactly what was shown",
    requires="write",
    usage="[digest]",
    carry_out=carry_out,
)
