"""Conditions and values of the workflow language: Jinja's expressions, of which only names and comparisons are left. Pure.

Whoever writes them may not compute here: there is nothing that loops, grows or calls, and nothing of Python is reached,
for Jinja only reads the text and this module alone says what each node of it means.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jinja2 import Environment, TemplateError, nodes
from jinja2.parser import Parser

LONGEST = 1_000  # characters of one expression
WIDEST = 100_000  # characters of a text that comes of one
DEEPEST = 40  # nodes in nodes
STATUS = ("success", "failure", "always", "cancelled")
FILTERS: Mapping[str, tuple[int, int]] = {  # how many values each may be given
    "length": (0, 0),
    "lower": (0, 0),
    "upper": (0, 0),
    "first": (0, 0),
    "last": (0, 0),
    "default": (1, 1),
    "join": (0, 1),
}
_ASKED = ("contains", "startsWith", "endsWith")

_STRING = r"""(?>'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.)*+")"""
_PART = r"[A-Za-z_][A-Za-z0-9_-]*+"
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<name>{_PART}(?:\.{_PART})*+)|(?P<part>\.{_PART})|(?P<number>\d++(?:\.\d++)?)"
    r"|(?P<sign>&&|\|\||[!=<>]=|[()\[\],|!<>-])|(?P<space>\s++)|(?P<other>.)",
    re.DOTALL,
)
_BODY = re.compile(rf"(?:{_STRING}|[^'\"}}]|}}(?!}}))*+}}}}")  # from behind the braces that open an expression
_WHOLE = re.compile(r"\s*\$?\{\{(.*)\}\}\s*", re.DOTALL)
_WORDS = {"null": "none", "&&": " and ", "||": " or "}
_CLOSE = {"(": ")", "[": "]"}
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
_environment = Environment(autoescape=False)  # noqa: S701 - it only reads expressions, and writes nothing

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Status:
    """What became of the jobs that a job needs: whether one of them failed, was cancelled, was skipped."""

    failed: bool = False
    cancelled: bool = False
    skipped: bool = False

    def tell(self, function: str) -> bool:
        """What one of `STATUS` says."""
        answers = {"failure": self.failed, "cancelled": self.cancelled, "always": True}
        return answers.get(function, not (self.failed or self.cancelled or self.skipped))


class _Missing(ValueError):
    """There is no such value; `default` has one for it."""


def condition(text: str, names: Names, status: Status) -> bool:
    """Whether an `if:` holds. One that asks for no status holds only where `success()` does; so does an empty one.

    Raises ValueError, with one sentence that names the expression, where it cannot be told.
    """
    if not text.strip():
        return status.tell("success")
    text = _bare(text)
    with_status = not _calls(_parsed(text)).isdisjoint(STATUS)
    return (with_status or status.tell("success")) and bool(_told(text, names, status))


def value(text: str, names: Names) -> Any:
    """The value of a text that is one whole `{{ expression }}`; of any other the text with its expressions filled in.

    Lists and maps stand in a text as JSON, null as nothing. Raises ValueError as `condition` does.
    """
    pieces = _pieces(text)
    inner = [piece for piece in pieces if not isinstance(piece, str)]
    if len(inner) == 1 and not "".join(piece for piece in pieces if isinstance(piece, str)).strip():
        return _told(inner[0].text, names, None)
    return _short("".join(p if isinstance(p, str) else _written(_told(p.text, names, None)) for p in pieces))


def condition_problem(text: str, roots: Sequence[str]) -> str:
    """What is wrong with an `if:` that may name `roots` and what they hold; empty when nothing is."""
    return _problem([_bare(text)] if text.strip() else [], roots, STATUS)


def value_problem(text: str, roots: Sequence[str]) -> str:
    """What is wrong with a text whose expressions may name `roots` and what they hold; empty when nothing is."""
    try:
        return _problem([piece.text for piece in _pieces(text) if not isinstance(piece, str)], roots, ())
    except ValueError as wrong:
        return str(wrong)


def names_in(text: str) -> set[str]:
    """The names that a condition or value uses, as far as they are written: `needs.plan.outputs.parts`.

    Those of an expression that is none are left out: `condition_problem` and `value_problem` tell of it.
    """
    found = set[str]()
    try:
        texts = [piece.text for piece in _pieces(text) if not isinstance(piece, str)] or [_bare(text)]
        for one in texts:
            found |= {".".join(path) for path in _paths(_parsed(one))}
    except ValueError:
        pass
    return found


# ---- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Inner:
    """An expression in a text, without its braces."""

    text: str


def _bare(text: str) -> str:
    """A condition without the braces that may stand around it."""
    whole = _WHOLE.fullmatch(text)
    return (whole[1] if whole else text).strip()


def _pieces(text: str) -> list[str | _Inner]:
    """A text in order: its words, and its expressions. Raises ValueError where one has no end."""
    found, at = list[str | _Inner](), 0
    while (start := text.find("{{", at)) >= 0:
        body = _BODY.match(text, start + 2)
        if body is None:
            raise ValueError(f"the expression `{_shown(text[start:])}` has no end: `}}}}` is missing")
        found.append(text[at : start - 1] if text[at:start].endswith("$") else text[at:start])
        found.append(_Inner(text[start + 2 : body.end() - 2].strip()))
        at = body.end()
    return [*found, text[at:]]


@lru_cache(maxsize=1024)
def _parsed(text: str) -> nodes.Expr:
    """The expression as a tree in which everything is allowed. Raises ValueError that names it."""
    if len(text) > LONGEST:
        raise ValueError(f"the expression `{_shown(text)}` has more than {LONGEST} characters")
    try:
        parser = Parser(_environment, _jinja(text), state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ValueError(f"`{parser.stream.current.value}` is not expected")
        _allow(tree, DEEPEST)
    except TemplateError as error:
        raise _cannot("is none", text, str(error.message).rstrip(".")) from error
    except RecursionError as error:
        raise _cannot("is none", text, "it is nested too deeply") from error
    except ValueError as error:
        raise _cannot("is none", text, str(error)) from error
    return tree


def _cannot(what: str, text: str, why: str) -> ValueError:
    return ValueError(f"the expression `{_shown(text)}` {what}: {why}")


def _shown(text: str) -> str:
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= 100 else f"{line[:97]}..."


def _jinja(text: str) -> str:
    """The text as Jinja has it: names may have a `-` in Actions, and `!` binds to what follows it alone."""
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)]
    if stray := next((said for kind, said in tokens if kind == "other"), ""):
        raise ValueError(f"`{stray}` is not expected" if stray not in "'\"" else "a text in quotes has no end")
    tokens = [token for token in tokens if token[0] != "space"]
    written, closing = list[str](), [0] * (len(tokens) + 1)
    for place, (kind, said) in enumerate(tokens):
        if said == "!" and kind == "sign":
            closing[_operand_end(tokens, place + 1)] += 1
        written.append(")" * closing[place] + _word(kind, said))
    return " ".join(written) + ")" * closing[-1]


def _word(kind: str, said: str) -> str:
    if kind == "sign":
        return "(not" if said == "!" else _WORDS.get(said, said)
    if kind == "string" and said.startswith("'"):
        return "'" + re.sub(r"''|\\.", lambda found: "\\'" if found[0] == "''" else found[0], said[1:-1]) + "'"
    if kind not in ("name", "part"):
        return said
    root, *parts = said.split(".")
    if "-" in root:
        raise ValueError(f"there is no name `{root}`")
    return (_WORDS.get(root, root) if not parts else root) + "".join(f"['{part}']" for part in parts)


def _operand_end(tokens: Sequence[tuple[str, str]], at: int) -> int:
    """Where what a `!` belongs to ends: a name, a call or a group, and the filters after it."""
    while at < len(tokens) and tokens[at] == ("sign", "!"):
        at += 1
    at = _group_end(tokens, at) if at < len(tokens) and tokens[at][1] in _CLOSE else at + 1
    while at < len(tokens):
        kind, said = tokens[at]
        if kind == "sign" and said in _CLOSE:
            at = _group_end(tokens, at)
        elif kind == "part":
            at += 1
        elif (kind, said) == ("sign", "|"):
            at += 2
        else:
            break
    return min(at, len(tokens))


def _group_end(tokens: Sequence[tuple[str, str]], at: int) -> int:
    depth = 0
    for place in range(at, len(tokens)):
        if tokens[place][0] == "sign":
            depth += (tokens[place][1] in "([") - (tokens[place][1] in ")]")
        if depth == 0:
            return place + 1
    return len(tokens)


# ---- what is allowed -------------------------------------------------------------------------------------------------


def _allow(node: nodes.Expr, left: int) -> None:
    """Raises ValueError for what an expression may not hold."""
    if left == 0:
        raise ValueError("it is nested too deeply")
    match node:
        case nodes.Const(value=bool() | None | str()) | nodes.Name():
            pass
        case nodes.Const(value=int() | float()):
            if abs(node.value) > 2**53:
                raise ValueError("a number is too large")
        case nodes.Neg(node=nodes.Const(value=int() | float())):
            pass
        case nodes.Call(node=nodes.Name(name=name)) if name in (*STATUS, *_ASKED):
            _count(f"{name}()", node, *((0, 0) if name in STATUS else (2, 2)))
        case nodes.Filter(name=name) if name in FILTERS and node.node is not None:
            _count(f"the filter `{name}`", node, *FILTERS[name])
        case nodes.And() | nodes.Or() | nodes.Not() | nodes.Compare() | nodes.Getitem() | nodes.List():
            pass
        case nodes.Filter():
            raise ValueError(f"there is no filter `{node.name}`{_meant(node.name, [*FILTERS])}")
        case nodes.Call(node=nodes.Name(name=name)):
            raise ValueError(f"there is no function `{name}()`{_meant(name, [*STATUS, *_ASKED])}")
        case _:
            raise ValueError("it holds more than names, values and comparisons")
    for child in _below(node):
        _allow(child, left - 1)


def _count(what: str, node: nodes.Call | nodes.Filter, least: int, most: int) -> None:
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not least <= len(node.args) <= most:
        raise ValueError(f"{what} takes {most or 'no'} value{'s' if most != 1 else ''}, one after the other")


def _below(node: nodes.Expr) -> Iterator[nodes.Expr]:
    """What an expression is made of; a function's name is no part."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Operand):
            yield child.expr
        elif isinstance(child, nodes.Expr) and not (isinstance(node, nodes.Call) and child is node.node):
            yield child


def _problem(texts: Sequence[str], roots: Sequence[str], status: Sequence[str]) -> str:
    for text in texts:
        try:
            tree = _parsed(text)
        except ValueError as wrong:
            return str(wrong)
        if alien := sorted(_calls(tree) & {*STATUS} - {*status}):
            return str(_cannot("is none", text, f"`{alien[0]}()` belongs into `if`"))
        for root in sorted({path[0] for path in _paths(tree)} - {*roots}):
            return str(_cannot("is none", text, f"there is no name `{root}`{_meant(root, roots)}"))
    return ""


def _meant(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def _calls(tree: nodes.Expr) -> set[str]:
    name = {tree.node.name} if isinstance(tree, nodes.Call) and isinstance(tree.node, nodes.Name) else set[str]()
    return name.union(*(_calls(child) for child in _below(tree)))


def _paths(tree: nodes.Expr) -> Iterator[tuple[str, ...]]:
    """The names in a tree, each as far as it is written out; what stands in brackets is one of its own."""
    path = _path(tree)
    if path:
        yield path
    inner = tree
    while path and isinstance(inner, nodes.Getitem):
        if not isinstance(inner.arg, nodes.Const):
            yield from _paths(inner.arg)
        inner = inner.node
    if not path:
        for child in _below(tree):
            yield from _paths(child)


def _path(tree: nodes.Expr) -> tuple[str, ...]:
    """`a.b.c` as far as it is plain; empty for what is no name."""
    steps = list[nodes.Expr]()
    while isinstance(tree, nodes.Getitem):
        steps.append(tree.arg)
        tree = tree.node
    if not isinstance(tree, nodes.Name):
        return ()
    path = [tree.name]
    for step in reversed(steps):
        if not isinstance(step, nodes.Const) or not isinstance(step.value, str) or "." in step.value:
            break
        path.append(step.value)
    return tuple(path)


# ---- what it means ---------------------------------------------------------------------------------------------------


def _told(text: str, names: Names, status: Status | None) -> Any:
    tree = _parsed(text)
    try:
        return _of(tree, names, status)
    except (ValueError, TypeError, RecursionError) as error:
        why = "these cannot be compared" if isinstance(error, TypeError) else str(error)
        raise _cannot("cannot be told", text, why) from error


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
            return _of(node.left, names, status) and _of(node.right, names, status)
        case nodes.Or():
            return _of(node.left, names, status) or _of(node.right, names, status)
        case nodes.Not():
            return not _of(node.node, names, status)
        case nodes.Compare():
            return _compared(node, names, status)
        case nodes.Filter(node=nodes.Expr() as operand):
            return _filtered(node, operand, names, status)
        case nodes.Call(node=nodes.Name(name=name)):
            return _called(name, [_of(arg, names, status) for arg in node.args], status)
    raise ValueError("it holds more than names, values and comparisons")


def _item(whole: Any, key: Any, node: nodes.Expr) -> Any:
    if isinstance(whole, Mapping):
        if isinstance(key, str | int | float | bool | None) and key in whole:
            return whole[key]
    elif isinstance(whole, list | tuple) and isinstance(key, int) and not isinstance(key, bool):
        if -len(whole) <= key < len(whole):
            return whole[key]
    raise _Missing(f"there is no `{'.'.join(_path(node)) or key}`")


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
        except _Missing:
            return given[0]
        return given[0] if found is None else found
    found = _of(operand, names, status)
    match node.name, found:
        case "length", str() | list() | tuple() | Mapping():
            return len(found)
        case (("lower" | "upper"), str()):
            return found.lower() if node.name == "lower" else found.upper()
        case (("first" | "last"), str() | list() | tuple()):
            if not found:
                raise _Missing(f"there is no {node.name} one of none")
            return found[0 if node.name == "first" else -1]
        case "join", list() | tuple():
            return _joined([_written(item) for item in found], _written(given[0]) if given else "")
    raise ValueError(f"the filter `{node.name}` is not for {_kind(found)}")


def _joined(words: Sequence[str], between: str) -> str:
    if sum(map(len, words)) + len(between) * len(words) > WIDEST:
        raise ValueError(f"a text has more than {WIDEST} characters")
    return between.join(words)


def _called(name: str, given: Sequence[Any], status: Status | None) -> bool:
    """The functions of Actions: capital letters do not count, as there."""
    if name in STATUS:
        if status is None:
            raise ValueError(f"`{name}()` belongs into `if`")
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
    return "" if found is None else _short(json.dumps(found, ensure_ascii=False))


def _short(text: str) -> str:
    if len(text) > WIDEST:
        raise ValueError(f"a text has more than {WIDEST} characters")
    return text
