"""A run's work on GitHub: commits, branches, pull requests, check runs. Each a step that may repeat."""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from bot.agents import answer, composition
from bot.agents.job import Product, Step
from bot.errors import State, Stop
from bot.git import changes
from bot.git.command import Identity
from bot.git.mirror import Mirror, Mirrors
from bot.github.api import Repository
from bot.github.check import Conclusion
from bot.github.client import GitHub
from bot.github.entity import Pull
from bot.publish import fix_text, parts_text, staged_text, status_text, text, verdict
from bot.publish.body import Story, body, newest, with_newest, with_series
from bot.publish.gatekeeper import Gatekeeper, with_findings
from bot.publish.ground import Ground
from bot.publish.offer import Offer, titled
from bot.publish.status import Herald
from bot.publish.subject import event_of, issue_of
from bot.store import runs
from bot.store.board import Board
from bot.store.runs import Run
from bot.workflow.spec import Workflow

POSITION = 10_000_000


@dataclass(frozen=True)
class Opened:
    """A pull request that is open, and whether it is a draft; the commits of a branch of people's have none of ours."""

    pull: int
    draft: bool


class Publisher:
    """Writes a run's result to GitHub. Every write token is minted in the step that uses it."""

    def __init__(
        self, github: GitHub, mirrors: Mirrors, board: Board, herald: Herald, secrets: Collection[str] = ()
    ) -> None:
        self._github, self._mirrors, self._board, self._herald = github, mirrors, board, herald
        self._gate = Gatekeeper(mirrors, board, secrets)

    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str:
        """Publish what a run made, if the policies let it; the sentence that says where it is."""
        staged = ground.custom.staged
        title = staged_text.working() if staged else "Push the branch and open the pull request"
        node = runs.Node("publish", POSITION, title)
        await self._board.begin(run.id, node)
        changed = await changes.diff(await self._mirror(run), ground.base, product.tree)
        said = answer.read(product.words)
        made = Offer(run, workflow, ground, product, said, titled(run, workflow, said), changed)
        parts = await self._parts(made)
        judged = await step("policy", lambda: self._gate.judged(made, parts))
        made, parts = with_findings(made, parts, judged)
        if product.held:
            raise Stop("refused", f"{product.held}\n\n{await self._gate.as_patch(made)}")
        if staged:
            await self._board.end(run.id, node.key, "done")
            return await self._gate.as_staged(made, parts)
        await self._gate.admit(made, judged["patch"])
        if ground.fork:
            raise Stop("done", f"{fix_text.fork_patch()}\n\n{await self._gate.as_patch(made)}")
        opened, missing = await self._published(made, parts, step)
        await self._board.end(run.id, node.key, "done", missing)
        return _told(made, opened) if len(opened) == 1 else _all_told(made, parts, opened)

    async def _mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)

    # ---- one pull request or several ---------------------------------------------------------------------------------

    async def _parts(self, made: Offer) -> list[Offer]:
        """The pull requests that the work is to be: itself, where it is no more than one.

        What goes on with a pull request of an earlier run goes into that one: its branch has no part of the work alone.
        """
        products, ground = composition.parted(made.product), made.ground
        goes_on = ground.pull is not None and ground.expected == ground.base
        if len(products) == 1 or goes_on or made.theirs:
            return [made]
        mirror = await self._mirror(made.run)
        parts = [
            made.part(one, number, len(products), await changes.diff(mirror, ground.base, one.tree))
            for number, one in enumerate(products, start=1)
        ]
        parts = [_placed(part, {"branch": f"{ground.branch}-{part.number}"}) for part in parts]
        paths = [change.path for part in parts for change in part.changed]
        return parts if sorted(paths) == sorted(change.path for change in made.changed) else [made]

    async def _places(self, made: Offer, parts: Sequence[Offer]) -> dict[str, Any]:
        """Where each part goes: the branch and pull request that an earlier life made, or a branch of nobody's."""
        known = made.run.facts.get("parts", {})
        places = [dict(known.get(str(part.number), {})) for part in parts]
        taken = {place["branch"] for place in places if place}
        async with self._github.repository(event_of(made.run).repo, {"contents": "read"}) as repo:
            for part, place in zip(parts[1:], places[1:], strict=True):
                name, again = place.get("branch", part.ground.branch), part.number
                while not place and (name in taken or await repo.branch_exists(name)):
                    again += 1
                    name = f"{made.ground.branch}-{again}"
                place["branch"] = name
                taken.add(name)
        return {"places": places}

    # ---- publishing --------------------------------------------------------------------------------------------------

    async def _published(self, made: Offer, parts: Sequence[Offer], step: Step) -> tuple[list[Opened], str]:
        """Every part pushed, opened and checked; and why a check is missing, if one is."""
        if len(parts) > 1:
            places = (await step("places", lambda: self._places(made, parts)))["places"]
            parts = [_placed(part, place) for part, place in zip(parts, places, strict=True)]
        heads = [await self._pushed(made, part, step) for part in parts]
        opened: list[Opened] = []
        for part in parts:
            opened.append(await self._opened(part, opened, step))
        if len(parts) > 1:
            await self._or_opened(opened, step("series", lambda: self._name_each_other(made, opened)))
        missing = ""
        for part, head in zip(parts, heads, strict=True):
            try:
                await step(_nth("check", part), partial(self._check, part, head))
            except Stop as stop:  # the work is published: a check that is missing takes nothing from it
                missing = missing or text.no_check(stop.sentence)
        return opened, missing

    async def _pushed(self, made: Offer, part: Offer, step: Step) -> str:
        """The newest commit; where it cannot be pushed, the run ends with the whole change as a patch."""
        try:
            return str((await step(_nth("push", part), lambda: self._push(part)))["head"])
        except Stop as stop:
            sentence = f"{text.not_pushed(stop.sentence)}\n\n{await self._gate.as_patch(made)}"
            raise Stop(stop.state, sentence) from stop

    async def _opened(self, part: Offer, before: Sequence[Opened], step: Step) -> Opened:
        """The pull request; what people opened stays in their words."""
        if part.theirs:
            assert part.ground.pull is not None
            return Opened(part.ground.pull, draft=False)
        others = [one.pull for one in before]
        work = step(_nth("pull-request", part), lambda: self._open(part, others))
        return Opened(**await self._or_opened(before, self._or_branch(part, work)))

    async def _push(self, made: Offer) -> dict[str, Any]:
        run, ground = made.run, made.ground
        mirror = await self._mirror(run)
        await self._still_open(run, ground)
        identity = await self._identity()
        groups = made.groups()
        when = int(run.created_at)
        head = await changes.commits(mirror, ground.base, made.product.tree, groups, when, identity)
        async with self._github.repository(event_of(run).repo, {"contents": "write"}) as repo:
            await changes.push(mirror, head, ground.branch, ground.expected, self._mirrors.credential(repo.token))
        await self._learn(made, branch=ground.branch, head=head)
        return {"head": head}

    async def _learn(self, made: Offer, **facts: Any) -> None:
        """The run knows where its work is: the first part as the run's own, and every one by its number."""
        if made.total > 1:
            await self._board.db.write(lambda conn: _know(conn, made, facts))
        if made.number == 1:
            await self._board.learn(made.run.id, **facts)

    async def _still_open(self, run: Run, ground: Ground) -> None:
        """Raises Stop where the pull request that this work goes on with was closed meanwhile."""
        if ground.pull is None:
            return
        async with self._github.repository(event_of(run).repo, {"pull_requests": "read"}) as repo:
            if (await repo.pull(ground.pull)).state != "open":
                raise Stop("failed", verdict.pull_closed(ground.pull))

    async def _identity(self) -> Identity:
        app = await self._github.app()
        return Identity(f"{app.slug}[bot]", f"{app.bot_id}+{app.slug}[bot]@users.noreply.github.com")

    async def _or_branch(self, made: Offer, work: Awaitable[Any]) -> Any:
        """Do the work; where it cannot be done, the run ends with the name of the branch that was pushed."""
        try:
            return await work
        except Stop as stop:
            sentence = f"{text.not_opened(stop.sentence)}\n\n{text.on_branch(made.ground.branch)}"
            raise Stop(stop.state, sentence) from stop

    async def _or_opened(self, opened: Sequence[Opened], work: Awaitable[Any]) -> Any:
        """Do the work; where it cannot be done, the run ends with what is open already."""
        try:
            return await work
        except Stop as stop:
            said = [parts_text.opened_before([one.pull for one in opened])] if opened else []
            raise Stop(stop.state, "\n\n".join([stop.sentence, *said])) from stop

    async def _open(self, made: Offer, others: Sequence[int]) -> dict[str, Any]:
        wanted, event = made.workflow.opens, event_of(made.run)
        story = made.story(self._herald.page(made.run.id), others)
        rights = {"pull_requests": "write", "issues": "write", "contents": "read"}
        async with self._github.repository(event.repo, rights) as repo:
            pull = await (self._continue if made.ground.pull else self._open_new)(repo, made, story)
            await self._learn(made, pull=pull.number)
            await repo.add_labels(pull.number, wanted.labels)
            if made.complete:
                await repo.request_review(pull.number, [event.actor.login])
        return {"pull": pull.number, "draft": pull.draft}

    async def _open_new(self, repo: Repository, made: Offer, story: Story) -> Pull:
        ground = made.ground
        return await repo.open_pull(
            head=ground.branch,
            base=ground.base_branch,
            title=made.headline,
            body=body(story),
            draft=made.draft,
        )

    async def _continue(self, repo: Repository, made: Offer, story: Story) -> Pull:
        """Tell what is new in a section of our own: title and text may have been edited by people."""
        assert made.ground.pull is not None
        pull = await repo.pull(made.ground.pull)
        return await repo.edit_pull(pull.number, body=with_newest(pull.body, newest(story)))

    async def _name_each_other(self, made: Offer, opened: Sequence[Opened]) -> dict[str, Any]:
        """Now that all are open, each names all others."""
        numbers = [one.pull for one in opened]
        async with self._github.repository(event_of(made.run).repo, {"pull_requests": "write"}) as repo:
            for number, pull in enumerate(numbers, start=1):
                now = (await repo.pull(pull)).body
                told = with_series(now, number, len(numbers), [other for other in numbers if other != pull])
                if told != now:
                    await repo.edit_pull(pull, body=told)
        return {"pulls": numbers}

    async def _check(self, made: Offer, head: str) -> dict[str, Any]:
        tested, several = made.product.verdict, made.total > 1
        title = text.check_title(tested.about, tested.passed)
        title = made.product.reason or (parts_text.check_title(title, made.total) if several else title)
        steps, now = await self._board.db.read(lambda conn: (runs.tree(conn, made.run.id), runs.get(conn, made.run.id)))
        summary = status_text.check_summary(steps, tested.output, now.facts.get("graph", ()) if now is not None else ())
        partial = several or not made.product.whole  # this commit by itself was not tested, or something is missing
        passed = None if partial and tested.passed else tested.passed
        async with self._github.repository(event_of(made.run).repo, {"checks": "write"}) as repo:
            check = await repo.create_check(
                head,
                "Tutti",
                made.run.id,
                title=text.sentence_title(title),
                summary=summary,
                conclusion=conclusion(made.product.state, passed, asks=bool(made.of("draft"))),
                details_url=self._herald.page(made.run.id) or None,
            )
        if made.number == 1:
            await self._board.learn(made.run.id, check=check.id, check_url=check.url)
        return {"check": check.id}


def _nth(key: str, part: Offer) -> str:
    """The key of a step of a part: the first one's is the same as where there is only one."""
    return key if part.number == 1 else f"{key}.{part.number}"


def _placed(part: Offer, place: dict[str, Any]) -> Offer:
    """The part on its own branch; the first is where the whole would be."""
    if part.number == 1:
        return part
    ground = replace(part.ground, branch=place["branch"], expected=place.get("head"), pull=place.get("pull"))
    return replace(part, ground=ground)


def _know(conn: sa.Connection, made: Offer, facts: dict[str, Any]) -> None:
    """Add to what a run knows of its parts, by number; `pulls` are those that are open, in order."""
    now = runs.get(conn, made.run.id, lock=True)
    assert now is not None
    parts = dict(now.facts.get("parts", {}))
    parts[str(made.number)] = {**parts.get(str(made.number), {}), **facts}
    pulls = [parts[number]["pull"] for number in sorted(parts, key=int) if "pull" in parts[number]]
    runs.learn(conn, made.run.id, parts=parts, pulls=pulls)


def _told(made: Offer, opened: Sequence[Opened]) -> str:
    ground, closes, pull, draft = made.ground, issue_of(made.run).number, opened[0].pull, opened[0].draft
    if not made.complete:
        return text.offered(pull, draft=draft)
    if made.of("draft"):
        return verdict.done_with_a_question(pull, closes, draft=draft, continued=bool(ground.pull))
    if not made.product.whole:
        return text.part(pull, closes)
    if ground.pull:
        return text.continued(pull, draft=draft)
    return text.done(pull, closes)


def _all_told(made: Offer, parts: Sequence[Offer], opened: Sequence[Opened]) -> str:
    pulls = [one.pull for one in opened]
    if not made.complete:
        return parts_text.offered(pulls, [one.pull for one in opened if one.draft])
    asks = [one.pull for part, one in zip(parts, opened, strict=True) if part.of("draft")]
    issue = issue_of(made.run).number
    return parts_text.done_with_a_question(pulls, issue, asks) if asks else parts_text.done(pulls, issue)


def conclusion(state: State, passed: bool | None, *, asks: bool = False) -> Conclusion:
    """A check's colour: green only where tests passed and nobody is asked, red only where they failed."""
    if asks and passed is not False:
        return "action_required"
    if state == "done":
        return "success" if passed else "neutral"
    return "failure" if passed is False else "timed_out" if state == "timed out" else "neutral"
