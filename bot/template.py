"""Expressions and prompts: sandboxed Jinja in which an unknown name is an error and data stays data."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Sandbox(ImmutableSandboxedEnvironment):
    """Without the operators that make a short template write more than memory holds."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"the operator {operator} is not available")


_environment = _Sandbox(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    """Prompts are filled in again and again."""
    return _environment.from_string(text)


def problem(text: str, names: Iterable[str]) -> str:
    """What is wrong with a template that may use `names`; empty when nothing is."""
    return _problem(text, tuple(names))


@lru_cache(maxsize=500)
def _problem(text: str, names: tuple[str, ...]) -> str:
    try:
        used = meta.find_undeclared_variables(_environment.parse(text))
    except (TemplateError, RecursionError) as error:
        return f"not a valid template: {error}"
    unknown = sorted(used - set(names))
    return f"the template uses unknown names: {', '.join(unknown)}" if unknown else ""


def busy(text: str) -> str:
    """What is wrong with a valid template of somebody whose templates may not compute; empty when nothing is.

    It may name what there is, `{{ issue.title }}`, and no more: two loops are enough to keep a process for ever.
    """
    for part in _environment.parse(text).body:
        if not isinstance(part, nodes.Output) or not all(map(_is_plain, part.nodes)):
            return f"line {part.lineno} of the template holds more than words and names like `{{{{ issue.title }}}}`"
    return ""


def _is_plain(part: nodes.Expr) -> bool:
    return isinstance(part, nodes.TemplateData) or (
        isinstance(part, nodes.Getattr) and isinstance(part.node, nodes.Name) and part.ctx == "load"
    )


def render(text: str, names: Mapping[str, Any]) -> str:
    """`text` with its expressions replaced. Raises ValueError where that cannot be done, whatever the reason."""
    try:
        return _compiled(text).render(names)
    except Exception as error:  # an expression can raise what any Python can
        raise ValueError(f"template: {error}") from error
