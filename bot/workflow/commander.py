"""The commander: carries out the commands that control the bot, and answers whoever said one that cannot be."""

from dataclasses import asdict, dataclass

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
from bot.workflow.authority import Authority, suffices
from bot.workflow.command import Asked, Command
from bot.workflow.dispatcher import Dispatcher, Parts
from bot.workflow.library import key as key_of

log = structlog.get_logger(__name__)


def commands() -> dict[str, Command]:
    """Every control command there is, by its word."""
    return {name: found for name, found in discover("bot.commands", "COMMAND").items() if isinstance(found, Command)}


@dataclass(frozen=True)
class _Done:
    """How a command ended: the words for whoever said it, and whether it was done. `told`: they have them."""

    answer: str
    well: bool
    once: bool = False
    told: bool = False


class Commander:
    """One per process."""

    def __init__(self, parts: Parts, dispatcher: Dispatcher) -> None:
        self._p, self._dispatcher = parts, dispatcher
        self._authority, self._replies = Authority(parts), Replies(parts.github)
        self.commands = commands()

    async def do(self, control: Control, event: CommentEvent, delivery: Delivery, place: int) -> str | Run:
        """The note for the inbox, or a run that is to be created. `place` is where the command stands in its comment.

        A delivery may be handled again: what was carried out is noted, and not done a second time.
        """
        key, inbox = f"{place}:{control.order.word}", self._p.inbox
        done = (await inbox.marks(delivery.seq)).get(key)
        if done is None:
            made = await self._carried_out(control, event, delivery)
            if isinstance(made, Run):
                await self._tell(event, _Done(control.taken_as, well=True), key)
                return made
            done = asdict(made)
            await inbox.mark(delivery.seq, key, done)
        if not done.get("told"):
            await self._tell(event, _Done(**done), key)
            await inbox.mark(delivery.seq, key, {**done, "told": True})
        return f"/{control.order.word} carried out" if done["well"] else f"refused: {done['answer']}"

    async def _carried_out(self, control: Control, event: CommentEvent, delivery: Delivery) -> "_Done | Run":
        order, command = control.order, self.commands[control.order.word]
        workflows = await self._p.library.workflows(key_of(event.repo))
        standing = await self._authority.of(event.repo, event.actor)
        asked = Asked(self._p, self._dispatcher, event, delivery, order, standing, workflows, self.commands)
        if not suffices(standing, command.requires) and not (command.own and await self._own(asked, event.actor)):
            sentence = command_text.may_not(event.actor.login, order.word, command.requires, standing.level)
            return _Done(sentence, well=False, once=standing.stranger)
        try:
            answer = await command.carry_out(asked)
        except UserError as refusal:
            return _Done(str(refusal), well=False, once=standing.stranger)
        log.info("command carried out", command=order.word, actor=event.actor.login)
        if isinstance(answer, Run):
            return answer
        said = "\n\n".join(part for part in (control.taken_as, answer) if part)
        return _Done(said, well=True, once=standing.stranger and standing.reaches(command.requires))

    async def _tell(self, event: CommentEvent, done: "_Done", key: str) -> None:
        """In words where there are some, and by a reaction. What is told `once` is told so in a conversation."""
        if not done.well:
            return await refuse(self._replies, event, done.answer, once=done.once)
        if done.answer:
            word = key.partition(":")[2]
            marker = f"command:{word}" if done.once else f"command:{event.comment.id}:{word}"
            await self._replies.say(event, done.answer, marker, once=done.once)
        return await self._replies.ended(event, well=True)

    async def refuse(self, refusal: Refuse, event: CommentEvent) -> str:
        """Answer in one sentence; a stranger gets one of them in a conversation."""
        once = (await self._authority.of(event.repo, event.actor)).stranger
        await refuse(self._replies, event, refusal.sentence, once=once)
        return f"refused: {refusal.sentence}"

    async def _own(self, asked: Asked, person: Person) -> bool:
        """Whether somebody opened the issue or pull request, or asked for what is at work there."""
        if person.id and person.id == asked.event.issue.author.id:
            return True
        waits = [run for run in await asked.runs() if run.active or run.state == "needs approval"]
        return any(event_of(run).actor.id == person.id for run in waits)
