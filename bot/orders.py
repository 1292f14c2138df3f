"""What a comment asks the bot for: commands, words to the bot, answers to what it said. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from bot.decision import Control, Decision, Hear, Own, Refuse, Start
from bot.github.events import CommentEvent
from bot.mention import mention
from bot.publish import command_text
from bot.slash import Order, orders, strays, suggestion
from bot.workflow.spec import Workflow

# Words whose feature is still to come: refused by name, never taken and forgotten.
PLANNED = frozenset({"integrate", "learn", "refactor", "upgrade"})


@dataclass(frozen=True)
class _Known:
    """The commands of a repository: those of workflows by their word, and the bot's own."""

    workflows: Mapping[str, Sequence[tuple[str, Workflow]]]
    own: Own

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.workflows) | frozenset(self.own.controls)

    def meant(self, order: Order) -> tuple[str, Workflow]:
        """The workflow that a command means: one that wants just such words after it before one that takes any."""
        found = sorted(self.workflows[order.word], key=lambda one: not one[1].on.command_with)
        first = order.arguments[0] if order.arguments else ""
        fitting = [one for one in found if not one[1].on.command_with or _fits(first, one[1].on.command_with)]
        return (fitting or found)[0]

    @property
    def all(self) -> frozenset[str]:
        """Those that get an answer, whatever it is."""
        return self.words | self.own.off | PLANNED


def comment(event: CommentEvent, workflows: Mapping[str, Workflow], own: Own) -> list[Decision]:
    """What new words of people mean, in order. Edited comments command nothing, nor do bots that are not listed."""
    if event.action not in ("created", "submitted"):
        return []
    if event.actor.is_bot and event.actor.id not in own.bots:
        return []
    known = _Known(_by_command(workflows), own)
    said = orders(event.comment.body, known.all)
    if said:
        firsts = {order.word: number for number, order in reversed(list(enumerate(said)))}
        return [_meant(order, event, known, again=firsts[order.word] < n) for n, order in enumerate(said)]
    if free := mention(event.comment.body, own.slug, known.all):
        return [_meant(_on_issues(free, event), event, known, taken=True)]
    return _perhaps(event, known) or ([Hear()] if event.comment.in_reply_to is not None else [])


def _by_command(workflows: Mapping[str, Workflow]) -> dict[str, list[tuple[str, Workflow]]]:
    found: dict[str, list[tuple[str, Workflow]]] = {}
    for name, flow in workflows.items():
        if flow.on.command:
            found.setdefault(flow.on.command, []).append((name, flow))
    return found


def _fits(word: str, globs: Sequence[str]) -> bool:
    return bool(word) and any(fnmatchcase(word, glob) for glob in globs)


def _on_issues(order: Order, event: CommentEvent) -> Order:
    """Who asks in words of their own to fix an issue wants it implemented."""
    return replace(order, word="implement") if order.word == "fix" and not event.issue.is_pull else order


def _perhaps(event: CommentEvent, known: _Known) -> list[Decision]:
    """A word close to a command is answered once; paths, prose and other bots' commands get silence."""
    for order in strays(event.comment.body, known.words):
        if close := suggestion(order.word, known.words):
            return [Refuse(command_text.meant(order.word, close))]
    return []


def _meant(order: Order, event: CommentEvent, known: _Known, *, taken: bool = False, again: bool = False) -> Decision:
    """What a command leads to. `taken`: somebody's own words were taken for it, which are held to no usage."""
    taken_as = command_text.taken_as(order.word, order.text) if taken else ""
    word = order.word
    if word in known.own.controls:
        wrong = "" if taken else _wrong_words(order, known.own.controls[word])
        return Refuse(wrong) if wrong else Control(order, taken_as)
    if word not in known.workflows and (path := known.own.broken.get(f"/{word}")):
        return Refuse(command_text.never_good(f"/{word}", path))
    if word not in known.workflows:
        return Refuse(command_text.switched_off(word) if word in known.own.off else command_text.not_yet(word))
    name, flow = known.meant(order)
    wrong = command_text.twice(word) if again else _misplaced(order, event, flow)
    wrong = wrong or ("" if taken else _wrong_words(order, flow.usage))
    return Refuse(wrong) if wrong else Start(name, order=order, taken_as=taken_as)


def _misplaced(order: Order, event: CommentEvent, flow: Workflow) -> str:
    place = "pull_request" if event.issue.is_pull else "issues"
    if place not in flow.command_places:
        return command_text.not_here(order.word, list(flow.command_places))
    if event.issue.state != "open" and flow.outputs.comment is None:
        return command_text.closed(order.word, pull=event.issue.is_pull)
    return ""


def _wrong_words(order: Order, usage: str) -> str:
    """What is wrong with the words after a command: `usage` is empty where there may be none, `<..>` must, `[..]` may.

    Words of one's own, in three dots, are taken as they are.
    """
    if "..." in usage:
        return command_text.usage(order.word, usage) if usage.startswith("<") and not order.text else ""
    if order.problem:
        return command_text.malformed(order.word, order.problem, usage)
    given = bool(order.arguments or order.options)
    if (given and not usage) or (not given and usage.startswith("<")) or order.options:
        return command_text.usage(order.word, usage)
    return ""
