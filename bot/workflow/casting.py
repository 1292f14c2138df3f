"""Which agents a workflow names, and whether they are made for what they are to do there. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from bot import template
from bot.agents.spec import PROMPT_NAMES, AgentSpec
from bot.workflow.job import Tasks, Team
from bot.workflow.node import Flaw, Node, Place

Agents = Mapping[str, AgentSpec]
_WORK = (*PROMPT_NAMES, "language")  # what the prompt of an agent that changes files is filled in with
_MEND = (*_WORK, "candidates")  # ... on a pull request, where reviews found something
_READ = (*PROMPT_NAMES, "diff", "wrong")  # what that of one is that answers with data


def absent(
    nodes: Sequence[Node], tasks: Tasks | None, team: Team | None, agents: Agents, *, folder: bool
) -> Iterator[Flaw]:
    """Agents that there are not; `folder`: all of one may be named, as `review/*`."""
    named: list[tuple[Place, str]] = [((*node.place, "agent"), node.job.agent) for node in nodes if node.job.agent]
    named += [(("tasks", "agent"), tasks.agent)] if tasks is not None and tasks.agent else []
    named += [(("team", *place), agent) for place, agent in team.everybody()] if team is not None else []
    for place, agent in named:
        if folder and agent.endswith("/*"):
            if not any(name.startswith(agent[:-1]) for name in agents):
                yield Flaw(place, f"there is no agent in `{agent}`")
        elif agent not in agents:
            yield Flaw(place, f"there is no agent `{agent}`", f"known: {', '.join(sorted(agents))}")


def unfit(
    nodes: Sequence[Node], tasks: Tasks | None, team: Team | None, agents: Agents, *, mends: bool
) -> Iterator[Flaw]:
    """Agents of a graph, all of them there, that cannot do what they are to; `mends`: it works on a pull request."""
    work = _MEND if mends else _WORK
    for node in nodes:
        if node.job.agent:
            yield from _job(node, agents, work)
    if tasks is not None and tasks.agent:
        yield from _answering(("tasks", "agent"), tasks.agent, agents)
    for place, agent in team.everybody() if team is not None else ():
        if place[-1] == "lead":
            yield from _answering(("team", *place), agent, agents)
        elif agents[agent].reads or not _told(agents[agent], work):
            words = f"the agent `{agent}` is not made to change files, as somebody of a team does"
            yield Flaw(("team", *place), words, _fitting(agents, work, reading=False))


def idle(nodes: Sequence[Node], team: Team | None, agents: Agents) -> bool:
    """Whether nobody changes a file, as far as one can tell: of a workflow that is used somebody may."""
    jobs = [node.job for node in nodes]
    return team is None and not any(job.uses or (job.agent and not agents[job.agent].reads) for job in jobs)


def _job(node: Node, agents: Agents, work: Sequence[str]) -> Iterator[Flaw]:
    agent, place = node.job.agent, (*node.place, "agent")
    if not _told(agents[agent], _READ if agents[agent].reads else work):
        words = f"the agent `{agent}` is not made for a job: its prompt is about what no job is told"
        yield Flaw(place, words, _fitting(agents, work, reading=True))
    elif agents[agent].reads and not node.job.outputs:
        words = f"the agent `{agent}` changes no files: say in `outputs` what it is to say"
        yield Flaw(place, words, "for instance `outputs: {parts: list}`")


def _answering(place: Place, agent: str, agents: Agents) -> Iterator[Flaw]:
    if not agents[agent].reads:
        yield Flaw(place, f"the agent `{agent}` changes files, and here it is to answer (`output: data`)")


def _told(spec: AgentSpec, names: Sequence[str]) -> bool:
    """Whether a prompt is about nothing but these; what makes a description, say, is for nothing else."""
    return spec.output in ("answer", "data") and not template.problem(spec.prompt, names)


def _fitting(agents: Agents, work: Sequence[str], *, reading: bool) -> str:
    fit = [name for name, spec in sorted(agents.items()) if not spec.reads and _told(spec, work)]
    fit += [name for name, spec in sorted(agents.items()) if reading and spec.reads and _told(spec, _READ)]
    return f"made for it: {', '.join(fit)}" if fit else ""
