"""A file's name as it can be said: in one line, with nothing in it that is not seen or cannot be stored. Pure."""

import re

LONGEST = 200  # characters in a sentence


def shown(path: str) -> str:
    r"""The name, a line feed in it as `\n`, a byte that is no text as `\udcff`, what nobody sees as `\u200b`."""
    if path.isprintable():
        return path
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)


def code(path: str) -> str:
    """The name as a code span that nothing in it can end."""
    name = shown(path)
    name = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    ticks = "`" * (max((len(run) for run in re.findall("`+", name)), default=0) + 1)
    pad = " " if name[:1] + name[-1:] != (name[:1] + name[-1:]).strip(" `") else ""
    return f"{ticks}{pad}{name}{pad}{ticks}"
