"""`/why`: why the bot did, or did not do, what it did here."""

from bot.github import events
from bot.publish import command_text
from bot.workflow.command import Asked, Command


async def carry_out(asked: Asked) -> str:
    found = await asked.runs()
    heard = await asked.parts.inbox.heard(events.target(asked.event))
    return command_text.reasons(found[0] if found else None, heard)


COMMAND = Command(
    name="why",
    summary="Say why Tutti did something here, or did not: how the newest run ended, what came of each event",
    requires="triage",
    examples=("/why",),
    carry_out=carry_out,
)
