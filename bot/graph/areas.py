"""The layers and services that a repository falls into: parts that agents can work on side by side. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.graph.ownership import literal
from bot.review.glob import matcher

LAYERS: tuple[str, ...] = ("frontend", "backend", "web", "api", "server", "client", "docs", "infra")
SERVICES: tuple[str, ...] = ("services/*", "packages/*", "apps/*")
_WILD = frozenset("*?[!\\")


@dataclass(frozen=True)
class Area:
    """`owns` are globs as in a `.gitignore`; `folders` those of its folders of which one knows, for their rules."""

    name: str
    owns: tuple[str, ...]
    folders: tuple[str, ...]


def layers(paths: Iterable[str], named: Mapping[str, Sequence[str]]) -> list[Area]:
    """Those that are named, by their globs; where none is, the folders at the top that have a usual name."""
    if named:
        return [Area(name, tuple(globs), tuple(_folders(globs))) for name, globs in named.items()]
    there = {path.partition("/")[0] for path in paths if "/" in path}
    return [Area(name, (f"/{name}/",), (name,)) for name in LAYERS if name in there]


def services(paths: Iterable[str], globs: Sequence[str] = ()) -> list[Area]:
    """The folders that fit the globs, or the usual ones; of those in one another the outermost.

    A service is called as its folder is, where two folders are called alike by its whole path.
    """
    fits = matcher([glob.rstrip("/") for glob in globs or SERVICES])
    known: dict[str, bool] = {}

    def found(folder: str) -> bool:
        if folder not in known:
            known[folder] = fits(folder)
        return known[folder]

    tops = (next((one for one in _above(path) if found(one)), "") for path in paths)
    folders = sorted({top for top in tops if top and top.isprintable() and "{{" not in top})
    often = Counter(PurePosixPath(folder).name for folder in folders)
    return [Area(_name(folder, often), (f"/{literal(folder)}/",), (folder,)) for folder in folders]


def _name(folder: str, often: Mapping[str, int]) -> str:
    last = PurePosixPath(folder).name
    return last if often[last] == 1 else folder.replace("/", "-")


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in, the outermost first."""
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _folders(globs: Sequence[str]) -> Iterator[str]:
    """The folders that globs name as they are: `/src/server/` and `src/server/**` are `src/server`."""
    for glob in globs:
        folder = glob.strip().removesuffix("/**").removesuffix("/*").strip("/")
        if folder and not _WILD & set(folder):
            yield folder
