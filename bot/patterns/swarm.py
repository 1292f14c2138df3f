"""The swarm: one job for each of many small tasks, so many at a time; those that fail sink none of the others."""

from dataclasses import replace

from bot.agents.job import Product, Slice
from bot.orchestra import tasks
from bot.orchestra.alone import Alone
from bot.orchestra.crowd import Crowd
from bot.orchestra.part import Ended, Part
from bot.orchestra.slices import Whole
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
            reason = "\n\n".join(part for part in (nothing.reason, found.left) if part)
            return replace(stage.product({}, nothing), state=nothing.state, reason=reason)
        crowd = Crowd(stage, Part(name, job))
        played = await crowd.play(found)
        checked = await crowd.check()
        ended = crowd.ended or played
        product = stage.product(ended, checked, tolerant=True)
        undone = any(one.state != "done" for one in ended.values())
        counted = graph_text.ended({task: (one.state, one.reason) for task, one in ended.items()})
        said = (checked.reason, counted, found.cut, found.left, *stage.errands.notes)
        reason = "\n\n".join(part for part in said if part)
        whole = not (undone or found.cut or found.left)
        return replace(product, reason=reason, slices=await _cut(workflow, stage, product), whole=whole)


async def _cut(workflow: Workflow, stage: Stage, product: Product) -> tuple[Slice, ...]:
    """The pull requests that the work is to be, each tested by itself; none where it is one."""
    order, earlier = stage.order, stage.earlier
    gave = {portion.job: portion for portion in product.parts}
    whole = Whole(order.mirror, earlier.onto or order.base_tree, product.tree, gave, earlier.held)
    return await Alone(whole, product.verdict, stage.integrator.alone).slices(workflow.opens, single=earlier.single)


PATTERN = Swarm()
