"""What is wrong with the graph of a workflow: needs, conditions, templates, and paths that two jobs own. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot import expression
from bot.graph import expansion
from bot.graph.filling import Told
from bot.graph.ownership import Owners
from bot.workflow import teams
from bot.workflow.job import Job, Phase, Tasks, Team
from bot.workflow.trigger import Triggers

ROOTS = ("needs", "matrix", "inputs", "issue", "repo")
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """What is wrong, where in the file, and what was meant perhaps."""

    place: Place
    words: str
    hint: str = ""


@dataclass(frozen=True)
class _Node:
    """A job with its place in the file, and the names of the jobs whose results it may name."""

    place: Place
    name: str
    job: Job
    seen: frozenset[str]
    matrix: frozenset[str]


def flaws(
    jobs: Mapping[str, Job],
    phases: Sequence[Phase],
    tasks: Tasks | None,
    team: Team | None,
    on: Triggers,
    publishes: str = "",
) -> Iterator[Flaw]:
    """Everything that is wrong, what hinders most first. `publishes` is the condition under which anything is."""
    yield from _needs(("jobs",), jobs)
    yield from _twice(phases)
    before: list[str] = []
    nodes = [_node(("jobs",), name, job, (), tasks) for name, job in jobs.items()]
    for number, phase in enumerate(phases):
        place: Place = ("phases", number, "jobs")
        yield from _needs(place, phase.jobs)
        nodes += [_node(place, name, job, before, tasks) for name, job in phase.jobs.items()]
        before += phase.jobs
    known = {node.name: node for node in nodes}
    for node in [*nodes, *([_release(publishes, known)] if publishes else [])]:
        yield from _expressions(node, known, frozenset(on.workflow_call.inputs if on.workflow_call else ()))
    yield from _owners(nodes)
    if team is not None:
        yield from (Flaw(place, words) for place, words in teams.flaws(team, ("team",)))


def order(jobs: Mapping[str, Job]) -> list[str]:
    """The jobs' names, each after its needs, otherwise as written. Raises ValueError on a circle."""
    done: list[str] = []
    expansion.layers({name: job.needs for name, job in jobs.items()})
    while len(done) < len(jobs):
        done.append(next(name for name, job in jobs.items() if name not in done and set(job.needs) <= set(done)))
    return done


def two_owners(one: str, other: str, example: str) -> str:
    """What is wrong where two jobs own a path."""
    return f"`{one}` and `{other}` both own `{example}`: a path has one owner in a run"


def _node(place: Place, name: str, job: Job, before: Sequence[str], tasks: Tasks | None) -> _Node:
    keys = set(job.strategy.matrix) if isinstance(job.strategy.matrix, dict) else set()
    keys |= {key for one in _list(job, "include") for key in one}
    return _Node(
        (*place, name),
        name,
        job,
        frozenset({*job.needs, *before}),
        frozenset((keys - {"include", "exclude"}) | ({"task"} if tasks is not None else set())),
    )


def _release(condition: str, known: Mapping[str, _Node]) -> _Node:
    """What comes after all jobs: that what they made is published."""
    last = Job.model_validate({"run": "true", "if": condition})
    return _Node(("outputs", "pull-request"), "outputs.pull-request", last, frozenset(known), frozenset())


def _list(job: Job, key: str) -> list[Mapping[str, object]]:
    found = job.strategy.matrix.get(key, []) if isinstance(job.strategy.matrix, dict) else []
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _needs(place: Place, jobs: Mapping[str, Job]) -> Iterator[Flaw]:
    for name, job in jobs.items():
        if stray := next((need for need in job.needs if need not in jobs), None):
            close = get_close_matches(stray, jobs, n=1, cutoff=0.6)
            hint = f"did you mean `{close[0]}`?" if close else ""
            yield Flaw(
                (*place, name, "needs"), f"the job `{name}` needs `{stray}`, which is not a job of this workflow", hint
            )
            return
    try:
        order(jobs)
    except ValueError as circle:
        yield Flaw(place, str(circle))


def _twice(phases: Sequence[Phase]) -> Iterator[Flaw]:
    seen: set[str] = set()
    for number, phase in enumerate(phases):
        for name in phase.jobs:
            if name in seen:
                yield Flaw(("phases", number, "jobs", name), f"the job `{name}` is in two phases")
            seen.add(name)


def _expressions(node: _Node, known: Mapping[str, _Node], inputs: frozenset[str]) -> Iterator[Flaw]:
    texts: list[tuple[Place, str, Callable[[str, Sequence[str]], str]]] = []
    texts += [(("if",), node.job.condition, expression.condition_problem)] if node.job.condition else []
    texts += [(place, text, expression.value_problem) for place, text in node.job.templates if "{{" in text]
    for below, text, problem in texts:
        place = (*node.place, *below)
        if wrong := problem(text, ROOTS):
            yield Flaw(place, wrong)
            continue
        for name in sorted(expression.names_in(text)):
            if said := _unknown(name.split("."), node, known, inputs):
                yield Flaw(place, *said)


def _unknown(
    name: Sequence[str], node: _Node, known: Mapping[str, _Node], inputs: frozenset[str]
) -> tuple[str, str] | None:
    """What is wrong with a name of an expression, and what was meant perhaps."""
    match name:
        case ["needs", job, *_] if job not in node.seen:
            if job in known:
                return f"the job `{node.name}` speaks of `{job}`, which it does not need", "add it to `needs`"
            return f"the job `{node.name}` speaks of `{job}`, which is not a job before it", _meant(job, node.seen)
        case ["needs", job, "outputs", output, *_] if job in known and not known[job].job.uses:
            declared = known[job].job.outputs
            if output not in declared and not known[job].job.strategy.matrix:
                return f"the job `{job}` has no output `{output}`", _meant(output, frozenset(declared))
        case ["needs", _, word, *_] if word not in ("result", "outputs"):
            return f"of a job there are `result` and `outputs`, and no `{word}`", ""
        case ["matrix", key, *_] if node.matrix and key not in node.matrix:
            return f"the matrix has no `{key}`", _meant(key, node.matrix)
        case ["inputs", key, *_] if key not in inputs:
            return f"there is no input `{key}`", _meant(key, inputs)
    return None


def _meant(word: str, known: frozenset[str]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def _owners(nodes: Sequence[_Node]) -> Iterator[Flaw]:
    """Paths that two jobs own, as far as that can be known before they run."""
    owned: dict[str, tuple[str, ...]] = {}
    places: dict[str, Place] = {}
    for node in nodes:
        for name, globs in _owned(node):
            owned[name], places[name] = globs, (*node.place, "owns")
    yield from _conflicts(owned, places)


def _owned(node: _Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What each instance of a job owns, where it says so without anything that only a run knows."""
    if not node.job.owns:
        return
    try:
        for name, told in Told().instances(node.name, node.job.strategy.matrix):
            yield name, told.globs(node.job.owns)
    except ValueError:  # filled in by what only a run knows
        return


def _conflicts(owned: Mapping[str, tuple[str, ...]], places: Mapping[str, Place]) -> Iterator[Flaw]:
    try:
        for one, other, example in Owners(owned).conflicts():
            yield Flaw(
                places[other], two_owners(one, other, example), "a glob that begins with `/` fits at the top alone"
            )
            return
    except ValueError as wrong:
        yield Flaw(next(iter(places.values())), str(wrong))
