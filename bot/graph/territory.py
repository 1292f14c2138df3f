"""What lies inside of what somebody owns: the parts that a file gives away, and those that an agent names. Pure."""

import re
from collections.abc import Iterator, Sequence

from bot.graph.ownership import literal
from bot.review import glob

_LONGEST = 300  # characters of a path that an agent names
_ANY = "zq"  # a name that no glob means: what fits it fits any
_WILD = re.compile(r"(\*+)|\?|\[[^]]*\]")


def outside(globs: Sequence[str], of: Sequence[str]) -> str:
    """The first of the globs that reaches out of `of`; empty where none does, or where `of` is everything.

    What one can tell from examples: a glob is taken for a part where everything it may mean fits. ValueError for no
    glob.
    """
    if not of:
        return ""
    fits = glob.matcher(of)
    own = (one for one in globs if not one.startswith("!") and one not in of)
    return next((one for one in own if not all(map(fits, _examples(one)))), "")


def within(globs: Sequence[str], of: Sequence[str]) -> tuple[str, ...]:
    """The globs without what `of` takes back with `!`; without any they are `of`."""
    taken = (one for one in of if one.startswith("!") and one not in globs)
    return (*globs, *taken) if globs else tuple(of)


def _examples(one: str) -> Iterator[str]:
    """Paths that fit a glob: with nothing, a name, and names in names in place of its stars."""
    words = one.strip("/")
    anchored = "/" in one.rstrip("/")
    for deep in ("", _ANY, f"{_ANY}/{_ANY}"):
        path = _WILD.sub(lambda found, deep=deep: deep if len(found[1] or "") > 1 else _ANY, words)  # type: ignore[misc]
        path = re.sub("/+", "/", path).strip("/") or _ANY
        for above in ("",) if anchored else ("", f"{_ANY}/"):
            yield f"{above}{path}/{_ANY}/{_ANY}"
            if not one.endswith(("/", "/**")):
                yield f"{above}{path}"


def claimed(path: str, of: Sequence[str]) -> tuple[str, ...]:
    """The globs of a file or folder that an agent names, which means itself and nothing else.

    Raises ValueError, in words for the agent, where it is none or does not lie in `of`.
    """
    words = path.strip().removesuffix("/**").removesuffix("/*").strip("/")
    parts = words.split("/")
    if not words or {"", ".", "..", ".git"} & set(parts) or not words.isprintable() or len(words) > _LONGEST:
        raise ValueError(f"`{path[:80]}` is no path of a file or folder in the repository")
    if "*" in words or "?" in words:
        raise ValueError(f"`{path[:80]}` is a pattern: name files and folders")
    exact = f"/{literal(words)}"
    if not of:
        return (exact,)
    fits = glob.matcher(of)
    if fits(words):
        return (exact,)
    if not fits(f"{words}/{_ANY}/{_ANY}"):
        raise ValueError(f"`{words}` is not yours to give: you own {', '.join(of[:10])}")
    return (f"{exact}/",)
