"""Expressions and prompts: sandboxed Jinja in which an unknown name is an error and data stays data."""

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta
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


def problem(text: str, names: Iterable[str]) -> str:
    """What is wrong with a template that may use `names`; empty when nothing is."""
    try:
        used = meta.find_undeclared_variables(_environment.parse(text))
    except TemplateError as error:
        return f"not a valid template: {error}"
    unknown = sorted(used - set(names))
    return f"the template uses unknown names: {', '.join(unknown)}" if unknown else ""


def render(text: str, names: Mapping[str, Any]) -> str:
    """`text` with its expressions replaced. Raises ValueError where that cannot be done, whatever the reason."""
    try:
        return _environment.from_string(text).render(names)
    except Exception as error:  # an expression can raise what any Python can
        raise ValueError(f"template: {error}") from error
