"""The texts of a part with what their expressions stand for in place of these, and how long they may be. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot import expression
from bot.graph.filling import exactly, globs
from bot.orchestra.part import Part

FOCUS = 20_000  # characters of a focus
VARIABLE, VARIABLES = 50_000, 200_000  # bytes of one variable, and of all of a job: with more no process begins
ALL = 20_000_000  # characters of the texts of a run
QUOTED = "quoted"  # the inputs as they may stand in globs; no expression can name it

Names = Mapping[str, Any]


@dataclass
class Room:
    """How many characters the texts of a run may still have in all, once they are filled in."""

    left: int = ALL

    def take(self, text: str) -> None:
        """Raises ValueError where there is no room for a text."""
        self.left -= len(text)
        if self.left < 0:
            raise ValueError(f"the texts of this run have more than {ALL} characters in all once they are filled in")


@dataclass
class Texts:
    """Fills in the texts of the parts of a job, which may name `names` and `matrix`, as far as there is `room`.

    What agents said is no glob in `owns`.
    """

    names: Names
    room: Room = field(default_factory=Room)

    def __post_init__(self) -> None:
        self._quoted = {"inputs": self.names.get(QUOTED, self.names.get("inputs", {}))}

    def part(self, part: Part, values: Mapping[str, Any], *, trusted: bool) -> Part:
        """The part with its texts filled in; `values`, those of its matrix, are no globs either, unless `trusted`.

        Raises ValueError where a text cannot be filled in, or is too long then.
        """
        spec, mine = part.spec, Texts({**self.names, "matrix": values}, self.room)
        more = {
            "focus": mine._text("focus", spec.focus, FOCUS),
            "owns": self._owns(spec.owns, values if trusted else exactly(values)),
            "env": mine._env(spec.env),
            "inputs": mine.values(spec.inputs),
        }
        plain = frozenset(name for name, value in spec.inputs.items() if "{{" not in str(value))
        return replace(part, spec=spec.model_copy(update=more), plain=plain, ready=True)

    def values(self, value: Any) -> Any:
        """The same with every text in it filled in: one that is a whole expression may be a list or a map."""
        if isinstance(value, Mapping):
            return {key: self.values(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.values(one) for one in value]
        if not isinstance(value, str) or "{{" not in value:
            return value
        found = expression.value(value, self.names)
        if isinstance(found, str):
            self.room.take(found)
        return found

    def _text(self, key: str, text: str, most: int, unit: str = "characters") -> str:
        if "{{" not in text:
            return text
        try:
            found = expression.text(text, self.names, most)
        except expression.WideError as wide:
            raise ValueError(f"`{key}` has more than {most} {unit} once it is filled in") from wide
        self.room.take(found)
        return found

    def _env(self, env: Mapping[str, str]) -> dict[str, str]:
        found, left = dict[str, str](), VARIABLES
        for name, text in env.items():
            value = found[name] = self._text(f"env.{name}", text, VARIABLE, "bytes")
            if "\0" in value:
                raise ValueError(f"`env.{name}` holds what no variable can")
            size = len(f"{name}={value}".encode("utf-8", "replace"))
            if size > VARIABLE:
                raise ValueError(f"`env.{name}` has more than {VARIABLE} bytes once it is filled in")
            left -= size
            if left < 0:
                raise ValueError(f"`env` has more than {VARIABLES} bytes in all once it is filled in")
        return found

    def _owns(self, owns: Sequence[str], values: Mapping[str, Any]) -> tuple[str, ...]:
        filled = [glob for glob in owns if "{{" in glob]
        roots = {name.partition(".")[0] for glob in filled for name in expression.names_in(glob)}
        known = {**{root: self._exactly(root) for root in roots & set(self.names)}, "matrix": values}
        found = list[str]()
        for glob in owns:
            for one in globs(glob, expression.value(glob, known) if glob in filled else glob):
                found.append(one)
                if glob in filled:
                    self.room.take(one)
        return tuple(found)

    def _exactly(self, root: str) -> Any:
        """What a name stands for in globs: found once for all the parts of a job."""
        if root not in self._quoted:
            self._quoted[root] = exactly(self.names[root])
        return self._quoted[root]


def filled(part: Part, names: Names, values: Mapping[str, Any], *, trusted: bool) -> Part:
    """One part with its texts filled in, as `Texts.part` does."""
    return Texts(names).part(part, values, trusted=trusted)
