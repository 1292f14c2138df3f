"""Reviews of recorded pull requests: what reached each beside what should have; and what is asked of GitHub."""

import asyncio
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from bench.cases import Answer, Case, Expected, Round, fits, lines_of, load
from bench.figure import Figure
from bot.agents.task import AgentEvent, Outcome, Task, Tell
from bot.app import Bot, Seams, running, web_app
from bot.emulator.bare import RefChange
from bot.emulator.server import Emulator
from bot.emulator.world import Pull, Repo
from bot.errors import UserError
from bot.github.harmless import phrase
from bot.settings import Settings
from bot.web.webhook import runner
from bot.workflow.library import Shipped, shipped
from bot.workflow.output import Outputs, Review

REPORT = Path("build/review.json")
CONFIGURATION = "version: 1\nbackend: recorded\n"
SECRET = "a webhook secret of the bench"
AT_ONCE, THIRTY = 2, 30
_OF = re.compile(r"of corpus/([\w-]+)")
_REMARK = re.compile(r"^BEGIN (DATA-*) \((?P<label>.*)\)\n(?P<words>[\s\S]*?)\nEND \1$", re.MULTILINE)
_CANDIDATE = re.compile(r"(\d+)\. (.+) \((?:critical|major|minor|nit), .+\)")
_TITLE = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)
_NUMBER = re.compile(r"finding (\d+)</sub>")


@dataclass
class Recorded:
    """The agents of the corpus: they say what is recorded for the case and its round."""

    name: str = "recorded"
    cases: dict[str, Case] = field(default_factory=dict)
    rounds: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    asked: set[tuple[str, int, str]] = field(default_factory=set)
    mistakes: list[str] = field(default_factory=list)

    async def run(self, task: Task, tell: Tell) -> Outcome:
        found = _OF.search(task.prompt)
        case = self.cases[found[1]] if found else None
        words = self._words(case, task) if case else ""
        tell(AgentEvent("text", words[:200]))
        return Outcome("finished", words, usd=0.0)

    def _words(self, case: Case, task: Task) -> str:
        agent, _, part = task.key.partition(".")
        self.asked.add((case.name, self.rounds[case.name], agent))
        if agent == "judge":
            return self._verdicts(case, task.prompt)
        entries = case.rounds[self.rounds[case.name]].answers.get(agent, ())
        if int(part) > len(entries):
            return '```json\n{"findings": []}\n```'
        entry = entries[int(part) - 1]
        return entry.words if task.attempt == 1 else entry.again

    def _verdicts(self, case: Case, prompt: str) -> str:
        try:
            found = candidates(prompt)
        except UserError as mistake:  # one that is raised here would only be an agent that failed
            self.mistakes.append(f"{case.name}: {mistake}")
            found = []
        said = []
        for number, title in found:
            ruling = next((one for one in case.judge if fits(one, title)), None)
            refuted, reason = (ruling.refuted, ruling.reason) if ruling else (False, "")
            said.append({"id": number, "refuted": refuted, "reason": reason})
        return "```json\n" + json.dumps({"verdicts": said}) + "\n```"


def candidates(prompt: str) -> list[tuple[str, str]]:
    """The names and titles of what a judge is asked about; UserError where that is not to be read, or nothing is."""
    blocks = [one for one in _REMARK.finditer(prompt) if one["label"].startswith("remark ")]
    heads = [_CANDIDATE.fullmatch(one["words"].partition("\n")[0]) for one in blocks]
    found = [(head[1], head[2]) for head in heads if head]
    if not blocks or [f"remark {number}" for number, _ in found] != [one["label"] for one in blocks]:
        raise UserError(f"The recorded judge understands {len(found)} of {len(blocks)} remarks in its prompt.")
    return found


@dataclass(frozen=True)
class Comment:
    """What reached a pull request: a finding inline (with its lines) or in a review's text, and its meaning."""

    title: str
    path: str
    start: int
    line: int
    inline: bool
    means: str
    round: int


@dataclass
class Score:
    """Counts over all cases."""

    said: list[Comment] = field(default_factory=list)
    right: int = 0
    expected: int = 0
    inline: int = 0
    wrong_anchors: int = 0
    repeats: int = 0
    lost: int = 0
    outside: int = 0
    rounds: int = 0
    complaints: list[str] = field(default_factory=list)
    shown: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def complain(self, case: Case, words: str) -> None:
        self.complaints.append(f"{case.name}: {words}")


async def measure() -> list[Figure]:
    """Replay the corpus and count; writes `build/review.json`."""
    cases = load()
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as folder:
        score = await replayed(Path(folder), cases)
        agents = Recorded()
        async with stage(Path(folder) / "asked", agents, comments=THIRTY) as (emulator, bot):
            thirty, quiet = await _requests(emulator, bot, agents)
    figures = _figures(score, len(cases), thirty, quiet)
    shown = {figure.name: figure.value for figure in figures}
    _report({**shown, "complaints": score.complaints})
    return figures


async def replayed(folder: Path, cases: Sequence[Case]) -> Score:
    """What comes of the cases' reviews; UserError where the judge of the corpus did not understand what it was sent."""
    agents, score = Recorded(cases={case.name: case for case in cases}), Score()
    async with stage(folder, agents) as (emulator, bot):
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_case(room, emulator, bot, agents, case, score) for case in cases))
    if agents.mistakes:
        raise UserError("\n".join(agents.mistakes))
    return score


def _report(shown: Mapping[str, Any]) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")


def _figures(score: Score, pulls: int, thirty: int, quiet: int) -> list[Figure]:
    said = len(score.said)
    note = f"{pulls} pull requests, {score.expected} planted defects, {said} findings said"
    return [
        Figure("precision", round(score.right / said, 3) if said else 0.0, "", "", note),
        Figure("recall", round(score.right / score.expected, 3), "", "", "of the planted defects"),
        Figure("wrong_anchors", score.wrong_anchors, "comments"),
        Figure("repeats", score.repeats, "comments", "", "over five pushes"),
        Figure("lost", score.lost, "findings", "", "neither said nor listed with the reason"),
        Figure("outside_diff_inline", score.outside, "comments", "", "hallucinated lines that got a comment"),
        Figure("comments_per_pull_request", round(score.inline / pulls, 3), "inline comments"),
        Figure("requests_30_findings", thirty, "requests", "", "besides git and tokens"),
        Figure("requests_quiet_push", quiet, "requests", "", "besides git and tokens"),
    ]


@asynccontextmanager
async def stage(folder: Path, agents: Recorded, comments: int | None = None) -> AsyncIterator[tuple[Emulator, Bot]]:
    """A played GitHub and a bot that reviews by recorded answers, as it is shipped but for the wait after a push.

    With `comments` a review may have so many of them instead.
    """
    ours = shipped()
    review = ours.workflows["review"]
    rules = review.review.model_copy(update={"debounce_seconds": 0.0})
    review = review.model_copy(update={"review": rules})
    if comments is not None:
        review = review.model_copy(update={"outputs": Outputs(review=Review(comments=comments))})
    async with Emulator(folder / "github", secret=SECRET) as emulator:
        emulator.user("maya", "write")
        settings = Settings(
            app_id=emulator.app_id,
            private_key=SecretStr(emulator.private_key),
            webhook_secret=SecretStr(SECRET),
            github_url=emulator.url,
            api_url=emulator.api_url,
            data_dir=folder / "data",
            database_url="",
        )
        offered = Shipped({"review": review}, ours.agents)
        seams = Seams(backends={"recorded": agents}, offered=offered, pace=3600, bare=True)
        async with running(settings, seams) as bot:
            server = runner(web_app(bot))
            await server.setup()
            await web.TCPSite(server, "127.0.0.1", 0).start()
            emulator.hook_url = f"http://127.0.0.1:{server.addresses[0][1]}/webhooks/github"
            yield emulator, bot
            await server.cleanup()


async def _settled(emulator: Emulator, bot: Bot) -> None:
    for _ in range(2):
        await emulator.delivered()
        await bot.worker.settled()


async def _case(
    room: asyncio.Semaphore, emulator: Emulator, bot: Bot, agents: Recorded, case: Case, score: Score
) -> None:
    async with room:
        first = case.rounds[0]
        files = {**first.base, ".github/tutti.yml": CONFIGURATION}
        repo = await emulator.create_repo(f"corpus/{case.name}", dict(files))
        await emulator.install(repo, by="maya")
        await _push(emulator, repo, first.base, first.head)
        pull = await emulator.open_pull(repo, title=case.title, head="topic", by=case.author)
        await _ended(bot, pull, 1)
        said: list[Comment] = []
        _look(case, 0, pull, said, score)
        for number, after in enumerate(case.rounds[1:], start=1):
            agents.rounds[case.name] = number
            before = case.rounds[number - 1]
            await (_rebase if after.rebased else _push_on)(emulator, repo, before, after)
            await _ended(bot, pull, number + 1)
            _look(case, number, pull, said, score)
        _judge(case, agents, said, score)


async def _ended(bot: Bot, pull: Pull, count: int) -> None:
    """Until so many reviews of the pull request have ended."""
    while True:
        checks = [one for one in pull.repo.checks if one.name == "Tutti review" and one.status == "completed"]
        if len(checks) >= count:
            return
        await asyncio.sleep(0.02)


async def _push(emulator: Emulator, repo: Repo, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    await emulator.push_commit(repo, "topic", _changes(old, new), by="maya")


async def _push_on(emulator: Emulator, repo: Repo, before: Round, after: Round) -> None:
    await _push(emulator, repo, before.head, after.head)


async def _rebase(emulator: Emulator, repo: Repo, before: Round, after: Round) -> None:
    """The default branch goes on, and the branch is made anew upon it."""
    await emulator.push_commit(repo, "main", _changes(before.base, after.base), by="maya")
    old, onto = repo.branches["topic"], repo.branches["main"]
    files = _changes(after.base, after.head)
    new = await repo.git.commit("topic", files, "Anew", "maya <maya@example.com>", emulator.now(), onto)
    await emulator.pushed(repo, [RefChange("refs/heads/topic", old, new)], by="maya")


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    changed: dict[str, Any] = {path: text for path, text in new.items() if old.get(path) != text}
    return changed | {path: None for path in old if path not in new}


# ---- what reached the pull request -----------------------------------------------------------------------------------


def _look(case: Case, number: int, pull: Pull, said: list[Comment], score: Score) -> None:
    """Add what this round brought; a comment's lines are those it was posted at."""
    score.rounds += 1
    told = [(one.user, one.body) for some in (pull.remarks, pull.reviews, pull.comments) for one in some]
    score.shown[case.name] += [body for user, body in told if user.type == "Bot"]
    seen = len([one for one in said if one.inline])
    own = [one for one in pull.remarks if one.user.type == "Bot" and one.reply_to is None]
    for remark in own[seen:]:
        title = _title(remark.body)
        span = remark.made.span
        said.append(Comment(title, remark.path, span.start or span.line, span.line, True, _means(case, title), number))
    bodies = "\n".join(one.body for one in pull.reviews if one.user.type == "Bot")
    known = {one.title for one in said if not one.inline}
    for title in _TITLE.findall(bodies):
        if title not in known:
            said.append(Comment(title, "", 0, 0, False, _means(case, title), number))


def _title(body: str) -> str:
    hit = _TITLE.search(body)
    return hit[1] if hit else ""


def _means(case: Case, title: str) -> str:
    return next((one.means for one in case.said if phrase(one.title) == title), "")


def _judge(case: Case, agents: Recorded, said: Sequence[Comment], score: Score) -> None:
    score.said += said
    score.expected += len(case.expected)
    score.inline += sum(one.inline for one in said)
    told: set[str] = set()
    for one in said:
        wanted = next((each for each in case.expected if each.id == one.means), None)
        if wanted is None:
            score.complain(case, f"says what it should not: {one.title}")
            unwanted = next((each for each in case.unwanted if fits(each, one.title)), None)
            score.outside += bool(unwanted and unwanted.outside_diff and one.inline)
        elif one.means in told:
            score.repeats += 1
            score.complain(case, f"says again: {one.title}")
        else:
            told.add(one.means)
            score.right += 1
            if one.inline and not _on(wanted, one):
                score.wrong_anchors += 1
                score.complain(case, f"at lines {one.start}-{one.line} of {one.path}: {one.title}")
    for missed in (each.id for each in case.expected if each.id not in told):
        score.complain(case, f"does not say {missed}")
    _lost(case, agents, told, score)


def _on(wanted: Expected, one: Comment) -> bool:
    first, last = wanted.lines
    return one.path == wanted.path and one.start <= last and first <= one.line


def _lost(case: Case, agents: Recorded, told: set[str], score: Score) -> None:
    """Valid findings of which nobody can know that they were made, at any time."""
    shown = "\n".join(score.shown[case.name])
    for number, one in ((number, one) for number, after in enumerate(case.rounds) for one in after.said):
        asked = (case.name, number, one.agent) in agents.asked
        if not asked or one.remark is None or (one.means and one.means in told) or phrase(one.title) in shown:
            continue
        score.lost += 1
        score.complain(case, f"lost: {one.title}")


# ---- what is asked of GitHub -----------------------------------------------------------------------------------------


async def _requests(emulator: Emulator, bot: Bot, agents: Recorded) -> tuple[int, int]:
    """How many requests a review of thirty findings takes, and one after a push that changes nothing of consequence."""
    case = _thirty()
    agents.cases[case.name] = case
    first, after = case.rounds
    files = {**first.base, ".github/tutti.yml": f"{CONFIGURATION}review: {{caps: {{major: 50}}}}\n"}
    repo = await emulator.create_repo(f"corpus/{case.name}", files)
    await emulator.install(repo, by="maya")
    await emulator.push_commit(repo, "other", {"README.md": "Other\n"}, by="maya")
    other = await emulator.open_pull(repo, title="Other", head="other", by="maya")
    await _ended(bot, other, 1)
    await _push(emulator, repo, first.base, first.head)
    await _settled(emulator, bot)
    thirty = await _count(emulator, bot, emulator.open_pull(repo, title=case.title, head="topic", by="maya"))
    pull = repo.pulls[-1]
    if len(pull.remarks) != 30:
        raise UserError(f"The review of thirty findings has {len(pull.remarks)} comments.")
    agents.rounds[case.name] = 1
    quiet = await _count(emulator, bot, _push(emulator, repo, first.head, after.head))
    return thirty, quiet


async def _count(emulator: Emulator, bot: Bot, act: Any) -> int:
    before = len(emulator.requests)
    await act
    await _settled(emulator, bot)
    asked = [one for one in emulator.requests[before:] if ".git/" not in one.path]
    return sum(not one.path.endswith(("/access_tokens", "/installation/token")) for one in asked)


def _thirty() -> Case:
    """Thirty defects in one file; then a push that changes another which nobody has to read."""
    text = "".join(f"def f{n}(x):\n    return g{n}(x) / {n}\n\n\n" for n in range(30))
    found = [
        {
            "path": "app/calc.py",
            "start_line": line,
            "end_line": line,
            "severity": "major",
            "confidence": 0.9,
            "category": "correctness",
            "title": f"`f{n}` divides by what may be nothing, case {n}",
            "body": f"`g{n}` is not defined for every value.",
            "evidence": f"    return g{n}(x) / {n}",
        }
        for n, line in ((n, number) for number, words in enumerate(lines_of(text), 1) for n in _case_of(words))
    ]
    words = "```json\n" + json.dumps({"findings": found}) + "\n```"
    base = {"README.md": "Calc\n"}
    head = {**base, "app/calc.py": text}
    first = Round(base, head, {"correctness": (Answer(words),)}, ())
    after = Round(base, {**head, "package-lock.json": "{}\n"}, {}, ())
    return Case("thirty", "Thirty", "python", "maya", (first, after))


def _case_of(words: str) -> list[int]:
    hit = re.match(r"    return g(\d+)\(", words)
    return [int(hit[1])] if hit else []
