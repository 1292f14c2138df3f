"""What the texts of a job stand for before a run, as far as files tell: its instances, its inputs, its globs. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot import expression, syntax
from bot.graph.expansion import MOST, combinations, instance_name
from bot.graph.ownership import literal
from bot.verbatim import code

LONGEST = 4_096  # characters of a path that is filled in: no file system has longer ones
_SLASHES = re.compile("//+")
_NO_NAMES = frozenset({"", ".", "..", ".git"})


class LateError(ValueError):
    """Only a run knows it."""


@dataclass(frozen=True)
class Told:
    """What files tell of `matrix` and `inputs`: `names` as expressions see them, `quoted` as they stand in globs.

    `hidden`: the inputs that only a run knows. LateError where a text names what only a run does, and ValueError where
    a run could not fill it in either.
    """

    names: Mapping[str, Any] = field(default_factory=dict)
    quoted: Mapping[str, Any] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def instances(self, job: str, matrix: Mapping[str, Any] | str, most: int = MOST) -> list[tuple[str, "Told"]]:
        """The names of the instances of a job, and what is told of each; without a matrix of the job itself."""
        if not matrix:
            return [(job, self)]
        values = self.value(matrix)
        if not isinstance(values, Mapping):
            raise ValueError(f"the matrix of {code(job)} has no lists by key")
        plain = values == matrix
        return [(instance_name(job, one), self._with(one, plain=plain)) for one in combinations(values, most)]

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
        return tuple(one for glob in owns for one in globs(glob, self._filled(glob, self.quoted)))

    def _with(self, values: Mapping[str, Any], *, plain: bool) -> "Told":
        quoted = values if plain else exactly(values)
        return Told({**self.names, "matrix": values}, {**self.quoted, "matrix": quoted}, self.hidden)

    def _filled(self, text: str, names: Mapping[str, Any]) -> Any:
        if "{{" not in text:
            return text
        for name in expression.names_in(text):
            root, *keys = name.split(".")
            if root not in names or (root == "inputs" and self.hidden.intersection(keys[:1] or self.hidden)):
                raise LateError(f"only a run knows {code(name)}")
        return expression.value(text, names)


def exactly(value: Any) -> Any:
    """A value whose texts are no globs, for globs."""
    if isinstance(value, Mapping):
        return {key: exactly(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [exactly(one) for one in value]
    return literal(value) if isinstance(value, str) else value


def globs(glob: str, value: Any) -> list[str]:
    """What a glob is once it is filled in, a list of them where an expression gives one.

    One that begins with what is filled in is a path from the top. Raises ValueError for what is no path in a
    repository: a job would own nothing by it, and nobody would notice.
    """
    if "{{" not in glob:
        return [glob]
    return [_path(glob, one) for one in (value if isinstance(value, list | tuple) else [value])]


def example(glob: str) -> str:
    """A glob with a word in the place of each expression. Raises ValueError where one has no end."""
    return "".join(piece if isinstance(piece, str) else "x" for piece in syntax.pieces(glob))


def _path(glob: str, value: Any) -> str:
    filled = str(value)
    whole = _SLASHES.sub("/", filled if filled.startswith("/") or not glob.startswith(("{{", "${{")) else f"/{filled}")
    names = whole.removeprefix("!").removeprefix("/").removesuffix("/").split("/")
    words = isinstance(value, str | int | float) and not isinstance(value, bool)
    if words and len(whole) <= LONGEST and whole.isprintable() and _NO_NAMES.isdisjoint(names):
        return whole
    shown = f": {code(filled, 80)}" if filled.isprintable() and filled.strip() else ""
    raise ValueError(f"what {code(glob)} is filled in with is no path of a file or folder in the repository{shown}")
