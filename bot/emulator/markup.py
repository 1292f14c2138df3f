"""Makes HTML of what people and bots wrote, Markdown as GitHub shows it; nothing of it can run."""

import re
from collections.abc import MutableMapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

ALLOWED = "details|summary|br|sub|sup|kbd|b|i|em|strong|code"
PIECE = re.compile(rf"(?P<comment><!--.*?(?:-->|\Z))|</?(?P<tag>{ALLOWED})(?=[\s/>])(?P<more>[^>]*)>", re.S | re.I)
REFERENCE = re.compile(r"(?<![\w&/])(?:#(?P<number>\d+)|@(?P<login>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?))\b")
TASK = re.compile(r"<li>(\s*<p>)?\[([ xX])\] ")


def clean(html: str, opened: list[str]) -> str:
    """Keeps plain tags without their attributes (only `open` stays), drops comments, shows the rest as text.

    `opened` is the tags that still want closing; a closing tag without its opening is dropped.
    """
    made, at = [], 0
    for piece in PIECE.finditer(html):
        made.append(escape(html[at : piece.start()], quote=False))
        at = piece.end()
        if piece["tag"]:
            made.append(_tag(piece, opened))
    return "".join([*made, escape(html[at:], quote=False)])


def _tag(piece: re.Match[str], opened: list[str]) -> str:
    name = piece["tag"].lower()
    if name == "br":
        return "<br>"
    if not piece[0].startswith("</"):
        opened.append(name)
        return f"<{name} open>" if piece["more"].strip().lower() == "open" else f"<{name}>"
    if opened[-1:] != [name]:
        return ""
    opened.pop()
    return f"</{name}>"


def _raw(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    return clean(tokens[index].content, env["opened"])


def _text(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    """Text, with #12 and @somebody as links."""

    def link(match: re.Match[str]) -> str:
        if match["login"]:
            return f'<a class="mention" href="/{match["login"]}">{match[0]}</a>'
        return f'<a href="{escape(env["repo"])}/issues/{match["number"]}">{match[0]}</a>'

    return REFERENCE.sub(link, escape(tokens[index].content, quote=False))


def _fence(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: MutableMapping[str, Any]) -> str:
    """A suggestion as what it would change, where it is known what it replaces; other code as it is."""
    token, replaced = tokens[index], env["replaced"]
    if replaced is None or token.info.strip() != "suggestion":
        return self.fence(tokens, index, options, env)
    new = token.content.removesuffix("\n").split("\n") if token.content else []
    rows = [_row("del", "-", each) for each in replaced] + [_row("add", "+", each) for each in new]
    head = '<div class="suggestion"><div class="suggestion-head">Suggested change</div>'
    return f'{head}<div class="scroll"><table class="diff">{"".join(rows)}</table></div></div>\n'


def _row(kind: str, sign: str, text: str) -> str:
    return f'<tr class="{kind}"><td class="no">{sign}</td><td class="code">{escape(text, quote=False)}</td></tr>'


MARKDOWN = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable(["table", "strikethrough"])
MARKDOWN.add_render_rule("html_block", _raw)
MARKDOWN.add_render_rule("html_inline", _raw)
MARKDOWN.add_render_rule("text", _text)
MARKDOWN.add_render_rule("fence", _fence)


def markdown(text: str | None, repo: str = "", replaced: Sequence[str] | None = None) -> Markup:
    """HTML of it; `repo` is the page that references to issues lead to, `replaced` the lines a suggestion is for."""
    opened: list[str] = []
    html = MARKDOWN.render(text or "", {"repo": repo, "opened": opened, "replaced": replaced})
    html += "".join(f"</{name}>" for name in reversed(opened))
    box = r'<li class="task">\1<input type="checkbox" disabled{}> '
    html = TASK.sub(lambda m: m.expand(box.format(" checked" if m[2] in "xX" else "")), html)
    # Everything in it went through clean or escape.
    return Markup(html)
