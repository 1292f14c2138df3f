"""A workflow whose one job is played for each layer or service of the repository, each with its own rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bot.agents.prompt import fence
from bot.agents.spec import AgentSpec
from bot.agents.workshop import Order
from bot.errors import UserError
from bot.graph import areas
from bot.graph.areas import Area
from bot.publish import strategy_text
from bot.workflow.division import DIVIDING, divided, divisible
from bot.workflow.job import Job
from bot.workflow.spec import Workflow

RULES = (".tutti.md", "AGENTS.md", "CLAUDE.md")  # the first that a folder has
LONGEST = 8_000  # characters of the rules of one folder


@dataclass(frozen=True)
class Division:
    """The workflow that is played, the rules of each area by its name, and a note where it was not divided."""

    workflow: Workflow
    rules: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


async def divide(workflow: Workflow, order: Order, agents: Mapping[str, AgentSpec]) -> Division:
    """Divide it where it is to be divided. The same order gives the same, however often it is asked."""
    strategy = workflow.worktrees
    if strategy not in DIVIDING:
        return Division(workflow)
    paths = [entry.path for entry in await order.mirror.listing(order.base_tree)]
    custom = order.custom
    if strategy == "layer":
        found, looked = areas.layers(paths, custom.layers), areas.LAYERS
    else:
        found, looked = areas.services(paths, custom.services), custom.services or areas.SERVICES
    if not found:
        return Division(workflow, notes=(strategy_text.nothing_to_divide(strategy, looked),))
    rules = {area.name: await _rules(order, area.folders) for area in found}
    readers = [agent for agent, spec in agents.items() if spec.reads]
    return Division(_with(workflow, strategy, found, readers), rules)


def _with(workflow: Workflow, strategy: str, found: Sequence[Area], readers: Collection[str]) -> Workflow:
    names = divisible(workflow.every_job, readers)

    def changed(jobs: Mapping[str, Job]) -> dict[str, Job]:
        return {key: divided(job, strategy, found) if key in names else job for key, job in jobs.items()}

    phases = tuple(phase.model_copy(update={"jobs": changed(phase.jobs)}) for phase in workflow.phases)
    return workflow.model_copy(update={"jobs": changed(workflow.jobs), "phases": phases})


async def _rules(order: Order, folders: Sequence[str]) -> str:
    """The rules of folders as data, as the default branch has them: nothing that a link leads to."""
    found = []
    for folder in folders:
        for name in RULES:
            try:
                data = await order.mirror.file(order.trusted or order.base, f"{folder}/{name}")
            except UserError:
                continue
            if data is not None:
                found.append(fence(f"rules of {folder}", data.decode("utf-8", "replace").strip(), LONGEST))
                break
    return "\n\n".join(found)
