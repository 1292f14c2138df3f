"""A run's work on GitHub: commits, the branch, the pull request, the check run. Each a step that may repeat."""

import time
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from bot import template
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
from bot.github.harmless import inert, plain
from bot.policy.finding import Finding
from bot.policy.secrets import redacted
from bot.publish import fix_text, staged_text, status_text, text, verdict
from bot.publish.body import Story, Tested, body, newest, with_newest
from bot.publish.ground import GATE, Ground
from bot.publish.scrutiny import patch_id, scrutinise, wish
from bot.publish.status import Herald
from bot.publish.subject import event_of, issue_of
from bot.store import gates, runs
from bot.store.board import Board
from bot.store.gates import Gate
from bot.store.runs import Run
from bot.workflow.spec import Workflow

POSITION = 10_000_000
HINDERING = ("refuse", "approve")
FIX_LABELS = frozenset({"bug", "fix", "regression", "defect"})


@dataclass(frozen=True)
class Offer:
    """What is to be published: the product of a run, and the change it is, read from git objects.

    `findings` are what the policies say of it.
    """

    run: Run
    workflow: Workflow
    ground: Ground
    product: Product
    said: answer.Answer
    title: str
    changed: Sequence[changes.Change]
    findings: Sequence[Finding] = ()

    @property
    def complete(self) -> bool:
        return self.product.state == "done"

    @property
    def draft(self) -> bool:
        """Whether a person has to say that it is ready: it is not complete, or it touches the tests' own strictness."""
        return self.ground.draft or not self.complete or bool(self.of("draft"))

    def of(self, level: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    def words(self) -> dict[str, str]:
        """What would be published beside the files, by place."""
        messages = "\n".join(message for message, _ in self.groups())
        own = {"title": self.title, "summary": self.said.summary, "commit messages": messages}
        return {**own, "branch": self.ground.branch}

    def groups(self) -> list[tuple[str, list[str]]]:
        labels = {label.lower() for label in issue_of(self.run).labels}
        mends = self.workflow.outputs.commits is not None or self.workflow.worktrees == "hot-fix"
        fix = mends or bool(FIX_LABELS & labels)
        return answer.commits(self.said, [change.path for change in self.changed], self.title, fix=fix)


class Publisher:
    """Writes a run's result to GitHub. Every write token is minted in the step that uses it."""

    def __init__(
        self, github: GitHub, mirrors: Mirrors, board: Board, herald: Herald, secrets: Collection[str] = ()
    ) -> None:
        self._github, self._mirrors, self._board, self._herald = github, mirrors, board, herald
        self._secrets = secrets

    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str:
        """Publish what a run made, if the policies let it; the sentence that says where it is."""
        staged = ground.custom.staged
        title = staged_text.working() if staged else "Push the branch and open the pull request"
        node = runs.Node("publish", POSITION, title)
        await self._board.begin(run.id, node)
        mirror = await self._mirror(run)
        changed = await changes.diff(mirror, ground.base, product.tree)
        said = answer.read(product.words)
        made = Offer(run, workflow, ground, product, said, _title(run, workflow, said), changed)
        judged = await step("policy", lambda: self._judged(made))
        made = replace(made, findings=[Finding(**finding) for finding in judged["findings"]])
        if product.held:
            raise Stop("refused", f"{product.held}\n\n{await self._as_patch(made)}")
        if staged:
            await self._board.end(run.id, node.key, "done")
            return await self._as_staged(made)
        await self._gate(made, judged["patch"])
        if ground.fork:
            raise Stop("done", f"{fix_text.fork_patch()}\n\n{await self._as_patch(made)}")
        head = str((await self._or_patch(made, step("push", lambda: self._push(made))))["head"])
        opened = await self._opened(made, step)
        pull, missing = int(opened["pull"]), ""
        try:
            await step("check", lambda: self._check(made, head))
        except Stop as stop:  # the work is published: a check that is missing takes nothing from it
            missing = text.no_check(stop.sentence)
        await self._board.end(run.id, node.key, "done", missing)
        if not made.complete:
            return text.offered(pull, draft=opened["draft"])
        if made.of("draft"):
            closes, draft = issue_of(run).number, opened["draft"]
            return verdict.done_with_a_question(pull, closes, draft=draft, continued=bool(ground.pull))
        if ground.pull:
            return text.continued(pull, draft=opened["draft"])
        return text.done(pull, issue_of(run).number)

    async def _opened(self, made: Offer, step: Step) -> dict[str, Any]:
        """The pull request; what people opened stays in their words."""
        if made.workflow.outputs.commits is not None:
            return {"pull": made.ground.pull, "draft": False}
        opened: dict[str, Any] = await self._or_branch(made, step("pull-request", lambda: self._open(made)))
        return opened

    async def _mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)

    async def _judged(self, made: Offer) -> dict[str, Any]:
        """What the policies say, and the patch's SHA that an approval holds for."""
        mirror, base, tree = await self._mirror(made.run), made.ground.base, made.product.tree
        found = [*wish(made.workflow), *await self._scrutinised(made, made.changed)]
        if made.ground.pull is not None:  # what stands in the pull request already is still to be named
            whole = await changes.diff(mirror, await _fork(mirror, made.ground), tree)
            earlier = await self._scrutinised(made, whole)
            found = [one for one in found if one.level in HINDERING] + [
                one for one in earlier if one.level not in HINDERING
            ]
        return {"findings": [asdict(finding) for finding in found], "patch": await patch_id(mirror, base, tree)}

    async def _scrutinised(self, made: Offer, changed: Sequence[changes.Change]) -> list[Finding]:
        mirror = await self._mirror(made.run)
        commands = (made.product.verdict.command,)
        owns, smallest = made.workflow.owns, made.workflow.worktrees == "hot-fix"
        tree, words, wanted = made.product.tree, made.words(), made.ground.custom
        return [*await scrutinise(mirror, tree, changed, words, owns, commands, self._secrets, wanted, smallest)]

    async def _as_staged(self, made: Offer) -> str:
        """What would be done, and the patch. A gate is not kept: an approval must not publish what was only shown."""
        ground, theirs = made.ground, made.workflow.outputs.commits is not None
        change = staged_text.Change(
            branch=ground.branch,
            commits=[message for message, _ in made.groups()],
            title=made.title,
            labels=made.workflow.opens.labels,
            closes=issue_of(made.run).number if made.complete else 0,
            asks=event_of(made.run).actor.login if made.complete else "",
            pull=ground.pull,
            draft=made.draft,
            theirs=theirs,
            fork=ground.fork,
            complete=made.complete,
        )
        shown = redacted(staged_text.change(change, made.findings), self._secrets)
        return f"{shown}\n\n{await self._as_patch(made)}"

    async def _gate(self, made: Offer, patch: str) -> None:
        """Raises Stop where the change may not be published, or not without a person's approval of this very patch."""
        if refused := made.of("refuse"):
            why = f"{verdict.refused(refused)}\n\n{await self._as_patch(made)}"
            if made.complete:
                raise Stop("refused", why)
            raise Stop(made.product.state, f"{made.product.reason}\n\n{why}")
        waits, approved = made.of("approve"), made.run.context.get("approves", {})
        if made.workflow.outputs.commits is not None:
            await self._gate_to_others(made, waits)
        if not waits or approved.get("patch") == patch:
            return
        await self._board.db.write(lambda conn: _keep_waiting(conn, made, patch))
        await self._board.learn(made.run.id, patch=patch)
        short_of = "" if made.complete else made.product.reason
        why = verdict.needs_approval(waits, patch, short_of, made.workflow.requires, gates.KEPT_DAYS)
        raise Stop("needs approval", f"{why}\n\n{await self._to_approve(made, waits)}")

    async def _gate_to_others(self, made: Offer, waits: Sequence[Finding]) -> None:
        """On a branch of people only what is complete is pushed, and nothing that people have to decide about."""
        if waits:
            raise Stop("refused", f"{fix_text.by_people(verdict.listed(waits))}\n\n{await self._as_patch(made)}")
        if not made.complete:
            raise Stop(made.product.state, f"{made.product.reason}\n\n{await self._as_patch(made)}")

    async def _to_approve(self, made: Offer, waits: Sequence[Finding]) -> str:
        """The patch, or where no comment can show it the parts of it that people decide about."""
        whole = await self._as_patch(made)
        if "```" in whole:
            return whole
        paths = sorted({finding.path for finding in waits if finding.path})
        part = await changes.patch(await self._mirror(made.run), made.ground.base, made.product.tree, paths)
        shown = _as_comment(part) if paths else ""
        if not shown or redacted(shown, self._secrets) != shown:
            return f"{whole}\n\n{verdict.parts_not_shown()}"
        return f"{verdict.parts_as_patch(shown)}\n\n{whole}"

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
        await self._board.learn(run.id, branch=ground.branch, head=head)
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

    async def _or_patch(self, made: Offer, work: Awaitable[Any]) -> Any:
        """Do the work; where it cannot be done, the run ends with the change as a patch."""
        try:
            return await work
        except Stop as stop:
            raise Stop(stop.state, f"{text.not_pushed(stop.sentence)}\n\n{await self._as_patch(made)}") from stop

    async def _or_branch(self, made: Offer, work: Awaitable[Any]) -> Any:
        """Do the work; where it cannot be done, the run ends with the name of the branch that was pushed."""
        try:
            return await work
        except Stop as stop:
            sentence = f"{text.not_opened(stop.sentence)}\n\n{text.on_branch(made.ground.branch)}"
            raise Stop(stop.state, sentence) from stop

    async def _as_patch(self, made: Offer) -> str:
        patch = await changes.patch(await self._mirror(made.run), made.ground.base, made.product.tree)
        await self._board.db.write(lambda conn: runs.keep(conn, made.run.id, "patch", {}, patch))
        shown = _as_comment(patch)
        if redacted(shown, self._secrets) != shown:
            return verdict.patch_hidden(made.run.id)
        return verdict.offered_as_patch(shown) if shown else verdict.patch_kept(patch, made.run.id)

    async def _open(self, made: Offer) -> dict[str, Any]:
        run, wanted, event = made.run, made.workflow.opens, event_of(made.run)
        story = await self._story(made)
        rights = {"pull_requests": "write", "issues": "write", "contents": "read"}
        async with self._github.repository(event.repo, rights) as repo:
            pull = await (self._continue if made.ground.pull else self._open_new)(repo, made, story)
            await self._board.learn(run.id, pull=pull.number)
            await repo.add_labels(pull.number, wanted.labels)
            if made.complete:
                await repo.request_review(pull.number, [event.actor.login])
        return {"pull": pull.number, "draft": pull.draft}

    async def _open_new(self, repo: Repository, made: Offer, story: Story) -> Pull:
        ground = made.ground
        return await repo.open_pull(
            head=ground.branch,
            base=ground.base_branch,
            title=made.title,
            body=body(story),
            draft=made.draft,
        )

    async def _continue(self, repo: Repository, made: Offer, story: Story) -> Pull:
        """Tell what is new in a section of our own: title and text may have been edited by people."""
        assert made.ground.pull is not None
        pull = await repo.pull(made.ground.pull)
        return await repo.edit_pull(pull.number, body=with_newest(pull.body, newest(story)))

    async def _story(self, made: Offer) -> Story:
        verdict, issue = made.product.verdict, issue_of(made.run)
        tested = Tested(verdict.about, verdict.passed, made.product.attempt, verdict.seconds, verdict.output)
        return Story(
            issue=issue.number,
            issue_title=issue.title,
            author=issue.author.login,
            asker=event_of(made.run).actor.login,
            summary=made.said.summary or answer.made_up_summary(made.changed),
            tested=tested,
            test_files=[c.path for c in made.changed if c.status != "D" and answer.concern(c.path) == "test"],
            complete=made.complete,
            reason=made.product.reason,
            page=self._herald.page(made.run.id),
            template=made.ground.template,
            wanted=[finding.sentence for finding in made.of("draft")],
            noted=[finding.sentence for finding in made.of("flag")],
            approved=[finding.sentence for finding in made.of("approve")],
            approver=made.run.context.get("approves", {}).get("by", ""),
        )

    async def _check(self, made: Offer, head: str) -> dict[str, Any]:
        verdict = made.product.verdict
        title = made.product.reason or text.check_title(verdict.about, verdict.passed)
        summary = status_text.check_summary(
            await self._board.db.read(lambda conn: runs.tree(conn, made.run.id)), verdict.output
        )
        async with self._github.repository(event_of(made.run).repo, {"checks": "write"}) as repo:
            check = await repo.create_check(
                head,
                "Tutti",
                made.run.id,
                title=text.sentence_title(title),
                summary=summary,
                conclusion=conclusion(made.product.state, verdict.passed, asks=bool(made.of("draft"))),
                details_url=self._herald.page(made.run.id) or None,
            )
        await self._board.learn(made.run.id, check=check.id, check_url=check.url)
        return {"check": check.id}


def _keep_waiting(conn: sa.Connection, made: Offer, patch: str) -> None:
    """The run waits by a row, with all that publishing its patch takes."""
    run, ground = made.run, made.ground
    gate = Gate(
        run=run.id,
        repo=event_of(run).repo.id,
        target=run.target,
        workflow=run.workflow,
        kind="patch",
        digest=patch,
        base=ground.base,
        created_at=time.time(),
        pull=ground.pull,
    )
    if gates.put(conn, gate):
        runs.keep(conn, run.id, GATE, {"ground": asdict(ground), "product": asdict(made.product)})


async def _fork(mirror: Mirror, ground: Ground) -> str:
    """Where a pull request's branch left the branch it is to go to; its own newest commit where nobody can tell."""
    base = await mirror.resolve(ground.base_branch)
    said = await mirror.answer("merge-base", base, ground.base) if base else None
    return said.stdout.decode().strip() if said is not None and said.code == 0 else ground.base


def _title(run: Run, workflow: Workflow, said: answer.Answer) -> str:
    issue = issue_of(run)
    change = {"title": answer.title(said, issue.title)}
    names = {
        "issue": {"title": plain(issue.title), "number": issue.number},
        "change": change,
        "repo": {"name": run.repo},
    }
    return template.render(workflow.opens.title, names)


def _as_comment(patch: bytes) -> str:
    """A patch as text that a comment carries unharmed; empty where it would not."""
    if len(patch) > text.PATCH_LIMIT or b"\r" in patch or b"\0" in patch:
        return ""
    try:
        words = patch.decode()
    except UnicodeDecodeError:
        return ""
    return words if inert(words) == words else ""


def conclusion(state: State, passed: bool | None, *, asks: bool = False) -> Conclusion:
    """A check's colour: green only where tests passed and nobody is asked, red only where they failed."""
    if asks and passed is not False:
        return "action_required"
    if state == "done":
        return "success" if passed else "neutral"
    return "failure" if passed is False else "timed_out" if state == "timed out" else "neutral"
