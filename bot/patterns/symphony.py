"""The symphony: phases one after another, in each of them jobs side by side, and the tests on everything between."""

from bot.agents.job import Product
from bot.orchestra.part import Ended, Part, leaves
from bot.orchestra.release import named
from bot.orchestra.stage import Stage
from bot.publish import graph_text
from bot.workflow.spec import Workflow


class Symphony:
    """`name` is what a workflow's `pattern:` says."""

    name = "symphony"

    async def play(self, workflow: Workflow, stage: Stage) -> Product:
        """Play the phases; one that cannot be made to pass the tests is the last."""
        ended, checked = dict[str, Ended](), Ended("done")
        await stage.announce(_all(workflow))
        for phase in workflow.phases:
            if checked.well:
                ended |= await stage.play(phase.jobs, ended, phase.name)
                checked = await stage.check() if phase.tests else checked
                last = phase.name
            else:
                ended |= await _skipped(stage, [part for part in _all(workflow) if part.phase == phase.name], last)
        if checked.well and not workflow.phases[-1].tests:
            checked = await stage.check()
        await stage.read_again(named(workflow))
        return stage.product(leaves(ended, stage.ended), checked)


async def _skipped(stage: Stage, parts: list[Part], last: str) -> dict[str, Ended]:
    why = graph_text.phase_failed(last)
    for part in parts:
        await stage.skip(part, why)
    return {part.name: Ended("skipped", why) for part in parts}


def _all(workflow: Workflow) -> list[Part]:
    found: list[Part] = []
    for phase in workflow.phases:
        before = tuple(part.name for part in found)
        found += [Part(name, job, job.needs or before, phase=phase.name) for name, job in phase.jobs.items()]
    return found


PATTERN = Symphony()
