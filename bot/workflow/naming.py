"""What is wrong with the expressions of a workflow: what they name, and where none can stand. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot import expression
from bot.workflow.node import Flaw, Node, Place, meant

ROOTS = ("needs", "matrix", "inputs", "issue", "repo")
GIVEN: Mapping[str, tuple[str, ...]] = {"issue": ("title", "number"), "repo": ("name",)}
_ELSEWHERE = (*ROOTS, "github", "env", "vars", "secrets", "steps", "runner", "job")  # what Actions has, too
Problem = Callable[[str, Sequence[str]], str]


@dataclass(frozen=True)
class _Scope:
    """What the expressions of somebody may name; None for a matrix that there is none of, or not yet."""

    who: str
    seen: frozenset[str]
    matrix: frozenset[str] | None
    known: Mapping[str, Node]
    inputs: frozenset[str]


def flaws(nodes: Sequence[Node], inputs: frozenset[str], publishes: str) -> Iterator[Flaw]:
    """Everything that is wrong with the expressions of jobs, and of the condition under which anything is published."""
    known = {node.name: node for node in nodes}
    for node in nodes:
        scope = _Scope(f"the job `{node.name}`", node.seen, node.matrix, known, inputs)
        for place, text, problem in _texts(node):
            yield from _wrong((*node.place, *place), text, problem, replace(scope, matrix=_late(place, scope.matrix)))
        for number, task in enumerate(node.tasks):
            at: Place = ("tasks", "list", number)
            yield from _wrong(at, task, expression.value_problem, replace(scope, who="a task", matrix=None))
        yield from _lines(node)
    if publishes:
        last = _Scope("`if`", frozenset(known), None, known, inputs)
        yield from _wrong(("outputs", "pull-request", "if"), publishes, expression.condition_problem, last)
        yield from _of_several(publishes, known)


def _of_several(publishes: str, known: Mapping[str, Node]) -> Iterator[Flaw]:
    """Jobs that are several, whose word cannot let something out: each read a part, and none of them reads it again."""
    for name in sorted(expression.names_in(publishes)):
        match name.split("."):
            case ["needs", job, "outputs", *_] if job in known and _are_several(known[job]):
                words = f"`{job}` is several jobs, and what is published hangs on the word of one that has read it all"
                yield Flaw(("outputs", "pull-request", "if"), words, "name a job without `strategy` and `uses`")


def _are_several(node: Node) -> bool:
    return bool(node.job.uses) or node.matrix is not None


def group(text: str) -> str:
    """What is wrong with the name of a group of runs, which holds words of the issue; empty where nothing is."""
    if wrong := expression.value_problem(text, tuple(GIVEN)):
        return wrong
    return next((flaw[0] for name in sorted(expression.names_in(text)) if (flaw := _given(name.split(".")))), "")


def _texts(node: Node) -> Iterator[tuple[Place, str, Problem]]:
    if node.job.condition:
        yield ("if",), node.job.condition, expression.condition_problem
    yield from ((place, text, expression.value_problem) for place, text in node.job.templates)


def _late(place: Place, matrix: frozenset[str] | None) -> frozenset[str] | None:
    """What is known of the matrix where it is not told yet which instances there are."""
    return None if place[0] in ("if", "strategy") else matrix


def _lines(node: Node) -> Iterator[Flaw]:
    """Command lines that count on what nobody fills in. Other braces are the program's own, as `docker` knows some."""
    for number, line in enumerate(node.job.run):
        roots = {name.split(".")[0] for name in expression.names_in(line)} if "{{" in line else set()
        if "${{" in line or roots & set(_ELSEWHERE):
            words, hint = (
                "nothing fills in an expression in `run`",
                "give the value in `env`, and name the variable here",
            )
            yield Flaw((*node.place, "run", number), words, hint)


def _wrong(place: Place, text: str, problem: Problem, scope: _Scope) -> Iterator[Flaw]:
    if problem is expression.value_problem and "{{" not in text:
        return
    if wrong := problem(text, ROOTS):
        yield Flaw(place, wrong)
        return
    for name in sorted(expression.names_in(text)):
        if said := _unknown(name.split("."), scope):
            yield Flaw(place, *said)


def _unknown(name: Sequence[str], scope: _Scope) -> tuple[str, str] | None:
    """What is wrong with a name of an expression, and what was meant perhaps."""
    match name:
        case ["needs", job, *rest]:
            return _of_job(job, rest, scope)
        case ["matrix", *_] if scope.matrix is None:
            return f"{scope.who} speaks of `{'.'.join(name)}`, and there is no matrix here", ""
        case ["matrix", key, *_] if scope.matrix and key not in scope.matrix:
            return f"the matrix has no `{key}`", meant(key, [*scope.matrix])
        case ["inputs", key, *_] if key not in scope.inputs:
            return f"there is no input `{key}`", meant(key, [*scope.inputs])
    return _given(name)


def _of_job(job: str, rest: Sequence[str], scope: _Scope) -> tuple[str, str] | None:
    if job not in scope.seen:
        if job in scope.known:
            return f"{scope.who} speaks of `{job}`, which it does not need", "add it to `needs`"
        return f"{scope.who} speaks of `{job}`, which is not a job before it", meant(job, [*scope.seen])
    match rest:
        case ["outputs", output, *_] if job in scope.known and not scope.known[job].job.uses:
            declared = scope.known[job].job.outputs
            if output not in declared:
                return f"the job `{job}` has no output `{output}`", meant(output, [*declared])
        case [word, *_] if word not in ("result", "outputs"):
            return f"of a job there are `result` and `outputs`, and no `{word}`", ""
    return None


def _given(name: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with a name of the issue or the repository."""
    match name:
        case [("issue" | "repo") as root, key, *rest] if rest or key not in GIVEN[root]:
            return f"there is no `{'.'.join(name)}`", f"known: {', '.join(f'{root}.{one}' for one in GIVEN[root])}"
    return None
