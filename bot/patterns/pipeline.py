"""The pipeline: jobs one after another in the order of their needs, each on what the one before left."""

from collections.abc import Awaitable, Callable, Mapping

from bot.agents.job import Product
from bot.workflow.spec import Job, order

Play = Callable[[str, Job, str], Awaitable[Product]]


class Pipeline:
    """`name` is what a workflow's `pattern:` says."""

    name = "pipeline"

    async def play(self, jobs: Mapping[str, Job], tree: str, play: Play) -> Product:
        """Do the jobs, starting from the files of `tree`; the first that stops short ends the pipeline."""
        product: Product | None = None
        for name in order(dict(jobs)):
            product = await play(name, jobs[name], product.tree if product else tree)
            if product.state != "done":
                break
        assert product is not None
        return product


PATTERN = Pipeline()
