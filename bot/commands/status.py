"""`/status`: how the runs here stand, step by step."""

import time

from bot.publish import command_text
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str:
    found = await asked.runs()
    shown = [run for run in found if run.active] or found[:1]
    return command_text.standing(
        await asked.trees(shown), time.time(), {run.id: asked.parts.herald.page(run.id) for run in shown}
    )


COMMAND = Command(
    name="status",
    summary="Say how the runs here stand, with the names of their steps",
    requires="triage",
    own=True,
    carry_out=carry_out,
)
