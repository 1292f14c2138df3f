"""What a review starts from: the commits, the rules, the guidelines, what was said before. Found once and recorded."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.agents.custom import Custom, custom
from bot.agents.hidden import sentence, visible, visible_title
from bot.errors import Stop, UserError
from bot.git.command import Credential
from bot.git.mirror import Mirror, Mirrors
from bot.git.patches import merge_base
from bot.github.client import GitHub
from bot.github.entity import Pull
from bot.github.events import PullEvent
from bot.publish import review_text, text
from bot.publish.ground import configured, fetched
from bot.publish.subject import event_of, issue_of
from bot.review.glob import matcher
from bot.review.rules import ReviewRules, merged
from bot.store import reviews
from bot.store.db import Database
from bot.store.reviews import Place, Reviewed, Said
from bot.store.runs import Run
from bot.workflow.bounds import lowered
from bot.workflow.configuration import Configuration
from bot.workflow.library import Library, key
from bot.workflow.spec import Workflow

GUIDELINES_LENGTH = 30_000
READ = {"contents": "read", "pull_requests": "read"}
FRESH = 10.0  # seconds for which what an event told of a pull request is taken as it is


@dataclass(frozen=True)
class PullGround:
    """Plain data, recorded as a step's result. `base` is where the pull request left its base branch.

    `trusted` is the default branch's commit: guidelines and settings come from there. `skip` says why there is to be no
    review; `known` and `read` are what was said and read before, at the head `before`, `verdict` the last formal one.
    """

    number: int
    title: str
    body: str
    author: str
    url: str
    head: str
    tree: str
    base: str
    base_branch: str
    trusted: str
    fork: bool
    own: bool
    rules: ReviewRules
    backend: str | None
    usd: float
    minutes: float
    silence: float
    skip: str = ""
    guidelines: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    known: tuple[Said, ...] = ()
    read: tuple[str, ...] = ()
    before: str = ""
    comment: int | None = None
    asked: bool = False
    verdict: str = ""
    custom: Custom = field(default_factory=Custom)


class PullSurveyor:
    """Finds a review's ground, with a token that can only read; most of it in git, which costs no request."""

    def __init__(self, db: Database, github: GitHub, mirrors: Mirrors, library: Library) -> None:
        self._db, self._github, self._mirrors, self._library = db, github, mirrors, library

    async def ground(self, run: Run, workflow: Workflow) -> PullGround:
        """Raises Stop where the pull request is in no state to be read."""
        repo = event_of(run).repo
        await self._github.confirm(repo)  # the run may have waited, and names change hands
        mirror = await self._mirrors.get(repo.full_name, repo.id)
        async with self._github.repository(repo, READ) as reading:
            credential = self._mirrors.credential(reading.token)
            default = await mirror.default_head(credential)
            if default is None:
                raise Stop("refused", text.empty())
            trusted = await fetched(mirror, default.branch, credential)
            settings = await self._library.configuration(key(repo), trusted, await configured(mirror, trusted))
            pull = await self._pull(run, mirror, credential, reading.pull)
            if pull.state != "open":
                raise Stop("skipped", review_text.closed())
            base_tip = await fetched(mirror, pull.base, credential)
        rules = _rules(workflow, settings)
        base = await merge_base(mirror, base_tip, pull.head_sha)
        if base is None:
            raise Stop("refused", review_text.unrelated())
        limits = lowered(workflow.limits, settings.limits, self._library.most)
        place = (repo.id, pull.number)
        known = await self._db.read(lambda conn: reviews.reviewed(conn, place))
        said = await self._db.read(lambda conn: reviews.said(conn, place))
        asked, own = bool(run.context.get("asked")), (await self._github.app()).bot_id
        return PullGround(
            number=pull.number,
            title=pull.title,
            body=pull.body,
            author=pull.author.login,
            url=pull.url,
            head=pull.head_sha,
            tree=await mirror.tree(pull.head_sha),
            base=base,
            base_branch=pull.base,
            trusted=trusted,
            fork=pull.from_fork,
            own=pull.author.id == own,
            rules=rules,
            backend=settings.backend,
            usd=limits.usd,
            minutes=limits.minutes,
            silence=limits.silence_minutes * 60,
            skip="" if asked else skipped(pull, rules, own),
            guidelines=await guidelines_at(mirror, trusted, rules.guidelines),
            notes=_notes(pull),
            known=tuple(said),
            read=tuple(known.read) if known and not asked else (),
            before=known.head if known else "",
            comment=known.comment if known else None,
            asked=asked,
            verdict=str(known.story.get("event") or "") if known and known.story else "",
            custom=custom(settings),
        )

    async def _pull(self, run: Run, mirror: Mirror, credential: Credential, ask: Any) -> Pull:
        """The pull request as it is now. Where the event is fresh, and git has its commit, GitHub need not be asked."""
        event, number = event_of(run), issue_of(run).number
        ref = f"refs/pull/{number}/head"
        await fetch_all(mirror, [ref], credential)
        fresh = run.due is None and time.time() - run.context["asked_at"] < FRESH
        if isinstance(event, PullEvent) and fresh and event.pull.head_sha == await mirror.resolve(ref):
            return event.pull
        pull: Pull = await ask(number)
        await fetch_all(mirror, [pull.head_sha], credential)
        return pull

    async def ready(self, run: Run, ground: PullGround) -> None:
        """Fetch what another machine, or this one before it lost its mirror, found."""
        repo = event_of(run).repo
        mirror = await self._mirrors.get(repo.full_name, repo.id)
        if await mirror.has(ground.head, ground.base, ground.trusted):
            return
        async with self._github.repository(repo, {"contents": "read"}) as reading:
            credential = self._mirrors.credential(reading.token)
            await fetch_all(mirror, [f"refs/pull/{ground.number}/head"], credential)
            await fetch_all(mirror, [ground.head, ground.base, ground.trusted], credential)

    async def moved(self, run: Run, ground: PullGround) -> bool:
        """Whether the pull request has another head by now."""
        repo = event_of(run).repo
        mirror = await self._mirrors.get(repo.full_name, repo.id)
        ref = f"refs/pull/{ground.number}/head"
        async with self._github.repository(repo, READ) as reading:
            await fetch_all(mirror, [ref], self._mirrors.credential(reading.token))
        now = await mirror.resolve(ref)
        return now != ground.head and not await _is_older(mirror, now, ground.head)


async def fetch_all(mirror: Mirror, refs: Sequence[str], credential: Credential) -> None:
    """Raises Stop where one of them is not there."""
    try:
        await mirror.fetch(refs, credential)
    except UserError as missing:
        raise Stop("refused", str(missing)) from missing


async def _is_older(mirror: Mirror, now: str | None, head: str) -> bool:
    """GitHub moves this ref a moment after it tells of a push."""
    return now is not None and (await mirror.answer("merge-base", "--is-ancestor", now, head)).code == 0


def _rules(workflow: Workflow, settings: Configuration) -> ReviewRules:
    """The rules of a review; the repository's one language holds where it names none for reviews."""
    rules = merged(workflow.review, settings.review)
    own = settings.review is not None and "language" in settings.review.model_fields_set
    return rules if own or settings.language is None else rules.model_copy(update={"language": settings.language})


def skipped(pull: Pull, rules: ReviewRules, own_id: int) -> str:
    """Why a pull request is not reviewed unless somebody asks; empty where it is."""
    skip = rules.skip
    title = next((words for words in skip.titles if words.casefold() in pull.title.casefold()), "")
    label = next((name for name in pull.labels if name.casefold() in {one.casefold() for one in skip.labels}), "")
    if skip.all:
        return review_text.skipped_all()
    if skip.own and pull.author.id == own_id:
        return review_text.skipped_own()
    if skip.drafts and pull.draft:
        return review_text.skipped_draft()
    if skip.bots and pull.author.is_bot and pull.author.id != own_id:
        return review_text.skipped_bot(pull.author.login)
    if pull.author.login.casefold() in {login.casefold() for login in skip.authors}:
        return review_text.skipped_author(pull.author.login)
    if title:
        return review_text.skipped_title(title)
    if label:
        return review_text.skipped_label(label)
    if matcher(skip.branches)(pull.base):
        return review_text.skipped_branch(pull.base)
    return ""


async def guidelines_at(mirror: Mirror, trusted: str, paths: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The repository's guidelines as its default branch has them, as long as there is room."""
    found: list[tuple[str, str]] = []
    room = GUIDELINES_LENGTH
    for path in paths:
        try:
            data = await mirror.file(trusted, path)
        except UserError:  # a link, which is not followed
            continue
        if data and room > 0:
            found.append((path, visible(data.decode("utf-8", "replace")[:room]).text))
            room -= len(data)
    return tuple(found)


def _notes(pull: Pull) -> tuple[str, ...]:
    removed: dict[str, int] = {}
    for seen in (visible_title(pull.title), visible(pull.body)):
        for kind, count in seen.removed:
            removed[kind] = removed.get(kind, 0) + count
    note = sentence(removed.items())
    return (note,) if note else ()


def place_of(run: Run, ground: PullGround) -> Place:
    return event_of(run).repo.id, ground.number


def reviewed_of(run: Run, ground: PullGround) -> Reviewed:
    """The row of a pull request, for the first time."""
    repo = event_of(run).repo
    return Reviewed(repo.id, ground.number, repo.full_name, repo.installation)
