"""What a control command is: its words, the right it needs, and what carries it out. Commands are in `bot/commands`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.errors import UserError
from bot.github.events import CommentEvent
from bot.publish import command_text, text
from bot.publish.command_text import Row, of_workflow
from bot.publish.subject import of
from bot.slash import Order
from bot.store import runs
from bot.store.inbox import Delivery
from bot.store.runs import Node, Run
from bot.workflow.authority import Standing
from bot.workflow.dispatcher import Dispatcher, Parts
from bot.workflow.right import Right
from bot.workflow.spec import Workflow


@dataclass(frozen=True)
class Asked:
    """A command as somebody gave it who may, and what is needed to carry it out.

    `standing` is what they are in the repository; `workflows` are those in force there, `commands` all control
    commands, both by name.
    """

    parts: Parts
    dispatcher: Dispatcher
    event: CommentEvent
    delivery: Delivery
    order: Order
    standing: Standing
    workflows: Mapping[str, Workflow]
    commands: Mapping[str, "Command"]

    @property
    def login(self) -> str:
        return self.event.actor.login

    async def runs(self) -> list[Run]:
        """The runs about this issue or pull request, newest first."""
        repo, number = self.event.repo, self.event.issue.number
        found = await self.parts.db.read(lambda conn: runs.about(conn, repo.full_name, number))
        return [run for run in found if of(run, repo)]

    def demand(self, run: Run) -> None:
        """Raises UserError where somebody may not go on with a run, or nobody may now: its workflow counts as it is."""
        flow = self.workflows.get(run.workflow)
        if flow is None:
            raise UserError(command_text.workflow_off(run.context["workflow"]["name"]))
        if not self.standing.reaches(flow.requires):
            raise UserError(text.not_allowed(self.login, flow.name, flow.requires, self.standing.level))
        if self.event.issue.state != "open" and flow.outputs.comment is None:
            raise UserError(command_text.closed(self.order.word, pull=self.event.issue.is_pull))

    async def trees(self, of: Sequence[Run]) -> list[tuple[Run, list[Node]]]:
        """Runs with their steps."""
        return await self.parts.db.read(lambda conn: [(run, runs.tree(conn, run.id)) for run in of])

    async def active(self) -> list[Run]:
        return [run for run in await self.runs() if run.active]

    def show_soon(self, run: Run) -> None:
        """Bring the run's comment up to date, and begin what can begin now."""
        self.dispatcher.show_soon(run.id)
        self.dispatcher.wake()


CarryOut = Callable[[Asked], Awaitable[str | Run]]


@dataclass(frozen=True)
class Command:
    """One control command.

    `usage` is what may follow its word, empty where nothing may. `requires`: the right in the repository that it needs;
    `own`: whoever opened the issue or pull request, or asked for a run about it, may do it too. `carry_out` gives the
    answer in Markdown (empty: the reaction says it all), or a run that is to be created; it raises UserError with a
    sentence where it refuses.
    """

    name: str
    summary: str
    requires: Right
    carry_out: CarryOut
    usage: str = ""
    own: bool = False

    @property
    def row(self) -> Row:
        """The command as /help lists it."""
        usage = f"/{self.name} {self.usage}".strip()
        return Row(usage, self.summary, self.requires, self.own, frozenset({"issues", "pull_request"}))


def rows(commands: Mapping[str, Command], workflows: Mapping[str, Workflow]) -> list[Row]:
    """Every command that can be said, in the order of their names: /help and the documentation show these."""
    said = {_word(flow): of_workflow(flow) for flow in workflows.values() if flow.on.command}
    return [row for _, row in sorted({**said, **{name: command.row for name, command in commands.items()}}.items())]


def _word(workflow: Workflow) -> str:
    """What a workflow's row is known by: several may have one command, and tell each other apart by what follows."""
    return f"{workflow.on.command} {workflow.usage}" if workflow.on.command_with else str(workflow.on.command)
