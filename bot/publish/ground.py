"""What a run starts from: the commit, the branch, the limits, what people said. Found once and recorded."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from bot.agents.custom import Custom, custom
from bot.agents.hidden import sentence, visible, visible_title
from bot.agents.prompt import Asked, fence
from bot.errors import ConfigError, Stop, UserError
from bot.git.mirror import Mirror, Mirrors
from bot.git.slug import branch_name
from bot.github.api import Repository
from bot.github.client import GitHub
from bot.github.events import CommentEvent
from bot.publish import earlier as before
from bot.publish import fix_text, review_text, text
from bot.publish.earlier import Start
from bot.publish.subject import Act, event_of, issue_in, issue_of
from bot.publish.writers import Comments, below
from bot.store import reviews, runs
from bot.store.db import Database
from bot.store.parts import Held
from bot.store.reviews import Said
from bot.store.runs import Run
from bot.workflow.bounds import lowered
from bot.workflow.configuration import PATH, Configuration, no_file
from bot.workflow.library import Library, key
from bot.workflow.spec import Workflow

TEMPLATES = ("pull_request_template.md", ".github/pull_request_template.md", "docs/pull_request_template.md")
BRANCHES_LOCK = 314159265
GATE = "gate"  # under which a run that needs approval keeps its ground and its product
READ = {"contents": "read", "issues": "read", "pull_requests": "read"}


@dataclass(frozen=True)
class Ground:
    """Plain data, recorded as a step's result. `expected` is the branch's commit on GitHub, None when it is new.

    `trusted` is the default branch's commit: settings for agents come from there. `findings` are those to be mended,
    in words for the agent. Nothing is pushed to a `fork`. `custom` is what the repository wants of its runs besides.

    `parts` are pull requests that the work is in already, where these are several, `spare` those it is in no more.
    Where `joins` names commits, `base` is those after the first upon that one: GitHub does not know it.
    """

    base: str
    base_tree: str
    base_branch: str
    branch: str
    expected: str | None
    pull: int | None
    setup: tuple[str, ...]
    test: tuple[str, ...]
    backend: str | None
    usd: float
    minutes: float
    silence: float
    draft: bool
    comments: Comments = ()
    template: str = ""
    notes: tuple[str, ...] = ()
    trusted: str = ""
    findings: str = ""
    fork: bool = False
    custom: Custom = field(default_factory=Custom)
    parts: tuple[Held, ...] = ()
    spare: tuple[Held, ...] = ()
    joins: tuple[str, ...] = ()


class Surveyor:
    """Finds a run's ground on GitHub, with a token that can only read."""

    def __init__(self, db: Database, github: GitHub, mirrors: Mirrors, library: Library) -> None:
        self._db, self._github, self._mirrors, self._library = db, github, mirrors, library

    async def ground(self, run: Run, workflow: Workflow) -> Ground:
        """Raises Stop where the repository is in no state to work on."""
        event = event_of(run)
        await self._github.confirm(event.repo)  # the run may have waited for hours, and names change hands
        mirror = await self._mirrors.get(event.repo.full_name, event.repo.id)
        async with self._github.repository(event.repo, READ) as repo:
            facts = await repo.facts()
            if facts.archived:
                raise Stop("refused", text.archived())
            if facts.empty:
                raise Stop("refused", text.empty())
            credential = self._mirrors.credential(repo.token)
            head = await fetched(mirror, facts.default_branch, credential)
            settings = await self._library.configuration(key(event.repo), head, await configured(mirror, head))
            if workflow.outputs.commits is not None:
                start = await self._on_pull(run, repo, mirror, credential)
                base_branch = start.base
                if start.branch == facts.default_branch and not start.fork:
                    raise Stop("refused", fix_text.head_is_default(start.branch))
            else:
                base_branch = settings.base or facts.default_branch
                base = await fetched(mirror, base_branch, credential) if settings.base else head
                start = await self._start(run, event, workflow, repo, mirror, base, credential)
            comments, later = await below(repo, event, run.context["asked_at"])
        comments = (*await specification(mirror, workflow, start.sha, run.context.get("words", ())), *comments)
        ground = await self._measured(run, workflow, settings, mirror, base_branch, start, comments)
        return replace(ground, trusted=head, notes=(*ground.notes, *_of_words(event, comments, later)))

    async def _on_pull(self, run: Run, repo: Repository, mirror: Mirror, token: Any) -> Start:
        """The head of the pull request whose findings are to be mended. Raises Stop where there is nothing to do."""
        findings = await self._wanted(run)
        pull = await repo.pull(issue_of(run).number)
        if pull.state != "open":
            raise Stop("refused", review_text.closed())
        try:
            await mirror.fetch([pull.head_sha] if not pull.from_fork else [f"refs/pull/{pull.number}/head"], token)
            await mirror.fetch([pull.base], token)
        except UserError as missing:
            raise Stop("refused", str(missing)) from missing
        words = "\n\n".join(fence(f"finding {one.number}", fix_text.to_fix(one)) for one in findings)
        return Start(pull.head, pull.head_sha, pull.head_sha, pull.number, pull.base, words, pull.from_fork)

    async def _wanted(self, run: Run) -> list[Said]:
        """The open findings that were asked for: by number, by answering one, or all of them."""
        event, number = event_of(run), issue_of(run).number
        said = await self._db.read(lambda conn: reviews.said(conn, (event.repo.id, number)))
        still = [one for one in said if one.state == "open"]
        if not still:
            raise Stop("no change", fix_text.nothing_to_fix())
        words = tuple(word.strip("#,") for word in run.context.get("words", ()))
        if not words and isinstance(event, CommentEvent) and event.comment.in_reply_to is not None:
            return [one for one in still if one.comment == event.comment.in_reply_to] or still
        known = {str(one.number): one for one in still}
        if strange := [word for word in words if word not in known]:
            raise Stop("refused", fix_text.no_such_finding(strange, [one.number for one in still]))
        return [known[word] for word in dict.fromkeys(words)] if words else still

    async def _start(
        self, run: Run, event: Act, workflow: Workflow, repo: Repository, mirror: Mirror, base: str, token: Any
    ) -> Start:
        for earlier in await self._db.read(lambda conn: runs.recent(conn, run.target)):
            mine = earlier.workflow == run.workflow and (earlier.id != run.id or run.life > 1)
            held = before.of(earlier) if mine else ()
            if held and event_of(earlier).repo.id == event.repo.id:
                if still := await before.still_open(repo, held):
                    await mirror.fetch([f"refs/heads/{pull.head}" for _, pull in still], token)
                    return await before.start(mirror, base, still, several=workflow.tasks is not None)
                break
        return Start(await self._new_branch(run, workflow, repo), base, None, None)

    async def _new_branch(self, run: Run, workflow: Workflow, repo: Repository) -> str:
        """A branch that is neither on GitHub nor another run's; from now on it is this run's."""
        issue = issue_of(run)
        wish = branch_name(workflow.branch_prefix, issue.title, issue.number)
        taken: set[str] = set()
        while True:
            name = await self._db.write(lambda conn: _claimed(conn, run, wish, taken))
            if not await repo.branch_exists(name):
                return name
            taken.add(name)

    async def _measured(
        self,
        run: Run,
        workflow: Workflow,
        settings: Configuration,
        mirror: Mirror,
        base_branch: str,
        start: Start,
        comments: Comments,
    ) -> Ground:
        traits = await mirror.traits(start.sha)
        limits = lowered(workflow.limits, settings.limits, self._library.most)
        return Ground(
            base=start.sha,
            base_tree=await mirror.tree(start.sha),
            base_branch=base_branch,
            branch=start.branch,
            expected=start.expected,
            pull=start.pull,
            setup=settings.setup,
            test=settings.test,
            backend=settings.backend,
            usd=limits.usd,
            minutes=limits.minutes,
            silence=limits.silence_minutes * 60,
            draft=settings.draft if settings.draft is not None else workflow.opens.draft,
            comments=comments,
            findings=start.findings,
            fork=start.fork,
            parts=start.parts,
            spare=start.spare,
            joins=start.joins,
            template=await _template(mirror, start.sha),
            notes=text.notes(traits.submodules, lfs=traits.lfs),
            custom=custom(settings),
        )


async def specification(mirror: Mirror, workflow: Workflow, sha: str, words: Sequence[str]) -> Comments:
    """The file that whoever asked named as the specification, as it is at commit `sha`, told as a comment is.

    Raises Stop where there is none.
    """
    if not words or not workflow.on.command_with or not words[0].endswith(".md"):
        return ()
    try:
        data = await mirror.file(sha, words[0])
    except UserError as refusal:
        raise Stop("refused", str(refusal)) from refusal
    if data is None:
        raise Stop("refused", text.no_such_file(words[0]))
    return ({"author": f"the file {words[0]}", "body": data.decode("utf-8", "replace")[:60_000]},)


def _claimed(conn: sa.Connection, run: Run, wish: str, taken: Set[str]) -> str:
    """The first name no other active run of the repository has, entered in the run's facts."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(BRANCHES_LOCK)))
    others = {one.facts.get("branch") for one in runs.active(conn) if one.repo == run.repo and one.id != run.id}
    names = (wish if again == 1 else f"{wish}-{again}" for again in itertools.count(1))
    name = next(name for name in names if name not in taken | others)
    runs.learn(conn, run.id, branch=name)
    return name


async def fetched(mirror: Mirror, branch: str, credential: Any) -> str:
    try:
        await mirror.fetch([branch], credential)
    except UserError as missing:
        raise Stop("refused", str(missing)) from missing
    sha = await mirror.resolve(branch)
    if sha is None:
        raise Stop("refused", text.empty())
    return sha


async def configured(mirror: Mirror, sha: str) -> bytes | ConfigError | None:
    try:
        return await mirror.file(sha, PATH)
    except UserError:
        return no_file(PATH)


async def _template(mirror: Mirror, sha: str) -> str:
    path = next((e.path for e in await mirror.listing(sha) if e.path.lower() in TEMPLATES), None)
    data = await mirror.read(sha, path) if path else None
    return data.decode("utf-8", "replace")[:20_000] if data else ""


def _of_words(event: Act, comments: Comments, later: Mapping[str, int]) -> list[str]:
    """What of the words on GitHub the agent does not get: what nobody sees there, and what came too late."""
    issue = issue_in(event)
    words = [issue.body, *(comment["body"] for comment in comments)]
    removed: Counter[str] = Counter()
    for seen in (visible_title(issue.title), *map(visible, words)):
        removed.update(dict(seen.removed))
    return [note for note in (sentence(removed.items()), text.came_later(later) if later else "") if note]


def asked(run: Run, ground: Ground) -> Asked:
    issue = issue_of(run)
    return Asked(run.repo, issue.number, issue.title, issue.body, issue.author.login, ground.comments, ground.findings)
