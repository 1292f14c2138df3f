"""What an answer starts from: the commit that is read, the question, who said what. Found once and recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.agents.custom import Custom, custom
from bot.agents.hidden import sentence, visible, visible_title
from bot.agents.response import Ref
from bot.errors import Stop
from bot.git.command import Credential
from bot.git.mirror import Mirror, Mirrors
from bot.git.patches import merge_base, patches
from bot.github.api import Repository
from bot.github.client import GitHub
from bot.github.entity import Pull
from bot.github.events import CommentEvent
from bot.publish import description, text
from bot.publish.ground import READ, configured, fetched
from bot.publish.pull_ground import fetch_all, guidelines_at
from bot.publish.review_text import Coverage
from bot.publish.study import Sources, attributes
from bot.publish.subject import Act, event_of, issue_in
from bot.publish.writers import Comments, below, in_thread
from bot.review import reading
from bot.review.rules import merged
from bot.store.runs import Run
from bot.workflow.bounds import lowered
from bot.workflow.library import Library, key
from bot.workflow.spec import Workflow

MOST_TOKENS = 20_000  # of a change that the agent is given; the rest it can look up in the files


@dataclass(frozen=True)
class Spot:
    """Where a thread stands: a file, its line (None: outdated) and the diff above it; and what was said in it."""

    path: str
    line: int | None
    hunk: str
    said: Comments = ()


@dataclass(frozen=True)
class AnswerGround:
    """Plain data, recorded as a step's result. `head` is the commit that is read, of a pull request its own; `base` is
    where that left its base branch, empty on an issue.

    `trusted` is the default branch's commit: guidelines and settings come from there. `section` is what our section of
    the pull request's text says, `current` whether nothing changed since.
    """

    number: int
    is_pull: bool
    title: str
    body: str
    author: str
    question: str
    head: str
    tree: str
    base: str
    trusted: str
    backend: str | None
    usd: float
    minutes: float
    silence: float
    tokens: int
    ignore: tuple[str, ...] = ()
    language: str = "English"
    comments: Comments = ()
    thread: Spot | None = None
    guidelines: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    section: str = ""
    current: bool = False
    custom: Custom = field(default_factory=Custom)


@dataclass(frozen=True)
class Change:
    """The change of a pull request, as much of it as fits; `paths` are all that it changes, `coverage` what of it."""

    text: str
    paths: tuple[str, ...]
    coverage: Coverage


class AnswerSurveyor:
    """Finds an answer's ground, with a token that can only read."""

    def __init__(self, github: GitHub, mirrors: Mirrors, library: Library) -> None:
        self._github, self._mirrors, self._library = github, mirrors, library

    async def ground(self, run: Run, workflow: Workflow) -> AnswerGround:
        """Raises Stop where the repository is in no state to be read."""
        event, asked_at = event_of(run), run.context["asked_at"]
        issue = issue_in(event)
        await self._github.confirm(event.repo)  # the run may have waited, and names change hands
        mirror = await self._mirrors.get(event.repo.full_name, event.repo.id)
        async with self._github.repository(event.repo, READ) as repo:
            credential = self._mirrors.credential(repo.token)
            default = await mirror.default_head(credential)
            if default is None:
                raise Stop("refused", text.empty())
            trusted = await fetched(mirror, default.branch, credential)
            settings = await self._library.configuration(key(event.repo), trusted, await configured(mirror, trusted))
            pull = await _pulled(mirror, credential, await repo.pull(issue.number)) if issue.is_pull else None
            base = await _base(mirror, credential, pull) if pull else ""
            comments, later = await below(repo, event, asked_at)
            thread = await self._thread(repo, event, asked_at)
        rules = merged(workflow.review, settings.review)
        limits = lowered(workflow.limits, settings.limits, self._library.most)
        head, question = pull.head_sha if pull else trusted, asked_in(run)
        body = description.without_section(issue.body)
        theirs = [*comments, *(thread.said if thread else ())]
        return AnswerGround(
            number=issue.number,
            is_pull=issue.is_pull,
            title=issue.title,
            body=body,
            author=issue.author.login,
            question=question,
            head=head,
            tree=await mirror.tree(head),
            base=base,
            trusted=trusted,
            backend=settings.backend,
            usd=limits.usd,
            minutes=limits.minutes,
            silence=limits.silence_minutes * 60,
            tokens=min(rules.reading.part_tokens, MOST_TOKENS),
            ignore=rules.reading.ignore,
            language=settings.language or rules.language,
            comments=comments,
            thread=thread,
            guidelines=await guidelines_at(mirror, trusted, rules.guidelines),
            notes=(
                *_unseen(issue.title, [body, question, *(comment["body"] for comment in theirs)]),
                *([text.came_later(later)] if later else []),
            ),
            section=description.section_of(issue.body),
            current=description.is_current(issue.title, issue.body, head),
            custom=custom(settings),
        )

    async def _thread(self, repo: Repository, event: Act, asked_at: float) -> Spot | None:
        if not isinstance(event, CommentEvent) or event.comment.where != "diff":
            return None
        hunk, said = await in_thread(repo, event, asked_at, (await self._github.app()).bot_id)
        return Spot(event.comment.path, event.comment.line, hunk, said)

    async def ready(self, run: Run, ground: AnswerGround) -> Mirror:
        """The mirror, with what another machine, or this one before it lost its own, found."""
        repo = event_of(run).repo
        mirror = await self._mirrors.get(repo.full_name, repo.id)
        wanted = [sha for sha in (ground.head, ground.base, ground.trusted) if sha]
        if not await mirror.has(*wanted):
            async with self._github.repository(repo, {"contents": "read"}) as reading:
                credential = self._mirrors.credential(reading.token)
                await fetch_all(mirror, [_ref(ground.number)] if ground.is_pull else [], credential)
                await fetch_all(mirror, wanted, credential)
        return mirror


def asked_in(run: Run) -> str:
    """The words of the command: what is to be answered."""
    return (run.context.get("text") or " ".join(run.context.get("words", ()))).strip()


def _ref(number: int) -> str:
    return f"refs/pull/{number}/head"


async def _pulled(mirror: Mirror, credential: Credential, pull: Pull) -> Pull:
    """The pull request, of a fork or not, once git has its head."""
    await fetch_all(mirror, [_ref(pull.number)], credential)
    await fetch_all(mirror, [pull.head_sha], credential)
    return pull


async def _base(mirror: Mirror, credential: Credential, pull: Pull) -> str:
    """Where a pull request left its base branch; of one that is closed, as it was then. Empty where nobody can tell."""
    if pull.state == "open":
        tip = await fetched(mirror, pull.base, credential)
    else:
        tip = pull.base_sha
        try:
            await fetch_all(mirror, [tip], credential)
        except Stop:  # its base branch is gone with all that was on it
            return ""
    return await merge_base(mirror, tip, pull.head_sha) or ""


def _unseen(title: str, words: Iterable[str]) -> list[str]:
    """A note on what of the words on GitHub the agent does not get, for nobody sees it there."""
    removed: dict[str, int] = {}
    for seen in (visible_title(title), *map(visible, words)):
        for kind, count in seen.removed:
            removed[kind] = removed.get(kind, 0) + count
    return [note] if (note := sentence(removed.items())) else []


# ---- what git knows, the same each time ------------------------------------------------------------------------------


async def change(mirror: Mirror, ground: AnswerGround) -> Change | None:
    """The change that a pull request is; None on an issue. The file that a thread stands in comes first."""
    if not ground.base:
        return None
    found = [patch async for patch in patches(mirror, ground.base, ground.head)]
    plan = reading.sort(found, ground.ignore, await attributes(mirror, ground.trusted))
    first = ground.thread.path if ground.thread else ""
    files = sorted(plan.files, key=lambda patch: patch.path != first)
    sources = Sources(mirror, ground.head, ground.base)
    await sources.load([patch.path for patch in files[:200]])
    packing = reading.pack(files, ground.tokens, 1, sources.at_head)
    covered = reading.coverage(packing, plan)
    shown = "".join(part.text for part in packing.parts)
    return Change(shown, tuple(patch.path for patch in found), Coverage(covered.read, covered.total, covered.left))


async def existing(mirror: Mirror, head: str, refs: Sequence[Ref]) -> list[Ref]:
    """The places that are there at that commit, each once; a line that its file does not have is no place."""
    sources = Sources(mirror, head, "")
    await sources.load({ref.path for ref in refs})
    lines = {ref: sources.at_head(ref.path) for ref in dict.fromkeys(refs)}
    return [ref for ref, there in lines.items() if there is not None and (ref.line or 0) <= len(there)]
