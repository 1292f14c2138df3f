"""Expressions as text and as trees: what may stand in one, what it names, and where texts hold some. Pure.

Jinja reads them, and of its language only names, values and comparisons are left: nothing loops, grows or calls.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from jinja2 import Environment, TemplateError, nodes
from jinja2.parser import Parser

LONGEST = 1_000  # characters of one expression
DEEPEST, MOST_BRACKETS = 40, 20  # nodes in nodes, brackets in brackets
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
ASKED = ("contains", "startsWith", "endsWith")

_STRING = r"""(?>'(?:[^'\\]|\\.|'')*+'|"(?:[^"\\]|\\.)*+")"""
_PART = r"[A-Za-z_][A-Za-z0-9_-]*+"
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<name>{_PART}(?:\.{_PART})*+)|(?P<part>\.{_PART})|(?P<number>\d++(?:\.\d++)?)"
    r"|(?P<sign>&&|\|\||[!=<>]=|[()\[\],|!<>-])|(?P<space>\s++)|(?P<other>.)",
    re.DOTALL,
)
_BODY = re.compile(rf"(?:{_STRING}|[^'\"}}]|}}(?!}}))*+}}}}")  # from behind the braces that open an expression
_WHOLE = re.compile(r"\s*\$?\{\{(.*)\}\}\s*", re.DOTALL)
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
_WORDS = {"null": "none", "&&": " and ", "||": " or "}
_OPEN, _CLOSE = ("(", "["), (")", "]")
_environment = Environment(autoescape=False)


@dataclass(frozen=True)
class Inner:
    """An expression in a text, without its braces."""

    text: str


def bare(text: str) -> str:
    """A condition without the braces that may stand around it."""
    whole = _WHOLE.fullmatch(text)
    return (whole[1] if whole else text).strip()


def pieces(text: str) -> list[str | Inner]:
    """A text in order: its words, and its expressions. Raises ValueError where one has no end."""
    found, at = list[str | Inner](), 0
    while (start := text.find("{{", at)) >= 0:
        body = _BODY.match(text, start + 2)
        if body is None:
            raise ValueError(f"the expression `{_shown(text[start:])}` has no end: `}}}}` is missing")
        found.append(text[at : start - 1] if text[at:start].endswith("$") else text[at:start])
        found.append(Inner(text[start + 2 : body.end() - 2].strip()))
        at = body.end()
    return [*found, text[at:]]


@lru_cache(maxsize=1024)
def parsed(text: str) -> nodes.Expr:
    """The expression as a tree in which everything is allowed. Raises ValueError that names it."""
    if len(text) > LONGEST:
        raise ValueError(f"the expression `{_shown(text)}` has more than {LONGEST} characters")
    try:
        parser = Parser(_environment, _jinja(text), state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ValueError(f"`{_shown(str(parser.stream.current.value))}` is not expected")
        _allow(tree, DEEPEST)
    except TemplateError as error:
        raise cannot("is not valid", text, _said(str(error.message))) from error
    except RecursionError as error:
        raise cannot("is not valid", text, "it is nested too deeply") from error
    except ValueError as error:
        raise cannot("is not valid", text, str(error)) from error
    return tree


def _said(message: str) -> str:
    """What Jinja says, without words that only make sense in a template."""
    return "it ends too soon" if "end of " in message else message.rstrip(".")


def cannot(what: str, text: str, why: str) -> ValueError:
    """The one sentence for whatever is wrong with an expression."""
    return ValueError(f"the expression `{_shown(text)}` {what}: {why}")


def _shown(text: str) -> str:
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= 100 else f"{line[:97]}..."


def _jinja(text: str) -> str:
    """The text as Jinja has it: names may have a `-` in Actions, and `!` binds to what follows it alone."""
    tokens = [(match.lastgroup or "", match[0]) for match in _TOKEN.finditer(text)]
    if stray := next((said for kind, said in tokens if kind == "other"), ""):
        raise ValueError(f"`{_shown(stray)}` is not expected" if stray not in "'\"" else "a text in quotes has no end")
    tokens = [token for token in tokens if token[0] != "space"]
    _shallow(tokens)
    written, closing = list[str](), [0] * (len(tokens) + 1)
    for place, (kind, said) in enumerate(tokens):
        if said == "!" and kind == "sign":
            closing[_operand_end(tokens, place + 1)] += 1
        written.append(")" * closing[place] + _word(kind, said))
    return " ".join(written) + ")" * closing[-1]


def _shallow(tokens: Sequence[tuple[str, str]]) -> None:
    """Raises ValueError for brackets in brackets: a reader may not come to the end of what it can keep in mind."""
    depth = 0
    for kind, said in tokens:
        depth += kind == "sign" and (said in _OPEN) - (said in _CLOSE)
        if depth > MOST_BRACKETS:
            raise ValueError("it is nested too deeply")


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
    if at == len(tokens):
        raise ValueError("it ends too soon")
    at = _group_end(tokens, at) if tokens[at][1] in _OPEN else at + 1
    while at < len(tokens):
        kind, said = tokens[at]
        if kind == "sign" and said in _OPEN:
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
            depth += (tokens[place][1] in _OPEN) - (tokens[place][1] in _CLOSE)
        if depth == 0:
            return place + 1
    return len(tokens)


# ---- what is allowed -------------------------------------------------------------------------------------------------


def _allow(node: nodes.Expr, left: int) -> None:
    """Raises ValueError for what an expression may not hold."""
    if left == 0:
        raise ValueError("it is nested too deeply")
    match node:
        case nodes.Const(value=str()):
            if _UNSTORABLE.search(node.value):
                raise ValueError("a text holds what no database can")
        case nodes.Const(value=bool() | None) | nodes.Name():
            pass
        case nodes.Const(value=int() | float()):
            if abs(node.value) > 2**53:
                raise ValueError("a number is too large")
        case nodes.Neg(node=nodes.Const(value=int() | float())):
            pass
        case nodes.Call(node=nodes.Name(name=name)) if name in (*STATUS, *ASKED):
            _count(f"{name}()", node, *((0, 0) if name in STATUS else (2, 2)))
        case nodes.Filter(name=name) if name in FILTERS and node.node is not None:
            _count(f"the filter `{name}`", node, *FILTERS[name])
        case nodes.And() | nodes.Or() | nodes.Not() | nodes.Compare() | nodes.Getitem() | nodes.List():
            pass
        case nodes.Filter():
            raise ValueError(f"there is no filter `{node.name}`{meant(node.name, [*FILTERS])}")
        case nodes.Call(node=nodes.Name(name=name)):
            raise ValueError(f"there is no function `{name}()`{meant(name, [*STATUS, *ASKED])}")
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


def meant(word: str, known: Sequence[str]) -> str:
    """What was meant perhaps, as the end of a sentence."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def calls(tree: nodes.Expr) -> set[str]:
    """The functions that a tree calls."""
    name = {tree.node.name} if isinstance(tree, nodes.Call) and isinstance(tree.node, nodes.Name) else set[str]()
    return name.union(*(calls(child) for child in _below(tree)))


def paths(tree: nodes.Expr) -> Iterator[tuple[str, ...]]:
    """The names in a tree, each as far as it is written out; what stands in brackets has names of its own."""
    found = path(tree)
    if not found:
        for child in _below(tree):
            yield from paths(child)
        return
    yield found
    while isinstance(tree, nodes.Getitem):
        yield from paths(tree.arg)
        tree = tree.node


def path(tree: nodes.Expr) -> tuple[str, ...]:
    """`a.b.c` as far as it is plain; empty for what is no name."""
    steps = list[nodes.Expr]()
    while isinstance(tree, nodes.Getitem):
        steps.append(tree.arg)
        tree = tree.node
    if not isinstance(tree, nodes.Name):
        return ()
    found = [tree.name]
    for step in reversed(steps):
        if not isinstance(step, nodes.Const) or not isinstance(step.value, str) or "." in step.value:
            break
        found.append(step.value)
    return tuple(found)
