"""What is shipped, as tests want it: some of it, with other limits or rules."""

from functools import cache
from typing import Any

from bot.workflow import library
from bot.workflow.library import Shipped

shipped = cache(library.shipped)  # which does not change while tests run


def only(*names: str, **rules: Any) -> Shipped:
    """Some of what is shipped, with other rules for reviews; without the pause after a push."""
    ours = shipped()
    chosen = {name: ours.workflows[name] for name in names}
    changed = {
        name: flow.model_copy(update={"review": flow.review.model_copy(update={"debounce_seconds": 0.0, **rules})})
        for name, flow in chosen.items()
    }
    return Shipped(changed, ours.agents)


def limited(**limits: float) -> Shipped:
    """What is shipped, with other limits."""
    ours = shipped()
    workflow = ours.workflows["auto-implement"]
    changed = workflow.model_copy(update={"limits": workflow.limits.model_copy(update=limits)})
    return Shipped({"auto-implement": changed}, ours.agents)
