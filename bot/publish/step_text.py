"""One step of a run as a line of a list. Pure."""

from bot.github.harmless import code, harmless
from bot.publish.text import duration, money
from bot.store.record import PAST, Node


def titled(node: Node) -> str:
    """What a step is, and that it does not count any more where its run was tried again since, and it with that."""
    return f"{node.title} (before it was tried again)" if PAST in node.key else node.title


def step_line(node: Node, now: float, name: str = "") -> str:
    """A step, what it says, and its plan; with `name` for who has to name it."""
    box = "x" if node.state == "done" else " "
    words = [titled(node)]
    if node.state not in ("done", "queued"):
        words.append(f"**{node.state}**")
    if node.started_at is not None:
        words.append(duration((node.ended_at or now) - node.started_at))
    if node.cost_usd is None or node.cost_usd > 0:
        words.append(money(node.cost_usd))
    words += [code(name)] if name else []
    line = f"- [{box}] " + " · ".join(words)
    if node.reason:
        line += f"\n  {harmless(node.reason)}"
    return line + "".join(f"\n  - {harmless(item)}" for item in node.plan.splitlines())
