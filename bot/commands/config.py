"""`/config`: the settings in force here, and where each comes from."""

from bot.publish import config_text
from bot.workflow.command import Asked, Command
from bot.workflow.library import key


async def carry_out(asked: Asked) -> str:
    return config_text.explained(await asked.parts.library.explain(key(asked.event.repo)))


COMMAND = Command(
    name="config",
    summary="Show the settings in force here, and where each comes from",
    requires="triage",
    carry_out=carry_out,
)
