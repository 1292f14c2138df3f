"""Jobs side by side: the processes of each end with its own step, and with no other's."""

from pathlib import Path

from bot.backends.rehearsal import Run, Say, Write
from tests.orchestra.hall import opened

GRAPH = """
limits: {agents: 2}
jobs:
  long: {agent: developer}
  short: {agent: developer}
  then: {agent: developer, needs: short}
  again: {agent: developer, needs: then}
  last: {agent: developer, needs: again}
"""


async def test_neither_an_agent_nor_its_tests_end_with_the_step_of_another_job(tmp_path: Path) -> None:
    """`long` works while `short` begins and ends, and is tested while `again` does."""
    worked, tested, over = (tmp_path / name for name in ("worked", "tested", "over"))
    config = "version: 1\nbackend: rehearsal\ntest: sh test.sh\n"
    async with opened(tmp_path, {".github/tutti.yml": config, "test.sh": "exit 0\n"}) as hall:
        waits = f"touch {tested}\n{until(over)}\n"
        hall.rehearse(
            {
                "long.agent.1": (Run(f"{until(worked)}; echo long > long.txt"), Write("test.sh", waits), Say("Done.")),
                "short.agent.1": (Run("echo short > short.txt"),),
                "then.agent.1": (Run(f"echo then > then.txt; touch {worked}"),),
                "again.agent.1": (Run(f"{until(tested)}; echo again > again.txt"),),
                "last.agent.1": (Run(f"echo last > last.txt; touch {over}"),),
            }
        )
        played = await hall.play(GRAPH)
    assert played.states("long", "long.agent.1", "long.test.1", "last") == ["done"] * 4
    assert played.files["long.txt"] == "long\n"
    assert "long.agent.2" not in played.rows


def until(file: Path) -> str:
    return f"until [ -e {file} ]; do sleep 0.01; done"
