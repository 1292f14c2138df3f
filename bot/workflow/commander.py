"""The commander: carries out the commands that control the bot, and answers whoever said one that cannot be."""

import structlog

from bot.decision import Control, Refuse
from bot.errors import UserError
from bot.github.entity import Person
from bot.github.events import CommentEvent
from bot.publish import command_text
from bot.publish.reply import Replies, refuse
from bot.publish.subject import event_of
from bot.registry import discover
from bot.store.inbox import Delivery
from bot.store.runs import Run
from bot.workflow.authority import Authority
from bot.workflow.command import Asked, Command
from bot.workflow.dispatcher import Dispatcher, Parts
from bot.workflow.library import key

log = structlog.get_logger(__name__)


def commands() -> dict[str, Command]:
    """Every control command there is, by its word."""
    return {name: found for name, found in discover("bot.commands", "COMMAND").items() if isinstance(found, Command)}


class Commander:
    """One per process."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher) -> None:
        self._p, self._dispatcher = parts, dispatcher
        self._authority, self._replies = Authority(parts), Replies(parts.github)
        self.commands = commands()

    async def do(self, control: Control, event: CommentEvent, delivery: Delivery) -> str | Run:
        """The note for the inbox, or a run that is to be created."""
        order, command = control.order, self.commands[control.order.word]
        workflows = await self._p.library.workflows(key(event.repo))
        asked = Asked(self._p, self._dispatcher, event, delivery, order, workflows, self.commands)
        standing = await self._authority.of(event.repo, event.actor)
        if not standing.reaches(command.requires) and not (command.own and await self._own(asked, event.actor)):
            sentence = command_text.may_not(event.actor.login, order.word, command.requires, standing.level)
            await refuse(self._replies, event, sentence, once=standing.stranger)
            return f"refused: {event.actor.login} has {standing.level}, {command.requires} is needed"
        try:
            answer = await command.carry_out(asked)
        except UserError as refusal:
            return await self.refuse(Refuse(str(refusal)), event, once=standing.stranger)
        said = "\n\n".join(part for part in (control.taken_as, "" if isinstance(answer, Run) else answer) if part)
        if said:  # what anybody may ask for is told strangers once in a conversation
            once = standing.stranger and standing.reaches(command.requires)
            marker = f"command:{order.word}" if once else f"command:{event.comment.id}:{order.word}"
            await self._replies.say(event, said, marker)
        await self._replies.ended(event, well=True)
        log.info("command carried out", command=order.word, actor=event.actor.login)
        return answer if isinstance(answer, Run) else f"/{order.word} carried out"

    async def refuse(self, refusal: Refuse, event: CommentEvent, *, once: bool | None = None) -> str:
        """Answer in one sentence; a stranger gets one of them in a conversation."""
        if once is None:
            once = (await self._authority.of(event.repo, event.actor)).stranger
        await refuse(self._replies, event, refusal.sentence, once=once)
        return f"refused: {refusal.sentence}"

    async def _own(self, asked: Asked, person: Person) -> bool:
        """Whether somebody opened the issue or pull request, or asked for what is at work there."""
        if person.id and person.id == asked.event.issue.author.id:
            return True
        return any(event_of(run).actor.id == person.id for run in await asked.active())
