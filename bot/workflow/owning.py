"""What is wrong with the matrices of jobs and with what jobs own, as far as that can be known before they run. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.graph.expansion import MOST
from bot.graph.filling import LateError, Told, example
from bot.graph.ownership import Owners, barren
from bot.workflow.node import Flaw, Node, Place

FROM_THE_TOP = "a glob that begins with `/` fits at the top alone"
NO_GLOBS = "`/docs/` is the folder at the top, `docs/` any of that name"


def flaws(nodes: Sequence[Node]) -> Iterator[Flaw]:
    """Everything that is wrong: matrices, globs by themselves, and paths that two jobs own."""
    owned: dict[str, tuple[str, ...]] = {}
    places: dict[str, Place] = {}
    for node in nodes:
        place = (*node.place, "owns")
        yield from globs(place, node.job.owns)
        try:
            instances = _instances(node)
        except LateError:
            continue
        except ValueError as wrong:
            yield Flaw(("tasks", "list") if node.tasks else (*node.place, "strategy", "matrix"), str(wrong))
            continue
        for name, told in instances:
            try:
                owned[name], places[name] = told.globs(node.job.owns), place
            except LateError:
                break
            except ValueError as wrong:
                yield Flaw(place, str(wrong))
    yield from _conflicts(owned, places)


def globs(place: Place, owns: Sequence[str]) -> Iterator[Flaw]:
    """Globs of which one fits nothing that can be in a repository, or all together nothing."""
    try:
        words = tuple(example(glob) for glob in owns)
        for number, word in enumerate(words):
            if not word.startswith("!") and barren((word,)):
                shown = f"`{owns[number]}`" if owns[number].strip() else "an empty glob"
                yield Flaw((*place, number), f"no path of a repository fits {shown}", NO_GLOBS)
                return
        if words and barren(words):
            yield Flaw(place, "these globs take back with `!` all that they give", NO_GLOBS)
    except ValueError as wrong:
        yield Flaw(place, str(wrong))


def two_owners(one: str, other: str, shared: str) -> str:
    """What is wrong where two jobs own a path."""
    return f"`{one}` and `{other}` both own `{shared}`: a path has one owner in a run"


def _instances(node: Node) -> list[tuple[str, Told]]:
    """The instances of a job: those of its matrix, or one for each task that stands in the file."""
    matrix: Mapping[str, Any] | str = {"task": list(node.tasks)} if node.tasks else node.job.strategy.matrix
    return Told().instances(node.name, matrix, max(len(node.tasks), MOST))


def _conflicts(owned: Mapping[str, tuple[str, ...]], places: Mapping[str, Place]) -> Iterator[Flaw]:
    try:
        for one, other, shared in Owners(owned).conflicts():
            yield Flaw(places[other], two_owners(one, other, shared), FROM_THE_TOP)
            return
    except ValueError as wrong:
        yield Flaw(next(iter(places.values())), str(wrong))
