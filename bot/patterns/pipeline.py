"""The pipeline: a graph of jobs, each of which begins once those it needs have ended well."""

from bot.agents.job import Product
from bot.orchestra.part import leaves
from bot.orchestra.release import named
from bot.orchestra.stage import Stage
from bot.workflow.spec import Workflow


class Pipeline:
    """`name` is what a workflow's `pattern:` says."""

    name = "pipeline"

    async def play(self, workflow: Workflow, stage: Stage) -> Product:
        """Independent jobs play side by side; one that fails stops those that need it, and no other."""
        if stage.single:
            return await stage.alone(*next(iter(workflow.jobs.items())))
        ended = await stage.play(workflow.jobs)
        checked = await stage.check()
        await stage.read_again(named(workflow))
        return stage.product(leaves(ended, stage.ended), checked)


PATTERN = Pipeline()
