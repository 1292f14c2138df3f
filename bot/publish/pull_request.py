"""A run's work on GitHub: commits, branches, pull requests, check runs. Each a step that may repeat."""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from bot.agents import answer
from bot.agents.job import Product, Step
from bot.errors import State, Stop
from bot.git import changes
from bot.git.command import Identity
from bot.git.mirror import Mirror, Mirrors
from bot.github.api import Repository
from bot.github.check import Conclusion
from bot.github.client import GitHub
from bot.github.entity import Pull
from bot.publish import fix_text, parts_text, places, staged_text, status_text, text, verdict
from bot.publish.body import Story, body, newest, with_newest
from bot.publish.gatekeeper import Gatekeeper, with_findings
from bot.publish.ground import Ground
from bot.publish.offer import Offer, titled
from bot.publish.series import Opened, Series
from bot.publish.status import Herald
from bot.publish.subject import event_of, issue_of
from bot.store import runs
from bot.store.board import Board
from bot.store.parts import Held, read
from bot.store.runs import Run
from bot.workflow.spec import Workflow

POSITION = 10_000_000


class Publisher:
    """Writes a run's result to GitHub. Every write token is minted in the step that uses it."""

    def __init__(
        self, github: GitHub, mirrors: Mirrors, board: Board, herald: Herald, secrets: Collection[str] = ()
    ) -> None:
        self._github, self._mirrors, self._board, self._herald = github, mirrors, board, herald
        self._gate, self._series = Gatekeeper(mirrors, board, secrets), Series(github, board)

    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str:
        """Publish what a run made, if the policies let it; the sentence that says where it is."""
        staged = ground.custom.staged
        title = staged_text.working() if staged else "Push the branch and open the pull request"
        node = runs.Node("publish", POSITION, title)
        await self._board.begin(run.id, node)
        changed = await changes.diff(await self._mirror(run), ground.base, product.tree)
        said = answer.read(product.words)
        made = Offer(run, workflow, ground, product, said, titled(run, workflow, said), changed)
        parts = await self._series.parts(await self._mirror(run), made)
        judged = await step("policy", lambda: self._gate.judged(made, parts))
        made, parts = with_findings(made, parts, judged)
        if product.held:
            raise Stop("refused", f"{product.held}\n\n{await self._gate.as_patch(made)}")
        if staged:
            await self._board.end(run.id, node.key, "done")
            left = [one.pull for one in self._series.spare(made) if one.pull]
            closes = [parts_text.would_close(left)] if left else []
            return "\n\n".join([await self._gate.as_staged(made, parts), *closes])
        await self._gate.admit(made, judged["patch"])
        if ground.fork:
            raise Stop("done", f"{fix_text.fork_patch()}\n\n{await self._gate.as_patch(made)}")
        parts, spare = await self._placed(made, parts, step)
        opened, missing = await self._published(made, parts, step)
        closed, not_closed = await self._closed(made, parts, opened, spare, step)
        await self._board.end(run.id, node.key, "done", " ".join(filter(None, (missing, not_closed))))
        told = _told(parts[0], opened) if len(opened) == 1 else _all_told(made, parts, opened)
        return "\n\n".join(filter(None, (told, closed)))

    async def _mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)

    # ---- publishing --------------------------------------------------------------------------------------------------

    async def _published(self, made: Offer, parts: Sequence[Offer], step: Step) -> tuple[list[Opened], str]:
        """Every part pushed, opened and checked; and why a check is missing, if one is."""
        heads = [await self._pushed(made, part, step) for part in parts]
        opened: list[Opened] = []
        for part, head in zip(parts, heads, strict=True):
            opened.append(await self._opened(part, head, opened, step))
        if parts[0].place is not None:
            await self._or_opened(opened, step("series", lambda: self._series.name_each_other(made, opened)))
        missing = ""
        for part, head in zip(parts, heads, strict=True):
            if part.idle:
                continue
            try:
                await step(_nth("check", part), partial(self._check, part, head))
            except Stop as stop:  # the work is published: a check that is missing takes nothing from it
                missing = missing or text.no_check(stop.sentence)
        return opened, missing

    async def _placed(self, made: Offer, parts: list[Offer], step: Step) -> tuple[list[Offer], tuple[Held, ...]]:
        """The parts with the places that they have now, and the pull requests that they leave spare."""
        if parts[0].place is None:
            return parts, ()
        record = await step("places", lambda: self._series.place(made, parts))
        held, spare = read(record["held"]), read(record["spare"])
        grounds = [places.ground_of(made.ground, place) for place in held]
        found = zip(parts, grounds, held, strict=True)
        return [replace(part, ground=ground, place=place) for part, ground, place in found], spare

    async def _closed(
        self, made: Offer, parts: Sequence[Offer], opened: Sequence[Opened], spare: Sequence[Held], step: Step
    ) -> tuple[str, str]:
        """What is to be said of pull requests that are of no use any more; or why they could not be closed."""
        if not spare:
            return "", ""
        both = zip(parts, opened, strict=True)
        held = [replace(part.place, pull=one.pull) for part, one in both if part.place is not None]
        try:
            said = await step("spare", lambda: self._series.close(made, held, spare))
        except Stop as stop:  # the work is published
            return "", parts_text.not_closed([one.pull for one in spare if one.pull], stop.sentence)
        return " ".join(said["told"]), ""

    async def _pushed(self, made: Offer, part: Offer, step: Step) -> str:
        """The newest commit; where it cannot be pushed, the run ends with the whole change as a patch."""
        if part.idle:
            return part.ground.expected or ""
        try:
            return str((await step(_nth("push", part), lambda: self._push(part)))["head"])
        except Stop as stop:
            sentence = f"{text.not_pushed(stop.sentence)}\n\n{await self._gate.as_patch(made)}"
            raise Stop(stop.state, sentence) from stop

    async def _opened(self, part: Offer, head: str, before: Sequence[Opened], step: Step) -> Opened:
        """The pull request; what people opened stays in their words, and so does what has nothing new."""
        if part.theirs or part.idle:
            assert part.ground.pull is not None
            return Opened(part.ground.pull, draft=False)
        others, new = [one.pull for one in before], _is_new(part, head)
        work = step(_nth("pull-request", part), lambda: self._open(part, others, new=new))
        return Opened(**await self._or_opened(before, self._or_branch(part, work)))

    async def _push(self, made: Offer) -> dict[str, Any]:
        run, ground = made.run, made.ground
        mirror = await self._mirror(run)
        identity = await self._identity()
        groups = made.groups()
        when = int(run.created_at)
        head = await changes.commits(mirror, ground.base, made.product.tree, groups, when, identity)
        if not _is_new(made, head):  # people may have merged it since
            return {"head": head}
        await self._still_open(run, ground)
        async with self._github.repository(event_of(run).repo, {"contents": "write"}) as repo:
            await changes.push(mirror, head, ground.branch, ground.expected, self._mirrors.credential(repo.token))
        await self._series.learn(made, branch=ground.branch, head=head)
        return {"head": head}

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

    async def _open(self, made: Offer, others: Sequence[int], *, new: bool) -> dict[str, Any]:
        wanted, event = made.workflow.opens, event_of(made.run)
        story = made.story(self._herald.page(made.run.id), others)
        rights = {"pull_requests": "write", "issues": "write", "contents": "read"}
        async with self._github.repository(event.repo, rights) as repo:
            if made.ground.pull and not new:
                pull = await repo.pull(made.ground.pull)
            else:
                pull = await (self._continue if made.ground.pull else self._open_new)(repo, made, story)
            await self._series.learn(made, pull=pull.number)
            if pull.state != "open":
                return asdict(Opened(pull.number, pull.draft, open=False))
            await repo.add_labels(pull.number, wanted.labels)
            if made.complete:
                await repo.request_review(pull.number, [event.actor.login])
        return asdict(Opened(pull.number, pull.draft))

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

    async def _check(self, made: Offer, head: str) -> dict[str, Any]:
        tested, several = made.product.verdict, made.total > 1
        title = text.check_title(tested.about, tested.passed)
        title = title if several else made.product.reason or title
        steps, now = await self._board.db.read(lambda conn: (runs.tree(conn, made.run.id), runs.get(conn, made.run.id)))
        summary = status_text.check_summary(steps, tested.output, now.facts.get("graph", ()) if now is not None else ())
        passed = None if tested.passed and not made.product.whole else tested.passed  # something is missing
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


def _is_new(part: Offer, head: str) -> bool:
    """Whether a commit is not in the pull request already; where there is one alone, it is said anew in any case."""
    return part.total == 1 or head != part.ground.expected


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
    pulls = [one.pull for one in opened if one.open] or [one.pull for one in opened]
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
