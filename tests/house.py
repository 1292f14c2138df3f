"""The house: a bot installed on a played GitHub, with verbs in which the tests tell their stories."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr

from bot.agents.task import Outcome, Task, Tell
from bot.app import Bot, Seams, running, web_app
from bot.backends.rehearsal import Act, Rehearsal
from bot.emulator.server import Emulator
from bot.emulator.world import Comment, Issue, Pull, Repo
from bot.settings import Settings
from bot.store import runs
from bot.store.runs import Run
from bot.web.webhook import runner
from bot.workflow.library import Shipped

SECRET = "a webhook secret of the tests"
CONFIGURATION = "version: 1\nbackend: rehearsal\ntest: sh check.sh\n"
FILES = {
    "README.md": "# Greeter\n",
    "greeting.txt": "Good day\n",
    "check.sh": "grep -q hello greeting.txt && echo '1 passed' || { echo '1 failed: nobody says hello'; exit 1; }\n",
    ".github/tutti.yml": CONFIGURATION,
}


class _Counted(Rehearsal):
    """A rehearsal that writes down which tries were played to their end, and so would have been paid for."""

    def __init__(self, script: Mapping[str, Mapping[int, Sequence[Act]]], played: list[int]) -> None:
        super().__init__(script)
        self._played = played

    async def run(self, task: Task, tell: Tell) -> Outcome:
        outcome = await super().run(task, tell)
        self._played.append(task.attempt)
        return outcome


class House:
    """A repository `acme/greeter` with the bot installed; `maintainer` may write, `stranger` may read."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder, self._database_url = folder, database_url
        self.emulator = Emulator(folder / "github", secret=SECRET)
        self.script: dict[str, Mapping[int, Sequence[Act]]] = {"": {}}
        self.log: list[Mapping[str, Any]] = []
        self.expected_log: set[str] = set()
        self.pace = 3600.0
        self.offered: Shipped | None = None
        self.extra: dict[str, Any] = {}
        self.reached = asyncio.Event()
        self.points: list[str] = []
        self.played: list[int] = []
        self._freeze_at = ""
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
            **self.extra,
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
        seams = Seams(
            backends={"rehearsal": _Counted(self.script, self.played)},
            checkpoint=self._checkpoint,
            pace=self.pace,
            offered=self.offered,
            pool_size=1,
            grace=0.0,
        )
        self.bot = await self._life.enter_async_context(running(self.settings(), seams))
        server = runner(web_app(self.bot))
        await server.setup()
        self._life.push_async_callback(server.cleanup)
        await web.TCPSite(server, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{server.addresses[0][1]}"
        self.emulator.hook_url = f"{self.url}/webhooks/github"

    async def down(self) -> None:
        await self._life.aclose()
        self._life = AsyncExitStack()

    async def restart(self) -> None:
        """Play the end of the process and its next start."""
        await self.down()
        self._freeze_at = ""
        await self.up()

    def crash_at(self, point: str) -> None:
        """The process will stop for good at this checkpoint; `reached` tells when."""
        self._freeze_at = point
        self.reached.clear()

    async def _checkpoint(self, point: str) -> None:
        self.points.append(point)
        if point == self._freeze_at:
            self.reached.set()
            await asyncio.Event().wait()

    async def settle(self) -> None:
        """Until GitHub has told everything and the bot has done everything."""
        await self.emulator.delivered()
        await self.bot.worker.settled()
        await self.emulator.delivered()
        await self.bot.worker.settled()

    # ---- verbs -------------------------------------------------------------------------------------------------------

    def rehearse(self, *tries: Sequence[Act], when: str = "") -> None:
        """What the agent does at its first, second ... try."""
        self.script[when] = dict(enumerate(tries, start=1))

    async def open_issue(self, title: str = "Say hello", body: str = "Please.", by: str = "stranger") -> Issue:
        return await self.emulator.open_issue(self.repo, title, body, by=by)

    async def label(self, issue: Issue, name: str = "auto-implement", by: str = "maintainer") -> None:
        await self.emulator.label(issue, name, by=by)

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

    def _ours(self, comment: Comment) -> bool:
        return comment.user is self.emulator.bot

    def pulls(self) -> list[Pull]:
        return self.repo.pulls

    async def runs(self) -> list[Run]:
        """Every run, oldest first."""
        found = [
            await self.bot.bench.db.read(lambda conn, i=issue: runs.recent(conn, self._target(i)))
            for issue in self.repo.issues.values()
        ]
        return sorted((run for some in found for run in some), key=lambda run: run.seq)

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
        await self.settle()
        await self.bot.bench.shop.pool.wait()
        taken = self.bot.bench.shop.pool.taken()
        await self.down()
        await self.emulator.close()
        assert self.emulator.unknown == []
        assert self.emulator.errors == []
        assert taken == []
        assert [event for event in self.log if self._unexpected(event)] == []
        unread = [
            c.body
            for issue in self.repo.issues.values()
            for c in issue.comments
            if self._ours(c) and c.id not in self._read
        ]
        assert unread == []

    def _unexpected(self, event: Mapping[str, Any]) -> bool:
        return event["log_level"] in ("warning", "error", "critical") and event["event"] not in self.expected_log


Open = Callable[..., Awaitable[House]]


@asynccontextmanager
async def opened(
    folder: Path, database_url: str = "", files: Mapping[str, str] = FILES, **given: Any
) -> AsyncIterator[House]:
    """A house that stands; `given` are attributes to set before it is built."""
    with structlog.testing.capture_logs() as log:
        house = House(folder, database_url)
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
