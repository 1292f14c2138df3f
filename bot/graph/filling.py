"""What the texts of a job stand for before a run, as far as files tell: its instances, its inputs, its globs. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot import expression
from bot.graph.expansion import combinations, instance_name
from bot.graph.ownership import literal


@dataclass(frozen=True)
class Told:
    """What files tell of `matrix` and `inputs`: `names` as expressions see them, `quoted` as they stand in globs.

    `hidden`: the inputs that only a run knows. ValueError where a text names what only a run does.
    """

    names: Mapping[str, Any] = field(default_factory=dict)
    quoted: Mapping[str, Any] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def instances(self, job: str, matrix: Mapping[str, Any] | str) -> list[tuple[str, "Told"]]:
        """The names of the instances of a job, and what is told of each; without a matrix of the job itself."""
        if not matrix:
            return [(job, self)]
        values = self.value(matrix)
        if not isinstance(values, Mapping):
            raise ValueError(f"the matrix of `{job}` is no map")
        plain = values == matrix
        return [(instance_name(job, one), self._with(one, plain=plain)) for one in combinations(values)]

    def inside(self, inputs: Mapping[str, Any], plain: Collection[str], hidden: Collection[str]) -> "Told":
        """What is told in a workflow that is used. `plain`: the inputs that stand in the file, and may be globs."""
        quoted = {name: value if name in plain else exactly(value) for name, value in inputs.items()}
        return Told({"inputs": inputs}, {"inputs": quoted}, frozenset(hidden))

    def value(self, value: Any) -> Any:
        """A text with its expressions filled in, or all of those in a list or map."""
        if isinstance(value, Mapping):
            return {key: self.value(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return self._filled(value, self.names) if isinstance(value, str) else value

    def tells(self, value: Any) -> bool:
        """Whether it is known what `value` gives."""
        try:
            self.value(value)
        except ValueError:
            return False
        return True

    def globs(self, owns: Sequence[str]) -> tuple[str, ...]:
        """What a job owns, exactly as a run will have it."""
        return tuple(one for glob in owns for one in _globs(glob, self._filled(glob, self.quoted)))

    def _with(self, values: Mapping[str, Any], *, plain: bool) -> "Told":
        quoted = values if plain else exactly(values)
        return Told({**self.names, "matrix": values}, {**self.quoted, "matrix": quoted}, self.hidden)

    def _filled(self, text: str, names: Mapping[str, Any]) -> Any:
        if "{{" not in text:
            return text
        for name in expression.names_in(text):
            root, *keys = name.split(".")
            if root not in names or (root == "inputs" and self.hidden.intersection(keys[:1] or self.hidden)):
                raise ValueError(f"only a run knows `{name}`")
        return expression.value(text, names)


def exactly(value: Any) -> Any:
    """A value whose texts are no globs, for globs."""
    if isinstance(value, Mapping):
        return {key: exactly(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [exactly(one) for one in value]
    return literal(value) if isinstance(value, str) else value


def _globs(glob: str, value: Any) -> Iterator[str]:
    """What a glob is once it is filled in, a list of them where an expression gives one.

    One that begins with what is filled in is a path from the top.
    """
    for one in map(str, value if isinstance(value, list | tuple) else [value]):
        if not one or not one.isprintable():
            raise ValueError(f"what `{glob}` is filled in with is no path")
        yield one if one.startswith("/") or not glob.startswith("{{") else f"/{one}"
