"""The house: a bot installed on a played GitHub, with verbs in which the tests tell their stories."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.agents.task import AgentEvent
from bot.app import Bot, Seams, running, web_app
from bot.backends.rehearsal import Act
from bot.emulator.bare import Content
from bot.emulator.server import Emulator
from bot.emulator.world import CheckRun, Comment, Issue, Pull, Repo, User
from bot.github.caller import Clock
from bot.sandbox.jail import Walls
from bot.settings import Settings
from bot.store import runs
from bot.store.db import deliveries
from bot.store.runs import Run
from bot.web.webhook import runner
from bot.workflow.library import Shipped
from tests.actor import Actor
from tests.judge.judge import judge
from tests.ready import begun, kept, machine
from tests.shelf import only

SECRET = "a webhook secret of the tests"
GIVEN = "sk7Qm2ZrTvLw4BnYc6JdHs1FgPe8Ua3oRi9XkDt5"  # the model's key, which tests hand to agents on purpose
CONFIGURATION = "version: 1\nbackend: rehearsal\ntest: sh check.sh\n"
FILES = {
    "README.md": "# Greeter\n",
    "greeting.txt": "Good day\n",
    "check.sh": "grep -q hello greeting.txt && echo '1 passed' || { echo '1 failed: nobody says hello'; exit 1; }\n",
    ".github/tutti.yml": CONFIGURATION,
}


class _Told(Emulator):
    """A played GitHub that says when something on it changed."""

    changed: asyncio.Event

    def emit(self, event: str, action: str | None, repo: Repo, by: User, **details: object) -> None:
        super().emit(event, action, repo, by, **details)
        self.changed.set()


class House:
    """A repository `acme/greeter` with the bot installed; `maintainer` may write, `stranger` may read."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder, self._database_url = folder, database_url
        self.emulator = _Told(folder / "github", secret=SECRET)
        self.emulator.changed = asyncio.Event()
        self.script: dict[str, Mapping[int, Sequence[Act]]] = {"": {}}
        self.log: Sequence[Mapping[str, Any]] = []
        self.expected_log: set[str] = set()
        self.pace = 3600.0
        self.offered: Shipped | None = None
        self.extra: dict[str, Any] = {}
        self.walls: Walls | None = None
        self.reached = asyncio.Event()
        self.points: list[str] = []
        self._actor = Actor(self.script)
        self.played, self.tasks, self.gate = self._actor.played, self._actor.tasks, self._actor.gate
        self.heard: list[AgentEvent] = []
        self._hearing = asyncio.Event()
        self.skew = 0.0
        self.emulator.world.clock = lambda: time.time() + self.skew
        self._freeze_at = ""
        self._released = asyncio.Event()
        self._life = AsyncExitStack()
        self._read: set[int] = set()
        self.bot: Bot
        self.repo: Repo
        self.url = ""

    # ---- life --------------------------------------------------------------------------------------------------------

    def settings(self) -> Settings:
        return Settings(
            app_id=self.emulator.app_id,
            private_key=SecretStr(self.emulator.private_key),
            webhook_secret=SecretStr(SECRET),
            github_url=self.emulator.url,
            api_url=self.emulator.api_url,
            data_dir=self.folder / "data",
            database_url=self._database_url,
            model_url="http://127.0.0.1:9",
            **{"anthropic_api_key": SecretStr(GIVEN), **self.extra},
        )

    async def build(self, files: Mapping[str, str] = FILES) -> None:
        await self.emulator.start()
        self.emulator.user("maintainer", "write")
        self.emulator.user("stranger", "read")
        self.repo = await self.emulator.create_repo("acme/greeter", dict(files))
        await self.up()
        await self.emulator.install(self.repo)
        await self.settle()

    async def up(self) -> None:
        self.walls = self.walls or await machine()
        seams = Seams(
            walls=self.walls,
            backends={"rehearsal": self._actor},
            checkpoint=self._checkpoint,
            pace=self.pace,
            offered=self.offered or only("auto-implement"),
            pool_size=1,
            grace=0.0,
            heard=self._hear,
            clock=Clock(sleep=_at_once, patience=3600),
        )
        settings = self.settings()
        if not self._database_url:
            begun(settings.data_dir)
        self.bot = await self._life.enter_async_context(running(settings, seams))
        if not self._database_url:
            kept(settings.data_dir)
        server = runner(web_app(self.bot))
        await server.setup()
        self._life.push_async_callback(server.cleanup)
        await web.TCPSite(server, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{server.addresses[0][1]}"
        self.emulator.hook_url = f"{self.url}/webhooks/github"

    async def down(self) -> None:
        await self._life.aclose()
        self._life = AsyncExitStack()

    async def restart(self, crashing: str = "") -> None:
        """Play the end of the process and its next start, which will stop at the checkpoint `crashing`."""
        await self.down()
        self.crash_at(crashing)
        await self.up()

    async def dies_at(self, points: Sequence[str]) -> None:
        """The process ends at each of these checkpoints in turn, and another begins; the first is ordered already.

        Once is enough for a story, so that many checkpoints cost one; they must come in this order, one after another.
        """
        for then in (*points[1:], ""):
            await self.reached.wait()
            await self.restart(then)

    def crash_at(self, point: str) -> None:
        """The process will stop at this checkpoint, for good or until `go_on`; `reached` tells when."""
        self._freeze_at = point
        self._released.clear()
        self.reached.clear()

    def go_on(self) -> None:
        self._released.set()

    async def _checkpoint(self, point: str) -> None:
        self.points.append(point)
        if point == self._freeze_at:
            self.reached.set()
            await self._released.wait()

    def _hear(self, _run: str, _key: str, event: AgentEvent) -> None:
        self.heard.append(event)
        self._hearing.set()

    async def hears(self, words: str) -> str:
        """Until an agent says, does or prints something with these words; the text of it."""
        while True:
            if found := next((event.text for event in self.heard if words in event.text), None):
                return found
            self._hearing.clear()
            await self._hearing.wait()

    async def shows(self, issue: Issue, words: str) -> str:
        """Until a comment of the bot on the issue has these words; its text."""
        while True:
            if found := next((c.body for c in issue.comments if self._ours(c) and words in c.body), None):
                return found
            self.emulator.changed.clear()
            await self.emulator.changed.wait()

    def later(self, seconds: float = 60.0) -> None:
        """GitHub's clock goes on."""
        self.skew += seconds

    async def settle(self) -> None:
        """Until GitHub has told everything and the bot has done everything."""
        await self.emulator.delivered()
        await self.bot.worker.settled()
        await self.emulator.delivered()
        await self.bot.worker.settled()

    # ---- verbs -------------------------------------------------------------------------------------------------------

    def rehearse(self, *tries: Sequence[Act]) -> None:
        """What the agent does at its first, second ... try."""
        self.script[""] = dict(enumerate(tries, start=1))

    async def open_issue(self, title: str = "Say hello", body: str = "Please.", by: str = "stranger") -> Issue:
        return await self.emulator.open_issue(self.repo, title, body, by=by)

    async def label(self, issue: Issue, name: str = "auto-implement", by: str = "maintainer") -> None:
        await self.emulator.label(issue, name, by=by)

    async def unlabel(self, issue: Issue, name: str = "auto-implement", by: str = "maintainer") -> None:
        await self.emulator.unlabel(issue, name, by=by)

    async def relabel(self, issue: Issue, by: str = "maintainer") -> None:
        """The label taken off and put on again."""
        await self.unlabel(issue, by=by)
        await self.label(issue, by=by)

    async def close(self, issue: Issue, by: str = "maintainer") -> None:
        await self.emulator.close_issue(issue, by=by)

    async def comment(self, issue: Issue, words: str, by: str = "maintainer") -> Comment:
        return await self.emulator.comment(issue, words, by=by)

    async def push(self, files: Mapping[str, Content], branch: str = "main") -> str:
        """A commit by the maintainer; its sha."""
        return await self.emulator.push_commit(self.repo, branch, files)

    async def configure(self, more: str = "", test: str = "sh check.sh") -> str:
        """Push a `.github/tutti.yml`; its commit."""
        return await self.push({".github/tutti.yml": f"version: 1\nbackend: rehearsal\ntest: {test}\n{more}"})

    async def implement(self, title: str = "Say hello", **more: Any) -> Issue:
        """An issue, labelled by the maintainer, and all that follows."""
        issue = await self.open_issue(title, **more)
        await self.label(issue)
        await self.settle()
        return issue

    # ---- what there is to see ----------------------------------------------------------------------------------------

    def said(self, issue: Issue) -> list[str]:
        """The bot's comments on an issue, oldest first, now read."""
        mine = [comment for comment in issue.comments if self._ours(comment)]
        self._read |= {comment.id for comment in mine}
        return [comment.body for comment in mine]

    def status(self, issue: Issue) -> str:
        """The one status comment on an issue."""
        (only,) = self.said(issue)
        return only

    def told(self, issue: Issue) -> str:
        """The status comment without its marker, every duration and address made the same: what a snapshot holds."""
        words = self.status(issue).partition("\n\n<!-- tutti ")[0]
        words = re.sub(r"\d+\.\d s|\d+ s\b", "0.1 s", words)
        return re.sub(r"\(http[^)]*\)", "(address)", words)

    def reason(self, issue: Issue) -> str:
        """What stands between the headline of the status comment and its steps, which are folded."""
        above, steps = re.split(r"\n\n<details><summary>\d+ steps?</summary>\n\n", self.told(issue))
        assert steps.startswith("- [")
        return above.partition("\n\n")[2]

    def _ours(self, comment: Comment) -> bool:
        return comment.user is self.emulator.bot

    def pulls(self) -> list[Pull]:
        return self.repo.pulls

    @property
    def pull(self) -> Pull:
        """The one pull request."""
        (only,) = self.repo.pulls
        return only

    @property
    def check(self) -> CheckRun:
        """The one check run of a run."""
        (only,) = [check for check in self.repo.checks if check.name == "Tutti"]
        return only

    async def notes(self) -> list[str]:
        """What became of every delivery, oldest first."""
        query = sa.select(deliveries.c.note).order_by(deliveries.c.seq)
        return list(await self.bot.bench.db.read(lambda conn: conn.scalars(query).all()))

    async def end(self, issue: Issue) -> str:
        """State and reason of the newest run of an issue, in one text."""
        newest = (await self.bot.bench.db.read(partial(runs.recent, target=self._target(issue))))[0]
        return f"{newest.state}: {newest.reason}"

    async def runs(self) -> list[Run]:
        """Every run, oldest first."""
        found: list[Run] = []
        for issue in self.repo.issues.values():
            found += await self.bot.bench.db.read(partial(runs.recent, target=self._target(issue)))
        return sorted(found, key=lambda run: run.seq)

    def _target(self, issue: Issue) -> str:
        return f"{self.repo.full_name}#{issue.number}"

    async def file(self, branch: str, path: str) -> str:
        return await self.git("show", f"{branch}:{path}")

    async def git(self, *args: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "git", f"--git-dir={self.repo.git.path}", *args, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, args
        return out.decode()

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Nothing may be left behind, unread, unknown or unexpected."""
        await self._settled()
        await self.bot.bench.shop.pool.wait()
        taken = self.bot.bench.shop.pool.taken()
        await self.down()
        await self.emulator.close()
        assert self.emulator.unknown == []
        assert self.emulator.errors == []
        assert self.emulator.faults.unmet == []
        assert taken == []
        self._assert_judged()
        assert [event for event in self.log if self._unexpected(event)] == []
        unread = [
            c.body
            for issue in self.repo.issues.values()
            for c in issue.comments
            if self._ours(c) and c.id not in self._read
        ]
        assert unread == []

    async def _settled(self) -> None:
        """A test that failed in the middle of a run must not wait for that to end."""
        try:
            async with asyncio.timeout(45):
                await self.settle()
        except TimeoutError:
            await self.down()
            await self.emulator.close()
            raise

    def _assert_judged(self) -> None:
        """Everything that was asked, answered and sent is as GitHub's published description says."""
        told, asked = judge(), [exchange for exchange in self.emulator.requests if exchange.template]
        assert [complaint for exchange in asked for complaint in told.request(exchange)] == []
        assert [complaint for exchange in asked for complaint in told.answer(exchange)] == []
        assert [complaint for sent in self.emulator.deliveries for complaint in told.webhook(sent)] == []

    def _unexpected(self, event: Mapping[str, Any]) -> bool:
        return event["log_level"] in ("warning", "error", "critical") and event["event"] not in self.expected_log


def chained(points: Sequence[str], most: int = 6) -> list[list[str]]:
    """Checkpoints in chains for `dies_at`; a run that takes the process down too often is given up."""
    return [list(points[start : start + most]) for start in range(0, len(points), most)]


async def _at_once(_seconds: float) -> None:
    """Waiting for GitHub takes no time in tests."""
    await asyncio.sleep(0)


@asynccontextmanager
async def opened(
    folder: Path, database_url: str = "", files: Mapping[str, str] = FILES, kind: type[House] = House, **given: Any
) -> AsyncIterator[House]:
    """A house that stands; `given` are attributes to set before it is built."""
    with structlog.testing.capture_logs() as log:
        house = kind(folder, database_url)
        house.log = log
        for name, value in given.items():
            setattr(house, name, value)
        try:
            await house.build(files)
            yield house
        except BaseException:
            await house.down()
            await house.emulator.close()
            raise
        await house.leave()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as one:
        yield one
