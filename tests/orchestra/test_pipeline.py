"""A pipeline that dies at every step makes the same as one that does not, and pays no agent twice."""

from pathlib import Path

from bot.backends.rehearsal import Run, Say, Write
from tests.graphs import FILES, PIPELINE
from tests.orchestra.hall import Hall, Script, opened

SCRIPT: Script = {
    "contract.agent.1": (Write("contract.txt", "price: cents\n"), Say("The contract.")),
    "api.agent.1": (Run("cat contract.txt >> api/price.txt"),),
    "web.agent.1": (Run("cat contract.txt >> web/page.txt"),),
    "docs.agent.1": (Run("cat api/price.txt web/page.txt >> README.md"),),
}
ONE = f"limits: {{agents: 1}}\n{PIPELINE}"


async def test_a_pipeline_that_dies_at_every_step_ends_as_if_it_had_not(tmp_path: Path) -> None:
    async with opened(tmp_path, FILES) as hall:
        hall.rehearse(SCRIPT)
        undisturbed = await hall.play(ONE)
        steps = list(dict.fromkeys(point.rpartition(":")[0] for point in hall.points))
        _again(hall)
        played = await hall.play(ONE, *(f"{step}:{side}" for step in steps for side in ("made", "done")))
        assert (played.state, played.files, played.merged) == (undisturbed.state, undisturbed.files, undisturbed.merged)
        assert hall.cast.asked == list(SCRIPT)


def _again(hall: Hall) -> None:
    hall.anew()
    hall.rehearse(SCRIPT)
