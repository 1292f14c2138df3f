"""One review from beginning to end: what changed, who reads it, what of it is worth saying, how it is told."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from bot.agents.job import Step
from bot.agents.order import Matter, order
from bot.agents.prompt import Asked
from bot.agents.reader import Reading
from bot.agents.workshop import Order, Workshop
from bot.errors import State, Stop
from bot.git.mirror import Mirror, Mirrors
from bot.policy.protected import is_agent_file
from bot.publish import review_text, staged_text, text
from bot.publish.outcome import Outcome, outcome, sift
from bot.publish.panel import Panel
from bot.publish.pull_ground import PullGround, place_of, reviewed_of
from bot.publish.review import Reviewer, verdict
from bot.publish.review_text import Story
from bot.publish.study import Study, study
from bot.publish.subject import event_of, payer_of
from bot.store import reviews, runs
from bot.store.reviews import Said, Word
from bot.store.runs import Run
from bot.workflow.guard import Guard
from bot.workflow.spec import Workflow

T = TypeVar("T")
POSITION = 100_000
LATE = 3600.0  # seconds: GitHub's limits of requests are over within an hour
SKIPPED: State = "skipped"
OURS = (".github/tutti", ".gitattributes")  # what configures reviews


@dataclass(frozen=True)
class _Played:
    """A review under way: what it started from, what is to be read, and steps that heed a cancellation or not."""

    run: Run
    workflow: Workflow
    ground: PullGround
    study: Study
    guard: Guard
    step: Step

    @property
    def working(self) -> Step:
        return self.guard.working(self.step)

    @property
    def telling(self) -> Step:
        return self.late.publishing(self.step)

    @property
    def late(self) -> Guard:
        """What was paid for is told, even where GitHub lets one wait beyond the time that agents have."""
        return replace(self.guard, deadline=self.guard.deadline + LATE)


class Reviewing:
    """Conducts reviews. `page` is where a run can be watched."""

    def __init__(self, shop: Workshop, mirrors: Mirrors, reviewer: Reviewer, page: Callable[[str], str]) -> None:
        self._shop, self._mirrors, self._reviewer, self._page = shop, mirrors, reviewer, page

    async def play(self, run: Run, workflow: Workflow, guard: Guard, step: Step) -> tuple[State, str]:
        """The state and the sentence it ends with; raises Stop where it ends early."""
        working, telling = guard.working(step), guard.publishing(step)
        prepared = await working("prepare", lambda: guard.watched(self._prepare(run, workflow)))
        ground: PullGround = TypeAdapter(PullGround).validate_python(prepared)
        staged = ground.custom.staged
        if ground.skip:
            if not staged:
                await telling("check", lambda: self._reviewer.skip(run, ground))
            return SKIPPED, ground.skip
        await guard.tries(lambda: self._reviewer.surveyor.ready(run, ground), heed=False)
        if not staged:
            await working("begin", lambda: self._reviewer.begin(run, ground, self._page(run.id)))
        mirror = await self._mirror(run)
        agents = [name.removeprefix("review/") for name in self._shop.agents if name.startswith("review/")]
        played = _Played(run, workflow, ground, await study(mirror, ground, agents), guard, step)
        return await self._read(played, mirror)

    async def _prepare(self, run: Run, workflow: Workflow) -> dict[str, Any]:
        node = runs.Node("prepare", 0, "Look at the pull request and fetch its commits")
        await self._shop.board.begin(run.id, node)
        ground = await self._reviewer.surveyor.ground(run, workflow)
        await self._shop.board.learn(run.id, head=ground.head, pull=ground.number, staged=ground.custom.staged)
        await self._shop.board.end(run.id, "prepare", "done", "\n".join([*ground.notes, ground.skip]).strip())
        return TypeAdapter(PullGround).dump_python(ground, mode="json", by_alias=True)  # type: ignore[no-any-return]

    async def _read(self, played: _Played, mirror: Mirror) -> tuple[State, str]:
        """Let the agents read, keep what is worth saying, say it."""
        panel = Panel(self._shop, await self._order(played, mirror), played.ground, played.study, played.workflow)
        readings = await panel.read(played.working)
        if readings and all(reading.failed for reading in readings):
            raise Stop(_worst(readings), f"{review_text.nobody_answered()} {readings[0].problem}")
        sifted = await sift(played.ground, played.study, readings, played.working)
        judged = await panel.judge(sifted.candidates, played.working)
        cap = played.workflow.outputs.review.comments if played.workflow.outputs.review else 0
        return await self._tell(played, outcome(played.ground, played.study, readings, sifted, judged, cap))

    async def _tell(self, played: _Played, made: Outcome) -> tuple[State, str]:
        run, ground, telling = played.run, played.ground, played.telling
        if ground.custom.staged:
            return await self._show(played, made)
        node = runs.Node("publish", POSITION, "Say what is worth saying")
        await self._shop.board.begin(run.id, node)
        story, comments = await self._story(played, made), dict[str, int]()
        event = verdict(ground, story)
        if made.remarks or event not in ("COMMENT", ground.verdict):
            said = await played.step("say", lambda: self._say(played, made, event))
            comments, story = said["comments"], replace(story, refused=said["refused"])
        formal = event != "COMMENT" and not story.refused
        story = replace(story, event=event if formal else ground.verdict)
        known = [replace(one, comment=comments.get(str(one.number), one.comment)) for one in made.known]
        await telling("ledger", lambda: self._keep(played, made, known))
        if made.settled or made.reopened:
            story = replace(story, notes=(*story.notes, *await self._settle(played, made)))
        story = replace(story, known=await self._shop.db.read(lambda conn: reviews.said(conn, place_of(run, ground))))
        await telling("summary", lambda: self._reviewer.summarise(run, ground, story))
        await telling("conclude", lambda: self._reviewer.conclude(run, ground, story))
        more = {"plan": review_text.unsaid(made.silent)} if made.silent else {}
        await self._shop.board.end(run.id, node.key, "done", review_text.headline(story), **more)
        return "done", f"{review_text.headline(story)}."

    async def _show(self, played: _Played, made: Outcome) -> tuple[State, str]:
        """Say in the summary what would be said. The ledger does not learn of it: what is found again is still new."""
        node = runs.Node("publish", POSITION, staged_text.working())
        await self._shop.board.begin(played.run.id, node)
        story, new = await self._story(played, made), [remark.said for remark in made.remarks]
        event, threads = verdict(played.ground, story), len(made.settled) + len(made.reopened)
        event = event if new or event not in ("COMMENT", played.ground.verdict) else ""
        show = self._reviewer.show
        await played.telling("summary", lambda: show(played.run, played.ground, story, new, event, threads))
        more = {"plan": review_text.unsaid(made.silent)} if made.silent else {}
        await self._shop.board.end(played.run.id, node.key, "done", review_text.headline(story), **more)
        return "done", staged_text.reviewed(review_text.headline(story))

    async def _say(self, played: _Played, made: Outcome, event: str) -> dict[str, Any]:
        """Post the review, unless the run is cancelled; one that is posted already is what follows all the same."""
        run, ground = played.run, played.ground
        try:
            return await played.late.tries(  # type: ignore[no-any-return]
                lambda: self._reviewer.say(run, ground, made.remarks, event), heed=True
            )
        except Stop:
            posted = await played.late.tries(lambda: self._reviewer.posted(run, ground), heed=False)
            if posted is None:
                raise
            return posted  # type: ignore[no-any-return]

    async def _settle(self, played: _Played, made: Outcome) -> list[str]:
        """Resolve threads and open them again; where GitHub does not let the bot, that is a note and loses nothing."""
        run, ground = played.run, played.ground
        try:
            await played.telling("settle", lambda: self._reviewer.settle(run, ground, made.settled, made.reopened))
        except Stop as refused:
            return [text.not_settled(len(made.settled) + len(made.reopened), refused.sentence)]
        return []

    async def _keep(self, played: _Played, made: Outcome, known: list[Said]) -> bool:
        """Enter in the ledger what is said now. What people declined or reopened meanwhile stays as they wish."""
        place, row = place_of(played.run, played.ground), reviewed_of(played.run, played.ground)
        actor = event_of(played.run).actor
        by, was = (actor.id, actor.login), {one.number: one.state for one in played.ground.known}

        def write(conn: sa.Connection) -> None:
            there = {one.number: one for one in reviews.said(conn, place)}
            for one in known:
                reviews.put(conn, place, _as_people_wish(one, was.get(one.number, "open"), there.get(one.number)))
            old = reviews.reviewed(conn, place) or row
            digests = list(played.study.digests) if made.usable else old.read
            over = old.closed_at if (old.closed_at or 0) > played.run.created_at else None
            reviews.keep(conn, replace(old, name=row.name, head=played.ground.head, read=digests, closed_at=over))
            for number in made.fixed:
                kind = "applied" if number in made.applied else "changed"
                source = f"push:{place[1]}:{number}:{played.ground.head[:20]}"
                reviews.tell(conn, place[0], Word(source, place[1], number, kind, *by, time.time()))

        await self._shop.db.write(write)
        return True

    async def _story(self, played: _Played, made: Outcome) -> Story:
        ground, study = played.ground, played.study
        steps = await self._shop.db.read(lambda conn: runs.tree(conn, played.run.id))
        return Story(
            head=ground.head,
            url=ground.url,
            known=made.known,
            new=frozenset(remark.said.number for remark in made.remarks),
            fixed=frozenset(made.fixed),
            silent=made.silent,
            agents=made.agents,
            coverage=study.coverage,
            why=study.choice.why,
            notes=(*ground.notes, *_of_settings(study)),
            quiet=study.quiet and bool(ground.read),
            page=self._page(played.run.id),
            cost=runs.total_cost(steps),
            seconds=time.time() - (played.run.started_at or time.time()),
            fail_on=ground.rules.fail_on,
        )

    async def _order(self, played: _Played, mirror: Mirror) -> Order:
        run, ground = played.run, played.ground
        asked = Asked(run.repo, ground.number, ground.title, ground.body, ground.author)
        matter = Matter(mirror, ground.head, ground.tree, asked)
        return await order(self._shop.db, run, ground, matter, payer_of(run))

    async def _mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)


def _as_people_wish(one: Said, was: str, there: Said | None) -> Said:
    """A finding that somebody declined or reopened while the review ran, unless its lines are gone."""
    if there is None or there.state == was or one.state in ("fixed", "outdated"):
        return one
    return replace(one, state=there.state, why=there.why, ended_at=there.ended_at)


def _of_settings(study: Study) -> list[str]:
    """Names what of a change would configure the bot and its agents, if it were merged already."""
    names = {name for patch in study.files.values() for name in (patch.path, patch.old_path)}
    ours = sorted(name for name in names if name.startswith(OURS) or is_agent_file(name))
    return [review_text.own_settings(ours)] if ours else []


def _worst(readings: Sequence[Reading]) -> State:
    """How a review ends in which no agent answered."""
    endings: dict[str, State] = {"budget": "over budget", "timed out": "timed out", "silent": "timed out"}
    return next((endings[one.ending] for one in readings if one.ending in endings), "failed")
