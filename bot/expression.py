"""Conditions and values of the workflow language: what an expression means, given what its names stand for. Pure.

Nothing of Python is reached by one: Jinja reads the text, and this module alone says what each node of the tree means.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from bot import syntax
from bot.verbatim import code

WIDEST = 100_000  # characters of a text that comes of an expression
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "lt": lambda one, other: one < other,
    "lteq": lambda one, other: one <= other,
    "gt": lambda one, other: one > other,
    "gteq": lambda one, other: one >= other,
    "in": lambda one, other: one in other,
    "notin": lambda one, other: one not in other,
}

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Status:
    """What became of the jobs that a job needs: whether one of them failed, was cancelled, was skipped.

    `behind`: one failed before those.
    """

    failed: bool = False
    cancelled: bool = False
    skipped: bool = False
    behind: bool = False

    def tell(self, function: str) -> bool:
        """What one of `syntax.STATUS` says."""
        answers = {"failure": self.failed or self.behind, "cancelled": self.cancelled, "always": True}
        return answers.get(function, not (self.failed or self.cancelled or self.skipped))


class MissingError(ValueError):
    """There is no such value; `default` has one for it."""


class WideError(ValueError):
    """A text is too long."""


def condition(text: str, names: Names, status: Status) -> bool:
    """Whether an `if:` holds. One that asks for no status holds only where `success()` does; so does an empty one.

    Raises ValueError, with one sentence that names the expression, where it cannot be told.
    """
    if not text.strip():
        return status.tell("success")
    return (asks_for_status(text) or status.tell("success")) and _told(syntax.bare(text), names, status, _holds)


def asks_for_status(text: str) -> bool:
    """Whether an `if:` says itself what the jobs before must have come to. Raises ValueError where it is none."""
    return bool(text.strip()) and not syntax.calls(syntax.parsed(syntax.bare(text))).isdisjoint(syntax.STATUS)


def value(text: str, names: Names) -> Any:
    """The value of a text that is one whole `{{ expression }}`; of any other the text with its expressions filled in.

    Lists and maps stand in a text as JSON, null as nothing. Raises ValueError as `condition` does.
    """
    pieces = syntax.pieces(text)
    inner = [piece for piece in pieces if not isinstance(piece, str)]
    if len(inner) == 1 and not "".join(piece for piece in pieces if isinstance(piece, str)).strip():
        return _told(inner[0].text, names, None)
    found, length = list[str](), 0
    for piece in pieces:
        found.append(piece if isinstance(piece, str) else _written(_told(piece.text, names, None)))
        length += len(found[-1])
        _few(length, WIDEST)
    return "".join(found)


def text(words: str, names: Names, most: int = WIDEST) -> str:
    """A text of at most `most` characters with its expressions filled in, also where it is one whole expression.

    Raises ValueError as `condition` does, and WideError where it is longer.
    """
    found = _written(value(words, names))
    _few(len(found), most)
    return found


def condition_problem(text: str, roots: Sequence[str]) -> str:
    """What is wrong with an `if:` that may name `roots` and what they hold; empty when nothing is."""
    return _problem([syntax.bare(text)] if text.strip() else [], roots, syntax.STATUS)


def value_problem(text: str, roots: Sequence[str]) -> str:
    """What is wrong with a text whose expressions may name `roots` and what they hold; empty when nothing is."""
    try:
        return _problem([piece.text for piece in syntax.pieces(text) if not isinstance(piece, str)], roots, ())
    except ValueError as wrong:
        return str(wrong)


def names_in(text: str) -> set[str]:
    """The names that a condition or value uses, as far as they are written: `needs.plan.outputs.parts`.

    Those of an expression that is none are left out: `condition_problem` and `value_problem` tell of it.
    """
    found = set[str]()
    try:
        texts = [piece.text for piece in syntax.pieces(text) if not isinstance(piece, str)] or [syntax.bare(text)]
        for one in texts:
            found |= {".".join(path) for path in syntax.paths(syntax.parsed(one))}
    except ValueError:
        pass
    return found


def _problem(texts: Sequence[str], roots: Sequence[str], status: Sequence[str]) -> str:
    for text in texts:
        try:
            tree = syntax.parsed(text)
        except ValueError as wrong:
            return str(wrong)
        if alien := sorted(syntax.calls(tree) & {*syntax.STATUS} - {*status}):
            return str(syntax.cannot("is not valid", text, f"`{alien[0]}()` belongs in `if`"))
        for root in sorted({path[0] for path in syntax.paths(tree)} - {*roots}):
            return str(syntax.cannot("is not valid", text, f"there is no name `{root}`{syntax.meant(root, roots)}"))
    return ""


# ---- what it means ---------------------------------------------------------------------------------------------------


def _told(text: str, names: Names, status: Status | None, read: Callable[[Any], Any] = lambda found: found) -> Any:
    tree = syntax.parsed(text)
    try:
        return read(_of(tree, names, status))
    except (ValueError, TypeError, RecursionError) as error:
        why = "these cannot be compared" if isinstance(error, TypeError) else str(error)
        raise syntax.cannot("cannot be told", text, why) from error


def _of(node: nodes.Expr, names: Names, status: Status | None) -> Any:
    match node:
        case nodes.Const():
            return node.value
        case nodes.Neg(node=nodes.Const() as number):
            return -number.value
        case nodes.List():
            return [_of(item, names, status) for item in node.items]
        case nodes.Name():
            return _item(names, node.name, node)
        case nodes.Getitem():
            return _item(_of(node.node, names, status), _of(node.arg, names, status), node)
        case nodes.And():
            return _of(node.right, names, status) if _holds(left := _of(node.left, names, status)) else left
        case nodes.Or():
            return left if _holds(left := _of(node.left, names, status)) else _of(node.right, names, status)
        case nodes.Not():
            return not _holds(_of(node.node, names, status))
        case nodes.Compare():
            return _compared(node, names, status)
        case nodes.Filter(node=nodes.Expr() as operand):
            return _filtered(node, operand, names, status)
        case nodes.Call(node=nodes.Name(name=name)):
            return _called(name, [_of(arg, names, status) for arg in node.args], status)
    raise ValueError("it holds more than names, values and comparisons")


def _holds(found: Any) -> bool:
    """Whether a value counts as true. Of a list nobody can tell: what several jobs said is one."""
    if isinstance(found, list | tuple | Mapping):
        raise ValueError(f"{_kind(found)} is neither true nor false: ask for its `length`, or for one of its values")
    return bool(found)


def _item(whole: Any, key: Any, node: nodes.Expr) -> Any:
    if isinstance(whole, Mapping):
        if isinstance(key, str | int | float | bool | None) and key in whole:
            return whole[key]
    elif isinstance(whole, list | tuple) and type(key) is int and -len(whole) <= key < len(whole):
        return whole[key]
    raise MissingError(f"there is no {code('.'.join(syntax.path(node)) or str(key), 100) or 'value of no name'}")


def _compared(node: nodes.Compare, names: Names, status: Status | None) -> bool:
    one = _of(node.expr, names, status)
    for operand in node.ops:
        other = _of(operand.expr, names, status)
        if not _COMPARED[operand.op](one, other):
            return False
        one = other
    return True


def _filtered(node: nodes.Filter, operand: nodes.Expr, names: Names, status: Status | None) -> Any:
    given = [_of(arg, names, status) for arg in node.args]
    if node.name == "default":
        try:
            found = _of(operand, names, status)
        except MissingError:
            return given[0]
        return given[0] if found is None else found
    found = _of(operand, names, status)
    match node.name, found:
        case "length", str() | list() | tuple() | Mapping():
            return len(found)
        case (("lower" | "upper"), str()):
            return found.lower() if node.name == "lower" else found.upper()
        case (("first" | "last"), list() | tuple()):
            if not found:
                raise MissingError(f"there is no {node.name} one of none")
            return found[0 if node.name == "first" else -1]
        case "join", list() | tuple():
            return _joined([_written(item) for item in found], _written(given[0]) if given else "")
    raise ValueError(f"the filter `{node.name}` is not for {_kind(found)}")


def _joined(words: Sequence[str], between: str) -> str:
    _few(sum(map(len, words)) + len(between) * len(words), WIDEST)
    return between.join(words)


def _called(name: str, given: Sequence[Any], status: Status | None) -> bool:
    """The functions of Actions: capital letters do not count, as there."""
    if name in syntax.STATUS:
        if status is None:
            raise ValueError(f"`{name}()` belongs in `if`")
        return status.tell(name)
    whole, part = given
    if name == "contains" and isinstance(whole, list | tuple):
        return any(_folded(item) == _folded(part) for item in whole)
    one, other = _written(whole).casefold(), _written(part).casefold()
    if name == "contains":
        return other in one
    return one.startswith(other) if name == "startsWith" else one.endswith(other)


def _folded(item: Any) -> Any:
    return item.casefold() if isinstance(item, str) else item


def _kind(found: Any) -> str:
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a map"}
    return kinds.get(type(found), "null" if found is None else "this")


def _written(found: Any) -> str:
    """A value as it stands in a text."""
    if isinstance(found, str):
        return found
    if found is None:
        return ""
    words = json.dumps(found, ensure_ascii=False)
    _few(len(words), WIDEST)
    return words


def _few(characters: int, most: int) -> None:
    if characters > most:
        raise WideError(f"a text has more than {most} characters")
