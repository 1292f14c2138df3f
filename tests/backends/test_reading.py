"""The real Claude Code as a reviewing agent: it reads a pull request in a worktree that it cannot write to."""

from pathlib import Path

from pydantic import SecretStr

from bot.emulator.model import Answer, Bash, PlayedModel, Read, Say, Script, Write
from bot.settings import Settings
from bot.workflow.library import Shipped
from tests.counter import KEY
from tests.desk import ASKED, BASE, ROUNDING, Desk
from tests.house import CONFIGURATION, opened
from tests.shelf import only

READ = "shop/cart.py"
FILES = {**BASE, ".github/tutti.yml": CONFIGURATION.replace("backend: rehearsal\n", "")}
READS = Script(
    (ASKED["correctness"],),
    [
        (Read(READ),),
        (Write(READ, "mine\n"),),
        (Bash(f"echo mine >> {READ}; touch beside; git --no-pager log --format=%s; ls -a"),),
        (Say("It rounds."), Answer({"findings": [{**ROUNDING, "side": "new"}]})),
    ],
)
JUDGES = Script((ASKED["judge"],), [(Answer({"verdicts": [{"id": "1", "refuted": False, "reason": ""}]}),)])


class RealDesk(Desk):
    """A desk at which Claude Code works, with a model that is played."""

    played_model: PlayedModel

    def settings(self) -> Settings:
        return super().settings().model_copy(update={"model_url": self.played_model.url})


def offered() -> Shipped:
    """Reviews with one agent, and the judge."""
    ours = only("review")
    return Shipped(ours.workflows, {name: ours.agents[name] for name in ("review/correctness", "judge")})


async def test_a_reviewing_claude_reads_writes_nothing_and_is_heard(tmp_path: Path) -> None:
    async with (
        PlayedModel([JUDGES, READS], key=KEY) as played,
        opened(
            tmp_path,
            files=FILES,
            kind=RealDesk,
            offered=offered(),
            played_model=played,
            extra={"anthropic_api_key": SecretStr(KEY)},
        ) as desk,
    ):
        assert isinstance(desk, RealDesk)
        pull = await desk.reviewed()
        read, written, tried, *_ = [event.text for event in desk.heard if event.kind == "output"]
        (said,) = desk.remarks(pull)
        shown = desk.summary(pull)
        assert played.problems == []
    assert "class Cart:" in read
    assert "read-only file system" in written
    assert tried.splitlines()[2:] == ["Change", "Begin", ".", "..", ".git", ".github", "README.md", "shop"]
    assert (said.path, said.line) == (READ, 12)
    assert ROUNDING["title"] in said.body
    assert "1 finding open" in shown
