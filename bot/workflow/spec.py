"""The workflow language: what a workflow file may say."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from bot import template
from bot.agents.spec import AgentSpec
from bot.document import Strict, load, validate
from bot.errors import ConfigError

Right = Literal["read", "triage", "write", "maintain", "admin"]
IssueAction = Literal["opened", "edited", "reopened", "closed", "labeled", "unlabeled", "assigned"]
NAMES = ("issue", "repo", "change")
LONGEST_ID, LONGEST_JOB = 100, 60  # what the database has room for
_EXAMPLE = {"issue": {"title": "Title", "number": 1}, "repo": {"name": "owner/name"}, "change": {"title": "Title"}}


class IssuesTrigger(Strict):
    """`issues:` as in Actions; `labels` narrows `labeled` and `unlabeled` to those names, in any case as on GitHub."""

    types: tuple[IssueAction, ...] = Field(min_length=1)
    labels: tuple[str, ...] = ()

    def matches(self, action: str, label: str | None) -> bool:
        if action not in self.types:
            return False
        if not self.labels or action not in ("labeled", "unlabeled"):
            return True
        return label is not None and label.casefold() in {name.casefold() for name in self.labels}


class Triggers(Strict):
    """What starts (or, under `cancel-on`, ends) a run."""

    issues: IssuesTrigger


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

    `owns` are globs as in a `.gitignore`; none: every path.
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
        if wrong := template.problem(title, NAMES):
            raise ValueError(wrong)
        template.render(title, _EXAMPLE)
        return title


class Outputs(Strict):
    """The only things a run of this workflow may publish, beside its status."""

    pull_request: PullRequest


class Workflow(Strict):
    """A workflow file; its id is its file's name."""

    name: str
    on: Triggers
    cancel_on: Triggers | None = None
    requires: Right = "write"
    pattern: Literal["pipeline"] = "pipeline"
    limits: Limits = Limits()
    jobs: dict[str, Job] = Field(min_length=1)
    outputs: Outputs

    @property
    def owns(self) -> tuple[str, ...]:
        """What the jobs may change together; empty where one of them may change everything."""
        owned = [job.owns for job in self.jobs.values()]
        return tuple(glob for globs in owned for glob in globs) if all(owned) else ()

    @property
    def trigger_labels(self) -> tuple[str, ...]:
        return self.on.issues.labels


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
        if job.agent not in agents:
            known = ", ".join(sorted(agents))
            raise document.error(("jobs", job_name, "agent"), f"there is no agent `{job.agent}`", f"known: {known}")
        if stray := next((need for need in job.needs if need not in workflow.jobs), None):
            said = f"the job `{job_name}` needs `{stray}`, which is not a job of this workflow"
            raise document.error(("jobs", job_name, "needs"), said)
    try:
        order(workflow.jobs)
    except ValueError as circle:
        raise document.error(("jobs",), str(circle)) from None
    return workflow


def workflow_id(path: str) -> str:
    return Path(path).stem
