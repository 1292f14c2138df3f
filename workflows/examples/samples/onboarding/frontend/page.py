"""The pages."""

from collections.abc import Callable
from html import escape

Ask = Callable[[str], dict[str, object]]


def hello(ask: Ask) -> str:
    return f"<h1>{escape(str(ask('GET /hello')['greeting']))}</h1>"


PAGES: dict[str, Callable[[Ask], str]] = {"/hello": hello}
