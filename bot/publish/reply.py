"""Answering whoever wrote a comment, where it stands: that it was read, how it ended, and in words."""

import zlib
from datetime import datetime
from typing import Literal

from bot.github.api import Repository
from bot.github.client import GitHub
from bot.github.events import CommentEvent
from bot.github.reaction import Content
from bot.github.refusal import RefusalError


class Replies:
    """Writes below issues and pull requests, and in the threads at their lines."""

    def __init__(self, github: GitHub) -> None:
        self._github = github

    async def taken(self, event: CommentEvent) -> None:
        """Show that a command was read."""
        await self._react(event, "eyes")

    async def ended(self, event: CommentEvent, *, well: bool) -> None:
        """Show how a command ended."""
        await self._react(event, "rocket" if well else "confused")

    async def _react(self, event: CommentEvent, content: Content) -> None:
        """The text of a review takes no reaction, and a comment that somebody deleted none either."""
        where: Literal["issue", "diff"] = "diff" if event.comment.where == "diff" else "issue"
        if event.comment.where == "review":
            return
        async with self._github.repository(event.repo, rights_for(event)) as repo:
            try:
                await repo.react(where, event.comment.id, content)
            except RefusalError as refusal:
                if refusal.status not in (404, 422):
                    raise

    async def say(self, event: CommentEvent, body: str, marker: str, *, once: bool = False) -> None:
        """One answer, where the comment stands; nothing where ours with that marker is there already.

        `once`: said in an answer to an earlier comment, too, perhaps.

        Nor to a bot, which has the reaction: two of them could answer each other for ever.
        """
        if event.actor.is_bot:
            return
        async with self._github.repository(event.repo, rights_for(event)) as repo:
            await post(repo, event, body, marker, None if once else event.comment.created_at)


async def refuse(replies: Replies, event: CommentEvent, sentence: str, *, once: bool) -> None:
    """A command is not carried out: the sentence why, and a reaction; `once`: said once in a conversation.

    Several commands of one comment may each have their sentence, and none is said twice.
    """
    said = zlib.crc32(sentence.encode("utf-8", "replace"))
    marker = "refusal:right" if once else f"refusal:{event.comment.id}:{said:08x}"
    await replies.say(event, sentence, marker, once=once)
    await replies.ended(event, well=False)


async def post(
    repo: Repository, event: CommentEvent, body: str, marker: str, since: datetime | None = None
) -> tuple[int, bool]:
    """The answer's id, and whether it stands in a thread at a line: not where that is gone.

    `since`: our answer with that marker cannot be older, so that nobody looks through all of a conversation.
    """
    if threaded(event):
        try:
            return await repo.reply(event.issue.number, event.comment, body, marker), True
        except RefusalError as refusal:
            if refusal.status not in (404, 422):
                raise
    return await repo.comment(event.issue.number, body, marker, since), False


def rights_for(event: object) -> dict[str, str]:
    """The one right that it takes to answer there; that for pull requests holds for their conversation, too."""
    return {"pull_requests": "write"} if threaded(event) else {"issues": "write"}


def threaded(event: object) -> bool:
    """Whether something was asked for in a thread at a line of a diff."""
    return isinstance(event, CommentEvent) and event.comment.where == "diff"
