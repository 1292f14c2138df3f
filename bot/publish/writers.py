"""What people who may write said on GitHub, as agents get it: below an issue, and in a thread of a diff."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from bot.github.api import Remark, Repository
from bot.github.entity import Comment
from bot.github.events import CommentEvent
from bot.publish import text
from bot.publish.subject import Act, issue_in

Comments = tuple[dict[str, str], ...]
WRITERS, COMMENTS, COMMENTS_LENGTH = 30, 100, 40_000


async def below(repo: Repository, event: Act, asked_at: float) -> tuple[Comments, Mapping[str, int]]:
    """What people who may write said before the run was asked for, unless it was changed afterwards; oldest first. And
    login -> number of the comments that came or were changed later, whoever wrote them.

    The newest count: where there are too many comments, people or words, a note stands in place of the older ones.
    """
    until = datetime.fromtimestamp(asked_at, UTC)
    found, left_out = await repo.newest_comments(issue_in(event).number)
    people = [comment for comment in found if not comment.author.is_bot]
    old = [comment for comment in people if max(comment.created_at, comment.updated_at) <= until]
    later = Counter(comment.author.login for comment in people[::-1] if comment not in old)
    return await _of_writers(repo, old, left_out=left_out), later


async def in_thread(repo: Repository, event: CommentEvent, asked_at: float, own_id: int) -> tuple[str, Comments]:
    """The diff's hunk that the thread of a remark stands at, empty where it is gone; and what people who may write, and
    the bot itself (`own_id`), said in it by then, oldest first. But for the remark that asks.
    """
    first, until = event.comment.in_reply_to or event.comment.id, datetime.fromtimestamp(asked_at, UTC)
    thread = [one for one in await repo.remarks(event.issue.number) if first in (one.id, one.in_reply_to)]
    hunk = next((one.hunk for one in thread if one.hunk), "")
    old = [one for one in thread if max(one.created_at, one.updated_at or one.created_at) <= until]
    said = [one for one in old if one.id != event.comment.id and (not one.author.is_bot or one.author.id == own_id)]
    return hunk, await _of_writers(repo, said[::-1], own_id)


async def _of_writers(
    repo: Repository, said: Iterable[Comment | Remark], own_id: int = 0, *, left_out: bool = False
) -> Comments:
    """Of comments, the newest first, those of people who may write, the oldest first."""
    rights: dict[int, bool] = {own_id: True} if own_id else {}
    kept: list[dict[str, str]] = []
    room = COMMENTS_LENGTH
    for comment in said:
        person = comment.author
        if person.id not in rights:
            if len(rights) == WRITERS:
                left_out = True
                continue
            rights[person.id] = (await repo.permission(person.login)).reaches("write", person)
        if not rights[person.id]:
            continue
        if len(kept) == COMMENTS or room <= 0:
            left_out = True
            break
        kept.append({"author": person.login, "body": _cut(comment.body, room)})
        room -= len(comment.body)
    return tuple([{"author": "Tutti", "body": text.older_left_out()}] * left_out + kept[::-1])


def _cut(words: str, room: int) -> str:
    return words if len(words) <= room else words[:room] + "\n[the rest is left out]"
