"""What people do about findings: answers, settled threads, reactions, what they merged. Kept for learning."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import sqlalchemy as sa
import structlog

from bot.errors import Stop, TryAgain, UserError
from bot.github.api import Level
from bot.github.content import Permission
from bot.github.entity import Person, RepoRef, split_name
from bot.github.events import CommentEvent, Event, PullEvent, ThreadEvent
from bot.github.review import Remark
from bot.publish import text
from bot.review import feedback
from bot.store import reviews
from bot.store.reviews import Place, Reviewed, Said, Word
from bot.workflow.dispatcher import Parts

log = structlog.get_logger(__name__)
NEEDED: Level = "write"  # who may decline a finding
POLL_SECONDS, POLLED = 30 * 60.0, 10
THUMBS = 20  # new ones of one finding that are looked at in one go
_THUMBS = {"+1": "liked", "-1": "disliked"}


class Hearing:
    """One per process. What a stranger says is kept and decides nothing."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts

    async def hear(self, event: Event, delivery: str) -> str:
        """Keep what an event tells about a finding; the note for the inbox. `delivery` tells it from every other."""
        match event:
            case CommentEvent():
                return await self._answered(event)
            case ThreadEvent():
                return await self._settled(event, delivery)
            case PullEvent():
                return await self._closed(event)
        return "ignored: nothing about a finding"

    async def _answered(self, event: CommentEvent) -> str:
        comment = event.comment
        found = await self._about(event.repo, [comment.in_reply_to or 0])
        if found is None:
            return "ignored: no answer to a finding"
        pull, said = found
        meant = feedback.read(comment.body)
        right = await self._right(event.repo, event.actor)
        word = _word(f"comment:{comment.id}", pull, said, meant, event.actor, right, comment.created_at.timestamp())
        await self._keep(event.repo, replace(word, words=comment.body[:2_000]))
        if meant == "declined" and right.reaches(NEEDED, event.actor):
            await self._change(event.repo, pull, said, "declined", text.declined_by(event.actor.login))
        return f"feedback kept: {meant}"

    async def _settled(self, event: ThreadEvent, delivery: str) -> str:
        found = await self._about(event.repo, event.comments)
        if found is None:
            return "ignored: no thread of ours"
        pull, said = found
        right, now = await self._right(event.repo, event.actor), time.time()
        word = _word(f"thread:{event.comments[0]}:{delivery}", pull, said, event.action, event.actor, right, now)
        await self._keep(event.repo, word)
        if right.reaches(NEEDED, event.actor):
            if event.action == "resolved":
                await self._change(event.repo, pull, said, "declined", text.resolved_by(event.actor.login))
            if event.action == "unresolved":
                await self._change(event.repo, pull, said, "open", "")
        return f"feedback kept: {event.action}"

    async def _closed(self, event: PullEvent) -> str:
        """The last look: whether the lines of each finding changed before it was merged, then reactions."""
        place = (event.repo.id, event.pull.number)
        known = await self._p.db.read(lambda conn: reviews.reviewed(conn, place))
        if known is None:
            return "ignored: it was never reviewed"
        now = time.time()
        said = await self._p.db.read(lambda conn: reviews.said(conn, place))
        if event.pull.merged and known.head != event.pull.head_sha:  # the last push was not read any more
            said = await self._p.standing(event.repo, event.pull, said)
        for one in said if event.pull.merged else ():
            kind = "changed" if one.state in ("fixed", "outdated") else "unchanged"
            source = f"merge:{event.pull.number}:{one.number}"
            await self._keep(event.repo, _word(source, event.pull.number, one, kind, event.actor, None, now))
        try:
            await self._poll(event.repo, known)
        except (UserError, Stop) as problem:
            log.info("reactions not read", repo=event.repo.full_name, pull=event.pull.number, reason=str(problem))
        await self._learn(place, closed_at=now)
        return f"feedback kept: {'merged' if event.pull.merged else 'closed'}, {len(said)} finding(s)"

    # ---- reactions, of which GitHub tells nothing by itself ----------------------------------------------------------

    async def poll(self) -> None:
        """Look at the reactions of those pull requests that were not looked at for the longest; one worker does."""
        if not await self._p.slot.lead():
            return
        before = time.time() - POLL_SECONDS
        for known in await self._p.db.read(lambda conn: reviews.to_poll(conn, before, POLLED)):
            ref = RepoRef(*split_name(known.name), known.repo, known.installation)
            try:
                await self._poll(ref, known)
            except (UserError, Stop, TryAgain) as problem:
                log.info("reactions not read", repo=known.name, pull=known.pull, reason=str(problem))
                wait = problem.after if isinstance(problem, TryAgain) else POLL_SECONDS
                await self._learn((known.repo, known.pull), polled_at=time.time() - POLL_SECONDS + wait)

    async def _poll(self, ref: RepoRef, known: Reviewed) -> None:
        place = (known.repo, known.pull)
        all_said = await self._p.db.read(lambda conn: reviews.said(conn, place))
        said = {one.comment: one for one in all_said if one.comment}
        heard = {word.source for word in await self._p.db.read(lambda conn: reviews.told(conn, *place))}
        async with self._p.github.repository(ref, {"pull_requests": "read", "metadata": "read"}) as repo:
            remarks = await repo.remarks(known.pull) if said else []
            for remark in remarks:
                if remark.id in said and _more(remark, heard):
                    given = [r for r in await repo.reactions("diff", remark.id) if r.content in _THUMBS]
                    fresh = [one for one in given if _source(remark.id, one.person, one.content) not in heard]
                    for reaction in fresh[:THUMBS]:  # anybody may give one, and for each GitHub is asked who that is
                        right = await repo.permission(reaction.person.login)
                        await self._thumb(ref, known.pull, said[remark.id], reaction.person, reaction.content, right)
        await self._learn(place, polled_at=time.time())

    async def _thumb(
        self, ref: RepoRef, pull: int, said: Said, person: Person, content: str, right: Permission
    ) -> None:
        """The word is kept last: where GitHub does not let the change be shown now, the thumb is news next time too."""
        if content == "-1" and right.reaches(NEEDED, person):
            await self._change(ref, pull, said, "declined", text.declined_by(person.login))
        source = _source(said.comment or 0, person, content)
        await self._keep(ref, _word(source, pull, said, _THUMBS[content], person, right, time.time()))

    # ---- the ledger --------------------------------------------------------------------------------------------------

    async def _about(self, repo: RepoRef, comments: Sequence[int]) -> tuple[int, Said] | None:
        return await self._p.db.read(lambda conn: reviews.by_comment(conn, repo.id, comments))

    async def _right(self, ref: RepoRef, actor: Person) -> Permission:
        async with self._p.github.repository(ref, {"metadata": "read"}) as repo:
            return await repo.permission(actor.login)

    async def _keep(self, repo: RepoRef, word: Word) -> None:
        await self._p.db.write(lambda conn: reviews.tell(conn, repo.id, word))

    async def _learn(self, place: Place, **values: object) -> None:
        await self._p.db.write(lambda conn: reviews.learn(conn, place, **values))

    async def _change(self, repo: RepoRef, pull: int, said: Said, state: reviews.Standing, why: str) -> None:
        place, number = (repo.id, pull), said.number
        if await self._p.db.write(lambda conn: _changed(conn, place, number, state, why)):
            await self._p.refresh(repo, pull)


def _source(comment: int, person: Person, content: str) -> str:
    return f"reaction:{comment}:{person.id}:{content}"


def _more(remark: Remark, heard: Collection[str]) -> bool:
    """Whether there are thumbs, and not as many as were heard of: only then GitHub is asked who gave them."""
    head = f"reaction:{remark.id}:"
    known = {thumb: sum(one.startswith(head) and one.endswith(f":{thumb}") for one in heard) for thumb in _THUMBS}
    return any(remark.reactions.get(thumb, 0) not in (0, known[thumb]) for thumb in _THUMBS)


def _changed(conn: sa.Connection, place: Place, number: int, state: reviews.Standing, why: str) -> bool:
    """Enter what somebody wants of a finding as it stands now; whether that is to be shown.

    It is also where it stood so already: a try before this one may have come no further than the ledger.
    """
    now = next(one for one in reviews.said(conn, place) if one.number == number)
    if now.state not in ("open", "declined"):
        return False
    if (state, now.state) == ("declined", "declined") and not (now.resolved or now.why == why):
        return False
    ended = None if state == "open" else time.time()
    reviews.put(conn, place, replace(now, state=state, why=why, ended_at=ended))
    return True


def _word(source: str, pull: int, said: Said, kind: str, actor: Person, right: Permission | None, at: float) -> Word:
    level = right.level if right is not None else ""
    return Word(source, pull, said.number, kind, actor.id, actor.login, at, level)
