"""`/help`: what can be said here, and who may."""

from bot.publish import command_text
from bot.workflow.command import Asked, Command, rows


async def carry_out(asked: Asked) -> str:
    place = "pull_request" if asked.event.issue.is_pull else "issues"
    slug = (await asked.parts.github.app()).slug
    return command_text.help_page(rows(asked.commands, asked.workflows), place, slug)


COMMAND = Command(
    name="help",
    summary="List the commands",
    requires="read",
    carry_out=carry_out,
)
