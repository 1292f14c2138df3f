"""What a run on a commit starts from, the head of a pull request or of the default branch. Found once and recorded."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bot.agents.custom import Custom, custom
from bot.agents.order import Matter, order
from bot.agents.prompt import Asked
from bot.agents.workshop import Order
from bot.errors import Stop
from bot.git.mirror import Mirror, Mirrors
from bot.github.api import Repository
from bot.github.client import GitHub
from bot.github.entity import Pull, RepoRef
from bot.github.events import PullEvent, parse
from bot.publish import text, trial_text
from bot.publish.ground import configured, fetched
from bot.publish.pull_ground import fetch_all
from bot.publish.subject import event_of, issue_of, payer_of
from bot.store import received
from bot.store.db import Database
from bot.store.record import Run
from bot.workflow.bounds import lowered
from bot.workflow.library import Library, key
from bot.workflow.spec import Workflow

READ = {"contents": "read", "pull_requests": "read"}
EARLY = 60.0  # seconds that GitHub's clock may be behind ours
MOST = 300  # deliveries that are looked through
_SHA = re.compile(r"[0-9a-fA-F]{7,64}")


@dataclass(frozen=True)
class HeadGround:
    """Plain data, recorded as a step's result. `onto` is the newest commit of `base`, the branch it is to go to.

    `pull` 0: it is the head of the default branch, and `base` is empty. `trusted` is the default branch's commit:
    settings come from there. `named`: whoever asked said which commit it is to be.
    """

    pull: int
    head: str
    tree: str
    branch: str
    base: str
    onto: str
    default: str
    trusted: str
    fork: bool
    title: str
    body: str
    author: str
    setup: tuple[str, ...]
    test: tuple[str, ...]
    backend: str | None
    usd: float
    minutes: float
    silence: float
    named: bool = False
    custom: Custom = field(default_factory=Custom)


class HeadSurveyor:
    """Finds it on GitHub, with a token that can only read."""

    def __init__(self, db: Database, github: GitHub, mirrors: Mirrors, library: Library) -> None:
        self._db, self._github, self._mirrors, self._library = db, github, mirrors, library

    async def mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)

    async def ground(self, run: Run, workflow: Workflow) -> HeadGround:
        """Raises Stop where the repository or the pull request is in no state to work on."""
        repo, issue, mirror = event_of(run).repo, issue_of(run), await self.mirror(run)
        await self._github.confirm(repo)  # the run may have waited, and names change hands
        async with self._github.repository(repo, READ) as reading:
            facts = await reading.facts()
            if facts.archived or facts.empty:
                raise Stop("refused", text.archived() if facts.archived else text.empty())
            credential = self._mirrors.credential(reading.token)
            trusted = await fetched(mirror, facts.default_branch, credential)
            settings = await self._library.configuration(key(repo), trusted, await configured(mirror, trusted))
            pull = await _open(reading, issue.number) if issue.is_pull else None
            if pull is not None:
                await fetch_all(mirror, [f"refs/pull/{pull.number}/head"], credential)
                await fetch_all(mirror, [pull.head_sha, pull.base], credential)
        limits = lowered(workflow.limits, settings.limits, self._library.most)
        head = pull.head_sha if pull else trusted
        return HeadGround(
            pull=pull.number if pull else 0,
            head=head,
            tree=await mirror.tree(head),
            branch=pull.head if pull else facts.default_branch,
            base=pull.base if pull else "",
            onto=(await mirror.resolve(pull.base) or "") if pull else "",
            default=facts.default_branch,
            trusted=trusted,
            fork=pull.from_fork if pull else False,
            title=issue.title,
            body=issue.body,
            author=issue.author.login,
            setup=settings.setup,
            test=settings.test,
            backend=settings.backend,
            usd=limits.usd,
            minutes=limits.minutes,
            silence=limits.silence_minutes * 60,
            custom=custom(settings),
        )

    async def ready(self, run: Run, ground: HeadGround) -> None:
        """Fetch what another machine, or this one before it lost its mirror, found."""
        mirror, wanted = await self.mirror(run), [ground.head, ground.trusted, *filter(None, [ground.onto])]
        if await mirror.has(*wanted):
            return
        async with self._github.repository(event_of(run).repo, {"contents": "read"}) as reading:
            credential = self._mirrors.credential(reading.token)
            if ground.pull:
                await fetch_all(mirror, [f"refs/pull/{ground.pull}/head"], credential)
            await fetch_all(mirror, wanted, credential)

    async def now(self, run: Run, ground: HeadGround) -> Pull:
        """The pull request as it is by now."""
        async with self._github.repository(event_of(run).repo, READ) as reading:
            return await reading.pull(ground.pull)

    async def pushed_later(self, run: Run, ground: HeadGround) -> bool:
        """Whether the head came after the run was asked for, by what GitHub has told until now.

        Whoever pushes writes the commit's date and may write any; when GitHub was pushed to it says itself, by a
        delivery that may come late: ask before the commit is used, and again before what came of it is told.
        """
        asked: float = run.context["asked_at"]
        mirror = await self.mirror(run)
        if int(await mirror.git("log", "-1", "--format=%ct", ground.head)) > asked:
            return True
        bodies = await self._db.read(lambda conn: received.since(conn, "pull_request", asked - EARLY, MOST))
        return any(_told(body, event_of(run).repo, ground, asked) for body in bodies)

    async def order(self, run: Run, ground: HeadGround) -> Order:
        """What jobs start from. Their base is never the trusted commit, so that they get that one's settings."""
        asked = Asked(run.repo, issue_of(run).number, ground.title, ground.body, ground.author)
        matter = Matter(await self.mirror(run), ground.head, ground.tree, asked, ground.setup, ground.test)
        return await order(self._db, run, ground, matter, payer_of(run))


def named(words: Sequence[str], head: str) -> bool:
    """Whether the words after a command name the head; Stop where they name anything else, False without any."""
    if not words:
        return False
    if len(words) > 1 or not _SHA.fullmatch(words[0]):
        raise Stop("refused", trial_text.no_commit(" ".join(words)))
    if not head.startswith(words[0].lower()):
        raise Stop("refused", trial_text.not_the_head(words[0], head))
    return True


async def _open(reading: Repository, number: int) -> Pull:
    pull = await reading.pull(number)
    if pull.state != "open":
        raise Stop("refused", trial_text.closed())
    return pull


def _told(body: bytes, repo: RepoRef, ground: HeadGround, asked: float) -> bool:
    """Whether a delivery tells that the pull request got this head in the second of the request, or later."""
    said: object = None
    with suppress(ValueError, RecursionError):
        said = json.loads(body)
    event = parse("pull_request", said)
    if not isinstance(event, PullEvent) or event.action != "synchronize" or event.repo.id != repo.id:
        return False
    same = event.pull.number == ground.pull and event.pull.head_sha == ground.head
    moment = event.pull.updated_at
    return same and moment is not None and moment.timestamp() >= int(asked)
