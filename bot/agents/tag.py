"""HTML's tags where they matter to what is seen: which exist, hide or break lines, and how they are read. Pure."""

import re

from markdown_it.common.html_blocks import block_names


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


VOID = _names("area base br col embed hr img input link meta param source track wbr")
LITERAL = _names("script style textarea title xmp iframe noembed noframes")  # holds no tags but its own end
BREAKING = frozenset(block_names) | {"br", "hr", "pre"}
HIDING = _names("script style template noscript iframe object video audio canvas datalist noembed noframes dialog rp")
KNOWN = BREAKING | HIDING | VOID | LITERAL
KNOWN |= _names("a abbr acronym b bdi bdo big button cite code data del dfn em font i ins kbd label map mark meter")
KNOWN |= _names("option output picture progress q rt ruby s samp select small span strike strong sub sup svg path time")
KNOWN |= _names("tt u var")
QUIET = _names(
    "href src srcset width height align valign open colspan rowspan start type checked disabled media border"
)
QUIET |= _names("dir lang class id rel target name cite datetime value cellpadding cellspacing")

STRICT_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)"
    r"""(?P<attributes>(?:\s+[A-Za-z_:][\w.:-]*+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?)*+)\s*/?>"""
)
LOOSE_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*)"
    r"""(?P<attributes>(?:[\s/]|[^\s/>][^\s/>=]*+(?:(?!\s*=)|\s*=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+|(?=>))))*+)>"""
)
MAY_HIDE = re.compile(rf"<(?:{'|'.join(HIDING)})\b|\bhidden\b|\bstyle\b", re.I)
_ATTRIBUTE = re.compile(r"""([^\s/>=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]+))?""")
_UNSHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|(?:opacity|font-size|height|width)\s*:\s*0", re.I)


def attributes(words: str) -> dict[str, str]:
    return {found[1].lower(): (found[2] or "").strip("\"'") for found in _ATTRIBUTE.finditer(words)}


def unshown(attributes: dict[str, str]) -> bool:
    return "hidden" in attributes or bool(_UNSHOWN.search(attributes.get("style", "")))
