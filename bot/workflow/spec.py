"""The workflow language: what a workflow file may say."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from bot import template
from bot.agents.spec import AgentSpec
from bot.document import Strict, kebab, load, validate
from bot.errors import ConfigError
from bot.review.rules import ReviewRules, Tier
from bot.workflow.right import Right, starting

IssueAction = Literal["opened", "edited", "reopened", "closed", "labeled", "unlabeled", "assigned"]
PullAction = Literal["opened", "synchronize", "reopened", "ready_for_review", "review_requested", "edited", "closed"]
CheckAction = Literal["rerequested", "requested_action"]
CommandPlace = Literal["issues", "pull_request"]
Pattern = Literal["pipeline", "review", "answer", "plan", "test", "rebase"]
NAMES = ("issue", "repo", "change")
READERS = "review/"  # the folder of agents that read reviews; rules name them without it
LONGEST_ID, LONGEST_JOB = 100, 60  # what the database has room for
_EXAMPLE = {"issue": {"title": "Title", "number": 1}, "repo": {"name": "owner/name"}, "change": {"title": "Title"}}


class IssuesTrigger(Strict):
    """`issues:` as in Actions; `labels` narrows `labeled` and `unlabeled` to those names, in any case as on GitHub."""

    types: tuple[IssueAction, ...] = Field(min_length=1)
    labels: tuple[Annotated[str, AfterValidator(starting)], ...] = ()

    def matches(self, action: str, label: str | None) -> bool:
        if action not in self.types:
            return False
        if not self.labels or action not in ("labeled", "unlabeled"):
            return True
        return label is not None and label.casefold() in {name.casefold() for name in self.labels}


class PullTrigger(Strict):
    """`pull_request:` as in Actions; of `review_requested` those that ask the bot count, of `edited` a new base."""

    types: tuple[PullAction, ...] = Field(min_length=1)


class CheckTrigger(Strict):
    """`check_run:` as in Actions, for check runs of the bot's own; `button` is what `requested_action` names."""

    types: tuple[CheckAction, ...] = Field(min_length=1)
    button: str = ""

    def matches(self, action: str, button: str) -> bool:
        return action in self.types and (action != "requested_action" or button == self.button)


class Endings(Strict):
    """What ends a run: at least one of these."""

    issues: IssuesTrigger | None = None
    pull_request: PullTrigger | None = Field(default=None, alias="pull_request")

    @model_validator(mode="after")
    def _one_at_least(self) -> "Endings":
        if not self.events:
            raise ValueError("name at least one event")
        return self

    @property
    def events(self) -> frozenset[str]:
        """The names of what is listened to."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)

    def by_issue(self, action: str, label: str | None) -> bool:
        return self.issues is not None and self.issues.matches(action, label)

    def by_pull(self, action: str) -> bool:
        return self.pull_request is not None and action in self.pull_request.types


class Triggers(Endings):
    """What starts a run: at least one of these.

    `command` is the word that a line of a comment begins with, without its slash; `command-in` says where such a
    comment may stand, without it wherever what the workflow publishes makes sense.
    """

    check_run: CheckTrigger | None = Field(default=None, alias="check_run")
    command: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,29}$")] | None = None
    command_in: tuple[CommandPlace, ...] = ()

    @model_validator(mode="after")
    def _has_its_command(self) -> "Triggers":
        if self.command_in and self.command is None:
            raise ValueError("`command-in` belongs to a `command`")
        return self

    @property
    def events(self) -> frozenset[str]:
        return super().events - {"command_in"}

    def by_check(self, action: str, button: str) -> bool:
        return self.check_run is not None and self.check_run.matches(action, button)


class Limits(Strict):
    """What a run may use before it is stopped."""

    usd: Annotated[float, Field(gt=0, le=1000)] = 5.0
    minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 60
    silence_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 10


class Tests(Strict):
    """Whether the repository's own tests are run on a job's work, and how often the agent may try."""

    tries: Annotated[int, Field(ge=1, le=10)] = 3


class Job(Strict):
    """One node of a workflow's graph: an agent, the paths it may change, and the tests its work must pass.

    In a review `agent` may name a folder of agents, `review/*`. `owns`: globs as in a `.gitignore`; none: every path.
    """

    agent: str
    needs: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    tests: Tests = Tests()


class PullRequest(Strict):
    """The pull request a run may ask for."""

    max: Literal[1] = 1
    branch_prefix: str = Field(default="feature/auto", pattern=r"^[a-z0-9]+(?:[/._-][a-z0-9]+)*$")
    title: str = "{{ change.title }}"
    labels: tuple[str, ...] = ()
    draft: bool = False

    @field_validator("title")
    @classmethod
    def _is_a_template(cls, title: str) -> str:
        if wrong := template.problem(title, NAMES) or template.busy(title):
            raise ValueError(wrong)
        template.render(title, _EXAMPLE)
        return title


class Commits(Strict):
    """The commits a run may push to the pull request it works on."""

    max: Annotated[int, Field(ge=1, le=100)] = 20


class Review(Strict):
    """The review a run may post, with so many inline comments."""

    max: Literal[1] = 1
    comments: Annotated[int, Field(ge=0, le=50)] = 20


class Comment(Strict):
    """The answer a run may give: it stands in the run's status comment."""

    max: Literal[1] = 1


class Description(Strict):
    """The section of the pull request's text that a run may write; what people wrote around it stays."""

    max: Literal[1] = 1


class Outputs(Strict):
    """The only thing a run of this workflow may publish, beside its status: exactly one of these."""

    pull_request: PullRequest | None = None
    commits: Commits | None = None
    review: Review | None = None
    comment: Comment | None = None
    description: Description | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Outputs":
        if len(self.named) != 1:
            raise ValueError("name one of pull-request, commits, review, comment, description")
        return self

    @property
    def named(self) -> frozenset[str]:
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)


_OUTPUTS: dict[str, frozenset[str]] = {
    "pipeline": frozenset({"pull_request", "commits"}),
    "review": frozenset({"review"}),
    "answer": frozenset({"comment", "description"}),
    "plan": frozenset({"comment"}),
    "test": frozenset({"comment"}),
    "rebase": frozenset({"commits"}),
}


class Workflow(Strict):
    """A workflow file; its id is its file's name."""

    name: str
    on: Triggers
    cancel_on: Endings | None = None
    requires: Right = "write"
    description: str = ""
    usage: str = ""
    pattern: Pattern = "pipeline"
    approval: Literal["plan"] | None = None
    limits: Limits = Limits()
    jobs: dict[str, Job] = Field(default_factory=dict)
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
            raise ValueError("`approval: plan` goes with `outputs.pull-request`")
        if (self.pattern == "test") == bool(self.jobs):
            raise ValueError("`jobs` must name one" if not self.jobs else "`pattern: test` runs no jobs")
        if self.pattern in ("answer", "rebase") and len(self.jobs) > 1:
            raise ValueError(f"`pattern: {self.pattern}` has one job")
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
    def owns(self) -> tuple[str, ...]:
        """What the jobs may change together; empty where one of them may change everything."""
        owned = [job.owns for job in self.jobs.values()]
        return tuple(glob for globs in owned for glob in globs) if all(owned) else ()

    @property
    def trigger_labels(self) -> tuple[str, ...]:
        return self.on.issues.labels if self.on.issues else ()

    @property
    def opens(self) -> PullRequest:
        """The pull request it may open; plain settings for one that pushes to another's."""
        return self.outputs.pull_request or PullRequest()


def order(jobs: dict[str, Job]) -> list[str]:
    """The jobs' names, each after its needs, otherwise as written. Raises ValueError on a circle."""
    done: list[str] = []
    while len(done) < len(jobs):
        ready = [name for name, job in jobs.items() if name not in done and set(job.needs) <= set(done)]
        if not ready:
            raise ValueError("the jobs need each other in a circle: " + ", ".join(j for j in jobs if j not in done))
        done.append(ready[0])
    return done


def parse_workflow(name: str, text: str, agents: dict[str, AgentSpec]) -> Workflow:
    """A workflow file's text, checked against the agents there are. Raises ConfigError."""
    if len(workflow_id(name)) > LONGEST_ID:
        raise ConfigError(name, 1, f"the file's name is longer than {LONGEST_ID} characters")
    document = load(name, text)
    workflow = validate(document, Workflow)
    for job_name, job in workflow.jobs.items():
        if len(job_name) > LONGEST_JOB:
            raise document.error(("jobs", job_name), f"a job's name may have {LONGEST_JOB} characters")
        if workflow.pattern == "review" and job.agent.endswith("/*"):
            known_agents = [name for name in agents if name.startswith(job.agent[:-1])]
            if not known_agents:
                raise document.error(("jobs", job_name, "agent"), f"there is no agent in `{job.agent}`")
        elif job.agent not in agents:
            known = ", ".join(sorted(agents))
            raise document.error(("jobs", job_name, "agent"), f"there is no agent `{job.agent}`", f"known: {known}")
        if stray := next((need for need in job.needs if need not in workflow.jobs), None):
            said = f"the job `{job_name}` needs `{stray}`, which is not a job of this workflow"
            raise document.error(("jobs", job_name, "needs"), said)
    if wrong := next(unread(workflow.review.tiers, agents), None):
        place, said, hint = wrong
        raise document.error(("review", *place), said, hint)
    try:
        order(workflow.jobs)
    except ValueError as circle:
        raise document.error(("jobs",), str(circle)) from None
    return workflow


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
