"""What a workflow file does, in plain words: what starts it, who works after whom, what may come of it. Pure."""

from collections.abc import Collection, Iterator

from bot.document import kebab
from bot.graph.expansion import layers
from bot.workflow.job import Job, Member, Team
from bot.workflow.spec import GRAPHS, Workflow


def explained(workflow: Workflow, readers: Collection[str]) -> list[str]:
    """Lines about a workflow that is valid; `readers` are the agents that change nothing."""
    work, turn = _work(workflow, readers), _turn(workflow)
    begins = [f"Starts: {_starts(workflow)}", *([f"Its turn: {turn}"] if turn else [])]
    return [*begins, *work, f"May use: {_limits(workflow)}", _ends(workflow)]


def _starts(workflow: Workflow) -> str:
    on, found = workflow.on, list[str]()
    if on.issues is not None:
        labels = f" ({', '.join(on.issues.labels)})" if on.issues.labels else ""
        found.append(f"an issue is {' or '.join(on.issues.types)}{labels}")
    if on.pull_request is not None:
        found.append(f"a pull request is {' or '.join(on.pull_request.types)}")
    if on.check_run is not None:
        found.append("a button of its check run")
    if on.command is not None:
        followed = f" followed by {' or '.join(on.command_with)}" if on.command_with else ""
        found.append(f"/{on.command}{followed} by somebody with {workflow.requires} access")
    if on.workflow_call is not None:
        inputs = ", ".join(on.workflow_call.inputs)
        found.append("other workflows that use it" + (f", with {inputs}" if inputs else ""))
    return "; ".join(found)


def _turn(workflow: Workflow) -> str:
    """Which runs it goes before, and which it waits for or ends; empty where it waits as all do."""
    said, group = ["before what is queued"] if workflow.urgent else [], workflow.concurrency
    if group is not None:
        others = "ends what is under way" if group.cancel_in_progress else "waits for what is under way"
        said.append(f"{others} in the group {group.group}")
    return ", ".join(said)


def _work(workflow: Workflow, readers: Collection[str]) -> Iterator[str]:
    if workflow.pattern not in GRAPHS:
        agents = ", ".join(job.agent for job in workflow.jobs.values())
        yield f"Work: {workflow.pattern}" + (f" by {agents}" if agents else "")
        return
    yield f"Work: {workflow.pattern}, at most {workflow.limits.agents} at once"
    if workflow.tasks is not None:
        yield f"  tasks from {_source(workflow)}, at most {workflow.tasks.max}"
    for phase in workflow.phases:
        yield f"  phase {phase.name}" + ("" if phase.tests else ", untested")
        yield from _graph(phase.jobs, "    ", readers)
    if workflow.team is not None:
        yield from _team("lead", workflow.team, "  ")
    yield from _graph(workflow.jobs, "  ", readers)


def _source(workflow: Workflow) -> str:
    tasks = workflow.tasks
    assert tasks is not None
    if tasks.given:
        return f"a list of {len(tasks.given)}"
    if tasks.glob:
        return f"files like {', '.join(tasks.glob)}"
    return f"files with {tasks.grep!r}" if tasks.grep else f"the agent {tasks.agent}"


def _graph(jobs: dict[str, Job], indent: str, readers: Collection[str]) -> Iterator[str]:
    """The jobs in layers: those of one may play side by side."""
    for number, layer in enumerate(layers({name: job.needs for name, job in jobs.items()}), 1):
        for name in layer:
            yield f"{indent}{number}. {_job(name, jobs[name], readers)}"


def _job(name: str, job: Job, readers: Collection[str]) -> str:
    who = job.agent or (f"workflow {job.uses}" if job.uses else f"commands: {'; '.join(job.run)}")
    said = [f"{name} ({who})"]
    if job.strategy.matrix:
        keys = ", ".join(job.strategy.matrix) if isinstance(job.strategy.matrix, dict) else "what a job said"
        said.append(f"once for each {keys}")
    said += [f"after {', '.join(job.needs)}"] if job.needs else []
    said += [f"if {job.condition}"] if job.condition else []
    said += ["changes nothing"] if job.agent in readers else [_owned(job.owns)] if job.agent else []
    said += [f"says {', '.join(job.outputs)}"] if job.outputs else []
    said += [f"at most {job.timeout_minutes:g} minutes"] if job.timeout_minutes else []
    said += [f"again {_times(job.retries)} where it fails"] if job.retries else []
    return ", ".join(said)


def _times(number: int) -> str:
    return "once" if number == 1 else f"up to {number} times"


def _owned(owns: tuple[str, ...]) -> str:
    return f"may change {' '.join(owns)}" if owns else "may change what no other job owns"


def _team(name: str, team: Team, indent: str) -> Iterator[str]:
    decides = f", decides on up to {team.breadth} of {team.agent}" if team.agent else ""
    yield f"{indent}{name} ({team.lead}) leads{decides}, {_owned(team.owns)}"
    for member, one in team.members.items():
        yield f"{indent}  {_member(member, one)}"
    for inner, below in team.teams.items():
        yield from _team(inner, below, f"{indent}  ")


def _member(name: str, member: Member) -> str:
    return f"{name} ({member.agent}), {_owned(member.owns) if member.owns else 'may change what its team may'}"


def _limits(workflow: Workflow) -> str:
    limits = workflow.limits
    return f"${limits.usd:g}, {limits.minutes:g} minutes"


def _ends(workflow: Workflow) -> str:
    (name,) = workflow.outputs.named
    most = getattr(workflow.outputs, name).max
    what = kebab(name).replace("-", " ")
    waits = ", once a person approved of it" if workflow.waits else ", on a plan that a person approved of"
    after = waits if workflow.waits or workflow.approval == "plan" else ""
    plural = "s" if most > 1 and what[-1] != "s" else ""
    holds = f", if {workflow.opens.condition}" if workflow.opens.condition else ""
    return f"Publishes: {'one' if most == 1 else f'up to {most}'} {what}{plural}{holds}{after}"
