"""GitHub as the place where runs come from and their results go."""

from bot.agents.job import Product, Step
from bot.agents.prompt import Asked
from bot.git import merging
from bot.git.mirror import Mirror, Mirrors
from bot.github.client import GitHub
from bot.publish import ground as grounds
from bot.publish.ground import Ground, Surveyor
from bot.publish.pull_request import Publisher
from bot.publish.status import Herald
from bot.publish.subject import event_of, payer_of
from bot.store.runs import Run
from bot.workflow.spec import Workflow


class GitHubHost:
    """Reads with a token that can only read, writes with tokens minted for one step."""

    def __init__(
        self, github: GitHub, mirrors: Mirrors, surveyor: Surveyor, publisher: Publisher, herald: Herald
    ) -> None:
        self._github, self._mirrors = github, mirrors
        self._surveyor, self._publisher, self._herald = surveyor, publisher, herald

    async def mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)

    async def ground(self, run: Run, workflow: Workflow) -> Ground:
        return await self._surveyor.ground(run, workflow)

    async def fetch(self, run: Run, ground: Ground) -> None:
        mirror = await self.mirror(run)
        async with self._github.repository(event_of(run).repo, {"contents": "read"}) as repo:
            await mirror.fetch(ground.joins or [ground.base], self._mirrors.credential(repo.token))
        if ground.joins:
            await merging.join(mirror, ground.joins[0], ground.joins[1:])

    async def show(self, run_id: str) -> None:
        await self._herald.show(run_id)

    def payer(self, run: Run) -> tuple[int, str]:
        """Who asked for the run: what it costs counts against their day."""
        return payer_of(run)

    def asked(self, run: Run, ground: Ground) -> Asked:
        return grounds.asked(run, ground)

    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str:
        return await self._publisher.offer(run, workflow, ground, product, step)
