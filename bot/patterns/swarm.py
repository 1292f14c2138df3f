"""The swarm: one job for each of many small tasks, so many at a time; those that fail sink none of the others."""

from dataclasses import replace

from bot.agents.job import Product
from bot.orchestra import slices, tasks
from bot.orchestra.crowd import Crowd
from bot.orchestra.part import Ended, Part
from bot.orchestra.stage import Stage
from bot.publish import graph_text
from bot.workflow.spec import Workflow


class Swarm:
    """`name` is what a workflow's `pattern:` says."""

    name = "swarm"

    async def play(self, workflow: Workflow, stage: Stage) -> Product:
        """Find the tasks, do them, test what they made together, and cut it into pull requests."""
        assert workflow.tasks is not None
        name, job = next(iter(workflow.jobs.items()))
        found = await tasks.find(stage, workflow.tasks, name, job)
        if found.wrong is not None or not found.tasks:
            nothing = found.wrong or Ended("no change", found.none)
            reason = "\n\n".join(part for part in (nothing.reason, found.unnamed) if part)
            return replace(stage.product({}, nothing), state=nothing.state, reason=reason)
        crowd = Crowd(stage, Part(name, job))
        whole = await crowd.play(found)
        checked = await crowd.check()
        ended = crowd.ended or whole
        product = stage.product(ended, checked, tolerant=True)
        bad = {task: (one.state, one.reason) for task, one in ended.items() if not one.well}
        idle = [task for task, one in ended.items() if one.state == "no change"]
        counted = graph_text.ended(len(ended) - len(bad), len(ended), bad, idle)
        said = (checked.reason, counted, found.cut, found.unnamed, *stage.errands.notes)
        order, opens = stage.order, workflow.opens
        gave = {portion.job: portion for portion in product.parts}
        work = slices.Whole(order.mirror, order.base_tree, product.tree, gave)
        cut = await work.cut(opens.files, opens.max)
        reason = "\n\n".join(part for part in said if part)
        return replace(product, reason=reason, slices=cut, whole=not (bad or idle or found.cut or found.unnamed))


PATTERN = Swarm()
