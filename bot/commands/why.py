"""`/why`: why the bot did, or did not do, what it did here."""

from bot.github import events
from bot.publish import command_text
from bot.router import OWN
from bot.workflow.command import Asked, Command

LOOKED_AT, SHOWN = 50, 10


async def carry_out(asked: Asked) -> str:
    found = await asked.runs()
    heard = await asked.parts.inbox.heard(events.target(asked.event), LOOKED_AT)
    told = [(event, note) for event, note in heard if note != f"ignored: {OWN}"]
    return command_text.reasons(found[0] if found else None, told[:SHOWN])


COMMAND = Command(
    name="why",
    summary="Say why Tutti did something here, or did not: how the newest run ended, what came of each event",
    requires="triage",
    carry_out=carry_out,
)
