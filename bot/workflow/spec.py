"""The workflow language: what a workflow file may say."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from bot.agents.spec import AgentSpec
from bot.document import Strict, kebab, load, validate
from bot.errors import ConfigError
from bot.review.rules import ReviewRules, Tier
from bot.workflow import casting, division, graph, naming, owning, teams
from bot.workflow.division import DIVIDING
from bot.workflow.job import NUMBER, Environment, Job, Name, Phase, Tasks, Team
from bot.workflow.node import Flaw, Node, nodes
from bot.workflow.output import Outputs, PullRequest
from bot.workflow.right import Right
from bot.workflow.trigger import Endings, Triggers

Pattern = Literal["pipeline", "symphony", "swarm", "hierarchy", "review", "answer", "plan", "test", "rebase"]
Worktrees = Literal["feature", "layer", "service", "review", "experiment", "hot-fix"]
GRAPHS = frozenset({"pipeline", "symphony", "swarm", "hierarchy"})  # the patterns whose jobs change files together
READERS = "review/"  # the folder of agents that read reviews; rules name them without it
LONGEST_ID = 100  # what the database has room for
_CHANGES = frozenset({"pull_request", "commits"})


class Limits(Strict):
    """What a run may use before it is stopped, and how many of its agents work at once."""

    usd: Annotated[float, Field(gt=0, le=1000), NUMBER] = 5.0
    minutes: Annotated[float, Field(gt=0, le=24 * 60), NUMBER] = 60
    silence_minutes: Annotated[float, Field(gt=0, le=24 * 60), NUMBER] = 10
    agents: Annotated[int, Field(ge=1, le=50), NUMBER] = 4


HOT_FIX = {"usd": 2.0, "minutes": 20.0, "silence_minutes": 5.0}  # its limits, where the file does not say otherwise


class Concurrency(Strict):
    """`concurrency:` as in Actions: of a repository's runs in one group one is under way at a time."""

    group: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    cancel_in_progress: bool = False

    @field_validator("group")
    @classmethod
    def _can_be_told(cls, group: str) -> str:
        if wrong := naming.group(group):
            raise ValueError(wrong)
        return group


_OUTPUTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(GRAPHS, _CHANGES),
    "review": frozenset({"review"}),
    "answer": frozenset({"comment", "description"}),
    "plan": frozenset({"comment"}),
    "test": frozenset({"comment"}),
    "rebase": frozenset({"commits"}),
}
_MADE_OF = {"symphony": "phases", "hierarchy": "team"}  # what stands in place of `jobs`


class Workflow(Strict):
    """A workflow file; its id is its file's name."""

    name: str
    on: Triggers
    cancel_on: Endings | None = None
    requires: Right = "write"
    description: str = ""
    usage: str = ""
    pattern: Pattern = "pipeline"
    worktrees: Worktrees = "feature"
    approval: Literal["plan", "result"] | None = None
    priority: Literal["normal", "high"] = "normal"
    concurrency: Concurrency | None = None
    limits: Limits = Limits()
    env: Environment = Field(default_factory=dict)
    jobs: dict[Name, Job] = Field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    tasks: Tasks | None = None
    team: Team | None = None
    review: ReviewRules = ReviewRules()
    outputs: Outputs

    @model_validator(mode="after")
    def _outputs_fit(self) -> "Workflow":
        fitting = _OUTPUTS[self.pattern]
        if not self.outputs.named <= fitting:
            listed = ", ".join(f"`outputs.{kebab(name)}`" for name in sorted(fitting))
            raise ValueError(f"`pattern: {self.pattern}` goes with {listed}")
        if self.outputs.pull_request is not None and not self.places <= {"issues"}:
            raise ValueError("`outputs.pull-request` is for what an issue asks for")
        if self.approval is not None and self.outputs.pull_request is None:
            raise ValueError(f"`approval: {self.approval}` goes with `outputs.pull-request`")
        return self

    @model_validator(mode="after")
    def _made_of_what_its_pattern_plays(self) -> "Workflow":
        if (self.pattern in ("test", *_MADE_OF)) == bool(self.jobs):
            said = f"`pattern: {self.pattern}` " + ("runs no jobs" if self.pattern == "test" else "has no `jobs`")
            raise ValueError(said if self.jobs else "`jobs` must name one")
        for pattern, key in (*_MADE_OF.items(), ("swarm", "tasks")):
            if (self.pattern == pattern) != bool(getattr(self, key)):
                raise ValueError(f"`{key}` and `pattern: {pattern}` go together")
        if self.pattern in ("answer", "rebase", "swarm") and len(self.jobs) > 1:
            raise ValueError(f"`pattern: {self.pattern}` has one job")
        if self.pattern == "swarm" and any(job.strategy.matrix or not job.agent for job in self.jobs.values()):
            raise ValueError("the job of a swarm has an `agent` and no `strategy.matrix`: its tasks are the matrix")
        if (self.worktrees == "review") and self.pattern != "review":
            raise ValueError("`worktrees: review` goes with `pattern: review`")
        if self.worktrees in DIVIDING and self.pattern not in ("pipeline", "symphony"):
            raise ValueError(f"`worktrees: {self.worktrees}` goes with `pattern: pipeline` and `symphony`")
        if self.worktrees in ("experiment", "hot-fix") and self.outputs.pull_request is None:
            raise ValueError(f"`worktrees: {self.worktrees}` goes with `outputs.pull-request`")
        return self

    @property
    def places(self) -> frozenset[str]:
        """Where its runs begin: on issues, on pull requests."""
        by_event = {"issues": "issues", "pull_request": "pull_request", "check_run": "pull_request"}
        found = {by_event[event] for event in self.on.events if event in by_event}
        return frozenset(found | (set(self.command_places) if self.on.command else set()))

    @property
    def command_places(self) -> frozenset[str]:
        """Where a comment with its command may stand."""
        if self.on.command_in:
            return frozenset(self.on.command_in)
        if self.outputs.pull_request is not None:
            return frozenset({"issues"})
        return frozenset({"issues", "pull_request"} if self.outputs.comment is not None else {"pull_request"})

    @property
    def every_job(self) -> dict[str, Job]:
        """The jobs by their names, those of all phases too."""
        return {**self.jobs, **{name: job for phase in self.phases for name, job in phase.jobs.items()}}

    @property
    def owns(self) -> tuple[str, ...]:
        """What the jobs may change together; empty where one of them may change everything, or says it as it runs."""
        owned = [job.owns for job in self.every_job.values() if not job.run]
        if self.team is not None:
            owned = [self.team.owns]
        globs = tuple(glob for globs in owned for glob in globs)
        return globs if all(owned) and not any("{{" in glob for glob in globs) else ()

    @property
    def waits(self) -> bool:
        """Whether what it makes is published only once a person approved of it."""
        return self.approval == "result" or self.worktrees == "experiment"

    @property
    def urgent(self) -> bool:
        """Whether its runs come before all others that are queued."""
        return self.priority == "high" or self.worktrees == "hot-fix"

    @property
    def branch_prefix(self) -> str:
        """What its branches are called before number and title; those of an experiment tell that they are one."""
        prefix = self.opens.branch_prefix
        return "experiment/auto" if self.worktrees == "experiment" and prefix == PullRequest().branch_prefix else prefix

    def record(self) -> dict[str, Any]:
        """As the context of a run keeps it, for `model_validate`."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def trigger_labels(self) -> tuple[str, ...]:
        return self.on.issues.labels if self.on.issues else ()

    @property
    def opens(self) -> PullRequest:
        """The pull request it may open; plain settings for one that pushes to another's."""
        return self.outputs.pull_request or PullRequest()


def parse_workflow(name: str, text: str, agents: dict[str, AgentSpec]) -> Workflow:
    """A workflow file's text, checked against the agents there are. Raises ConfigError."""
    if len(workflow_id(name)) > LONGEST_ID:
        raise ConfigError(name, 1, f"the file's name is longer than {LONGEST_ID} characters")
    document = load(name, text)
    workflow = _in_a_hurry(validate(document, Workflow))
    for flaw in _flaws(workflow, agents):
        raise document.error(flaw.place, flaw.words, flaw.hint)
    return workflow


def _flaws(workflow: Workflow, agents: dict[str, AgentSpec]) -> Iterator[Flaw]:
    """What is wrong with a workflow of which each word is right, what hinders most first."""
    dividing = workflow.worktrees if workflow.worktrees in DIVIDING else ""
    found = nodes(workflow.jobs, workflow.phases, workflow.tasks, dividing)
    cast = (found, workflow.tasks, workflow.team, agents)
    yield from casting.absent(*cast, folder=workflow.pattern == "review")
    for place, said, hint in unread(workflow.review.tiers, agents):
        yield Flaw(("review", *place), said, hint)
    if workflow.pattern in GRAPHS:
        yield from casting.unfit(*cast, mends=workflow.outputs.commits is not None)
    yield from graph.flaws(workflow.jobs, workflow.phases)
    yield from naming.flaws(found, workflow.on.inputs, workflow.opens.condition)
    yield from owning.flaws(found)
    if workflow.team is not None:
        yield from teams.flaws(workflow.team, ("team",))
    readers = [agent for agent, spec in agents.items() if spec.reads]
    if dividing and (said := division.flaw(dividing, workflow.every_job, readers)):
        yield Flaw(("worktrees",), said)
    if workflow.on.events != {"workflow_call"}:  # else what it may publish and use is said by whoever uses it
        yield from _needless(workflow, found, agents)


def _needless(workflow: Workflow, found: Sequence[Node], agents: dict[str, AgentSpec]) -> Iterator[Flaw]:
    """What can come to nothing: work of which nothing is published, and limits that another one is below."""
    if workflow.pattern in GRAPHS and casting.idle(found, workflow.team, agents):
        (name,) = workflow.outputs.named
        yield Flaw(("outputs", kebab(name)), "no job changes files, so there would be nothing to publish")
    usd, minutes = workflow.limits.usd, workflow.limits.minutes
    asked = [((*node.place, "usd"), node.job.usd) for node in found]
    asked += teams.asked(workflow.team, ("team",)) if workflow.team is not None else []
    for place, wanted in asked:
        if wanted is not None and wanted > usd:
            yield Flaw(place, f"`usd` is more than the run may use: `limits.usd` is {usd:g}")
    for node in found:
        if node.job.timeout_minutes is not None and node.job.timeout_minutes > minutes:
            words = f"`timeout-minutes` is more than the run may take: `limits.minutes` is {minutes:g}"
            yield Flaw((*node.place, "timeout-minutes"), words)


def _in_a_hurry(workflow: Workflow) -> Workflow:
    """With the limits of a hot fix, where it is one: lower where the file does not set them."""
    if workflow.worktrees != "hot-fix":
        return workflow
    limits = workflow.limits
    said = {name: getattr(limits, name) for name in limits.model_fields_set}
    lower = Limits.model_construct(_fields_set=limits.model_fields_set, **{**limits.__dict__, **HOT_FIX, **said})
    return workflow.model_copy(update={"limits": lower})


def unread(tiers: Sequence[Tier], agents: Collection[str]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Agents of tiers that do not read reviews: where in the rules, what is wrong, and what was meant perhaps."""
    readers = sorted(name.removeprefix(READERS) for name in agents if name.startswith(READERS))
    for number, tier in enumerate(tiers):
        for nth, name in enumerate(tier.agents if not isinstance(tier.agents, str) else ()):
            if name not in readers:
                close = get_close_matches(name.removeprefix(READERS), readers, n=1, cutoff=0.6)
                hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(readers)}"
                yield ("tiers", number, "agents", nth), f"there is no agent `{name}` that reads reviews", hint


def workflow_id(path: str) -> str:
    return Path(path).stem
