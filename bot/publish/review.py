"""A review on GitHub: check run, review, settled threads, the one summary. Each a step that may repeat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import structlog

from bot.errors import Stop, UserError
from bot.git.mirror import Mirrors
from bot.git.patches import merge_base
from bot.github.api import Repository
from bot.github.check import Annotation, Button, Conclusion
from bot.github.client import GitHub
from bot.github.entity import Pull, RepoRef
from bot.github.events import PullEvent
from bot.github.refusal import RefusalError
from bot.github.review import Inline
from bot.github.writing import marked
from bot.policy.secrets import redacted
from bot.publish import reason_text, review_text, staged_text, text
from bot.publish.pull_ground import PullGround, PullSurveyor, place_of
from bot.publish.review_text import Story
from bot.publish.standing import standing
from bot.publish.subject import event_of, issue_of
from bot.review import synthesis
from bot.review.finding import Finding, at_least
from bot.review.unjudged import UNCHECKED
from bot.store import reviews, runs
from bot.store.board import Board
from bot.store.record import Run
from bot.store.reviews import Said

log = structlog.get_logger(__name__)
CHECK = "Tutti review"
SUMMARY = "review-summary"
WRITE = {"pull_requests": "write"}


@dataclass(frozen=True)
class Remark:
    """A finding that is to be said. `inline` is where GitHub takes it; None: in the review's text."""

    said: Said
    inline: Inline | None = None
    suggestion: str | None = None


class Reviewer:
    """Writes reviews. Every write token is minted in the step that uses it; each step looks whether it was done.

    `secrets` are the installation's own, which no word of an agent may show.
    """

    def __init__(
        self, github: GitHub, mirrors: Mirrors, board: Board, surveyor: PullSurveyor, secrets: frozenset[str]
    ) -> None:
        self._github, self._mirrors, self._board = github, mirrors, board
        self.surveyor, self._secrets = surveyor, secrets
        self._site = urlsplit(mirrors.github_url).netloc  # links of findings lead nowhere else

    async def begin(self, run: Run, ground: PullGround, page: str) -> dict[str, Any]:
        """The check run, in progress."""
        again = await self._intent(run, "checking")
        async with self._github.repository(event_of(run).repo, {"checks": "write"}) as repo:
            check = await repo.begin_check(
                ground.head,
                CHECK,
                run.id,
                title=review_text.under_way(),
                summary=review_text.under_way(),
                details_url=page or None,
                look=again,
            )
            if run.life > 1:  # it may have ended before
                await repo.retitle_check(check.id, title=review_text.under_way(), summary=review_text.under_way())
        await self._board.learn(run.id, check=check.id, check_url=check.url, pull=ground.number)
        return {"check": check.id}

    async def say(self, run: Run, ground: PullGround, remarks: Sequence[Remark], event: str) -> dict[str, Any]:
        """Post the review: its id, the comments by finding, and GitHub's words where it took no comment at lines.

        One that was posted by a try of whose end nothing is known comes first: it stands, whatever happened since.
        """
        if posted := await self.posted(run, ground):
            return posted
        if await self.surveyor.moved(run, ground):
            raise Stop("cancelled", text.superseded())
        await self._intent(run, "posting")
        async with self._github.repository(event_of(run).repo, WRITE) as repo:
            found, refused = await self._post(repo, ground, remarks, event, _review_mark(run))
            return await _posted(repo, run, ground, found, refused)

    async def posted(self, run: Run, ground: PullGround) -> dict[str, Any] | None:
        """What `say` answers, where the review is on GitHub already."""
        if not (await self._facts(run)).get("posting"):
            return None
        async with self._github.repository(event_of(run).repo, WRITE) as repo:
            found = await repo.find_review(ground.number, _review_mark(run))
            return await _posted(repo, run, ground, found) if found is not None else None

    async def _post(
        self, repo: Repository, ground: PullGround, remarks: Sequence[Remark], event: str, marker: str
    ) -> tuple[int, str]:
        """One request; where GitHub does not take the lines a second one that says everything in the text."""
        run_id = marker.partition(":")[2]
        inline = [
            replace(remark.inline, body=marked(self._clean(self._words(remark)), _mark(run_id, remark.said.number)))
            for remark in remarks
            if remark.inline is not None
        ]
        rest = [remark for remark in remarks if remark.inline is None]
        try:
            return await self._send(repo, ground, event, marker, inline, rest, remarks), ""
        except RefusalError as refusal:
            if refusal.status != 422 or not inline:
                raise
            log.warning("review refused", reason=refusal.words, pull=ground.number)
            said = refusal.words.strip() or str(refusal)
            return await self._send(repo, ground, "COMMENT", marker, [], remarks, remarks, said), said

    async def _send(
        self,
        repo: Repository,
        ground: PullGround,
        event: str,
        marker: str,
        inline: Sequence[Inline],
        rest: Sequence[Remark],
        remarks: Sequence[Remark],
        refused: str = "",
    ) -> int:
        room = review_text.BODY_LIMIT // max(len(rest), 1)  # so that none of them is cut off
        leftovers = [review_text.in_body(one.said.number, one.said.finding, room, self._site) for one in rest]
        body = review_text.review_body([remark.said for remark in remarks], leftovers, refused)
        body = body or text.verdict_alone(event)
        return await repo.post_review(
            ground.number,
            commit=ground.head,
            event=event,  # type: ignore[arg-type]
            body=self._clean(body),
            comments=inline,
            marker=marker,
        )

    def _words(self, remark: Remark) -> str:
        return review_text.remark(remark.said.number, remark.said.finding, remark.suggestion, self._site)

    def _clean(self, words: str) -> str:
        return redacted(words, self._secrets)

    async def settle(
        self, run: Run, ground: PullGround, comments: Sequence[int], reopened: Sequence[int]
    ) -> dict[str, Any]:
        """Resolve the threads of findings that are over, and open those of findings that are back."""
        rights = {"pull_requests": "write", "contents": "write"}  # GitHub asks for both to resolve one
        async with self._github.repository(event_of(run).repo, rights) as repo:
            threads = await repo.threads(ground.number)
            over = [thread.id for thread in threads if thread.comment in comments and not thread.resolved]
            back = [thread.id for thread in threads if thread.comment in reopened and thread.resolved]
            done = await repo.resolve(over) if over else []
            return {"resolved": done, "reopened": await repo.unresolve(back) if back else []}

    async def summarise(self, run: Run, ground: PullGround, story: Story) -> dict[str, Any]:
        """Write the one summary, or bring it up to date."""
        return await self._summed_up(run, ground, review_text.summary(story))

    async def show(
        self, run: Run, ground: PullGround, story: Story, new: Sequence[Said], event: str, threads: int
    ) -> dict[str, Any]:
        """The summary of a review that writes nothing else: what it would say and do."""
        return await self._summed_up(
            run, ground, staged_text.review(story, new, event, conclusion(story), threads, self._site)
        )

    async def _summed_up(self, run: Run, ground: PullGround, words: str) -> dict[str, Any]:
        body = self._clean(words)
        async with self._github.repository(event_of(run).repo, {"issues": "write"}) as repo:
            known = ground.comment
            if known is None or not await repo.edit_comment(known, body, SUMMARY):
                found = await repo.find_comment(ground.number, SUMMARY)
                known = found.id if found else None
                if known is not None:
                    await repo.edit_comment(known, body, SUMMARY)
                else:
                    known = await repo.comment(ground.number, marked(body, SUMMARY))
        place, comment = place_of(run, ground), known
        await self._board.db.write(lambda conn: reviews.learn(conn, place, comment=comment))
        await self._board.learn(run.id, comment=known)
        return {"comment": known}

    async def conclude(self, run: Run, ground: PullGround, story: Story) -> dict[str, Any]:
        """Complete the check run, with what is open as annotations and buttons for what may follow."""
        check = int((await self._facts(run)).get("check") or 0)
        notes = [_annotation(one) for one in story.open if one.finding.side == "new"]
        shown = [replace(note, message=self._clean(note.message)) for note in notes]
        again = await self._intent(run, "concluding")
        async with self._github.repository(event_of(run).repo, {"checks": "write"}) as repo:
            await self._finish(repo, check, story, shown, look=again)
        place, told = place_of(run, ground), review_text.STORY.dump_python(replace(story, known=()), mode="json")
        await self._board.db.write(lambda conn: reviews.learn(conn, place, check=check, story=told))
        await self._board.learn(run.id, concluded=True)
        return {"check": check}

    async def _finish(
        self, repo: Repository, check: int, story: Story, notes: Sequence[Annotation] = (), *, look: bool = False
    ) -> None:
        await repo.finish_check(
            check,
            title=review_text.headline(story),
            summary=self._clean("\n\n".join([review_text.read(story.coverage), review_text.why(story)])),
            conclusion=conclusion(story),
            annotations=notes,
            actions=_buttons(story),
            look=look,
        )

    async def skip(self, run: Run, ground: PullGround) -> dict[str, Any]:
        """A check run that says why there is no review: neutral, for nothing was looked at."""
        async with self._github.repository(event_of(run).repo, {"checks": "write"}) as repo:
            check = await repo.create_check(
                ground.head,
                CHECK,
                run.id,
                title=text.sentence_title(ground.skip),
                summary=ground.skip,
                conclusion="neutral",
            )
        await self._board.learn(run.id, check=check.id, check_url=check.url, concluded=True)
        return {"check": check.id}

    async def leave(self, run: Run) -> None:
        """Tell of a review that came to no verdict: a neutral check run with the reason, and a way to try again.

        Where it never got as far as a check run, whoever asked gets the sentence as a comment too.
        """
        facts, sentence = run.facts, self._clean(reason_text.told(run) or run.state)
        if facts.get("concluded"):
            return
        if run.active:
            await self._retitle(run, sentence if run.state == "waiting" else review_text.under_way())
            return
        if facts.get("check") is None:
            await self._answer(run, sentence)
        if facts.get("staged"):
            return
        async with self._github.repository(event_of(run).repo, {"checks": "write"}) as repo:
            check = facts.get("check") or await self._late_check(repo, run, sentence)
            if check is None:
                return
            await repo.finish_check(
                int(check),
                title=text.sentence_title(sentence),
                summary=sentence,
                conclusion="cancelled" if run.state == "cancelled" else "neutral",
                actions=[Button(*review_text.AGAIN)],
            )
        await self._board.learn(run.id, check=check, concluded=True)

    async def _retitle(self, run: Run, sentence: str) -> None:
        """The check run of a review that rests, or goes on, says so."""
        if (check := run.facts.get("check")) is not None:
            async with self._github.repository(event_of(run).repo, {"checks": "write"}) as repo:
                await repo.retitle_check(int(check), title=text.sentence_title(sentence), summary=sentence)

    async def _late_check(self, repo: Repository, run: Run, sentence: str) -> int | None:
        """The check run that a lost answer told of, or a new one where there is something to tell and a commit."""
        event, facts = event_of(run), run.facts
        head = facts.get("head") or (event.pull.head_sha if isinstance(event, PullEvent) else "")
        if not head or (run.state in ("cancelled", "skipped") and not facts.get("checking")):
            return None
        title = text.sentence_title(sentence)
        return (await repo.begin_check(head, CHECK, run.id, title=title, summary=sentence, look=True)).id

    async def _answer(self, run: Run, sentence: str) -> None:
        if run.context.get("asked") and run.state not in ("done", "cancelled"):
            async with self._github.repository(event_of(run).repo, {"issues": "write"}) as repo:
                await repo.comment(issue_of(run).number, sentence, f"run:{run.id}")

    async def refresh(self, ref: RepoRef, pull: int) -> None:
        """Bring summary and check run up to date with the ledger, after people declined or reopened something."""
        place = (ref.id, pull)
        known = await self._board.db.read(lambda conn: reviews.reviewed(conn, place))
        if known is None or known.story is None or known.comment is None or known.closed_at is not None:
            return
        said = await self._board.db.read(lambda conn: reviews.said(conn, place))
        story = replace(review_text.STORY.validate_python(known.story), known=said)
        async with self._github.repository(ref, {"issues": "write", "checks": "write"}) as repo:
            await repo.edit_comment(known.comment, self._clean(review_text.summary(story)), SUMMARY)
            if known.check is not None:
                await self._finish(repo, known.check, story)

    async def standing(self, ref: RepoRef, pull: Pull, said: Sequence[Said]) -> list[Said]:
        """Findings as they stand at the head that a pull request has now; as they stood, where that cannot be had."""
        mirror = await self._mirrors.get(ref.full_name, ref.id)
        try:
            async with self._github.repository(ref, {"contents": "read"}) as repo:
                credential = self._mirrors.credential(repo.token)
                await mirror.fetch([f"refs/pull/{pull.number}/head", pull.base], credential)
        except UserError as gone:
            log.info("last push not read", pull=pull.number, reason=str(gone))
            return list(said)
        base = await merge_base(mirror, pull.base_sha, pull.head_sha)
        known = await self._board.db.read(lambda conn: reviews.reviewed(conn, (ref.id, pull.number)))
        if base is None or known is None:
            return list(said)
        return await standing(mirror, base, pull.head_sha, known.head, said)

    async def _intent(self, run: Run, what: str) -> bool:
        """Whether this was begun before, by a process that may have died after GitHub did it."""
        begun = bool((await self._facts(run)).get(what))
        if not begun:
            await self._board.learn(run.id, **{what: True})
        return begun

    async def _facts(self, run: Run) -> Mapping[str, Any]:
        now = await self._board.db.read(lambda conn: runs.get(conn, run.id))
        return now.facts if now is not None else {}


def conclusion(story: Story) -> Conclusion:
    """Green only where everything was read and nothing is open; red only where the configuration asks for it."""
    bar = story.fail_on
    if bar is not None and any(at_least(one.finding.severity, bar) for one in story.open):
        return "failure"
    clean = not story.open and not story.partial and not _unchecked(story)
    return "success" if clean and story.coverage.read else "neutral"


def verdict(rules: PullGround, story: Story) -> str:
    """The review's event: COMMENT, unless the configuration lets the bot approve or request changes."""
    wanted = rules.rules.event
    if wanted == "comment" or story.partial or rules.own:  # nobody may judge a pull request of their own
        return "COMMENT"
    if any(_is_grave(one.finding) for one in story.open):
        return "REQUEST_CHANGES"
    return "APPROVE" if wanted == "approve" and approvable(story) else "COMMENT"


def approvable(story: Story) -> bool:
    """Whether the bot may stand up for a change: every file was read, and nothing grave was said that one judge denied.

    Readers and judge can be talked into silence, and what nobody read can hold anything.
    """
    denied = any(_is_grave(one.finding) and one.why.startswith(synthesis.REFUTED) for one in story.silent)
    return bool(story.coverage.read) and not (story.coverage.left or story.open or denied or _unchecked(story))


def _unchecked(story: Story) -> bool:
    """Whether something was found that is not said only because no judge looked at it."""
    return any(one.why == UNCHECKED for one in story.silent)


def _is_grave(finding: Finding) -> bool:
    return at_least(finding.severity, "major")


def _review_mark(run: Run) -> str:
    return f"review:{run.id}"


async def _posted(repo: Repository, run: Run, ground: PullGround, review: int, refused: str = "") -> dict[str, Any]:
    there = await repo.remarks_of(ground.number, review) if not refused else []
    comments = {str(number): one.id for one in there if (number := _number(one.body, run.id))}
    return {"review": review, "comments": comments, "refused": refused}


def _mark(run_id: str, number: int) -> str:
    return f"finding:{run_id}:{number}"


def _number(body: str, run_id: str) -> int:
    """The finding that a comment of this run says, 0 where it says none."""
    head = f"<!-- tutti finding:{run_id}:"
    _, found, rest = body.rpartition(head)
    digits = rest.partition(" ")[0]
    return int(digits) if found and digits.isdecimal() else 0


def _annotation(one: Said) -> Annotation:
    finding = one.finding
    return Annotation(
        path=finding.path,
        start_line=finding.start,
        end_line=finding.end,
        level=review_text.LEVELS[finding.severity],  # type: ignore[arg-type]
        title=f"{one.number}: {finding.severity}, {finding.category}",
        message=review_text.annotation(finding),
    )


def _buttons(story: Story) -> list[Button]:
    return [Button(*review_text.AGAIN), *([Button(*review_text.FIX)] if story.open else [])]
