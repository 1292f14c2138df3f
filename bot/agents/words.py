"""What agents and tests say, made fit to be stored and shown; and a plan for agents that gave none. Pure."""

from collections.abc import Iterable

from bot.agents import answer
from bot.storable import storable

MOST_LINES, LONGEST_LINE = 12, 120


def plan(text: str) -> str:
    """A plan of one item a line, bounded: at most 12 lines of at most 120 characters."""
    items = [line for item in storable(text).splitlines() if (line := _cut(" ".join(item.split())))]
    if len(items) > MOST_LINES:
        items = [*items[: MOST_LINES - 1], f"and {len(items) - MOST_LINES + 1} more"]
    return "\n".join(items)


def plan_after(said: str, paths: Iterable[str]) -> str:
    """The plan of an agent that showed none while it worked: from its last words, else from the paths it changed."""
    own = plan("\n".join(" ".join(item.split()) for item in answer.read(said).plan))
    return own or plan("\n".join(_by_concern(paths)))


def _by_concern(paths: Iterable[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        groups.setdefault(answer.concern(path), []).append(path)
    return [f"{kind}: {_listed(names, LONGEST_LINE - len(kind) - 2)}" for kind, names in groups.items()]


def _listed(names: list[str], room: int) -> str:
    """As many names as there is room for, and how many more there are."""
    for shown in range(len(names), 0, -1):
        left = len(names) - shown
        line = ", ".join(names[:shown]) + (f" and {left} more" if left else "")
        if len(line) <= room:
            return line
    return names[0]


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 3].rstrip() + "..."
