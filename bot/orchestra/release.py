"""Whether what the jobs of a run made may be published, by its workflow's own `outputs.pull-request.if`. Pure."""

from collections.abc import Mapping

from bot import expression
from bot.agents.job import Product
from bot.orchestra.part import Ended
from bot.publish import strategy_text
from bot.workflow.spec import Workflow


def held_back(workflow: Workflow, product: Product, ended: Mapping[str, Ended]) -> str:
    """Why nothing of it is published, in words for people; empty where it may be.

    `ended` are the jobs by name; of a run of one job, which has none, its product tells. What cannot be told holds
    back. A condition that asks for no status holds only where the jobs that it names ended well.
    """
    text = workflow.opens.condition
    if not text:
        return ""
    if not ended:
        only = Ended(product.state, product.reason, product.outputs, product.words)
        ended = dict.fromkeys(workflow.jobs, only)
    named = [path[1] for name in expression.names_in(text) if len(path := name.split(".")) > 1 and path[0] == "needs"]
    known = {name: ended.get(name, Ended("skipped")) for name in workflow.every_job}
    asked = {name: known[name] for name in dict.fromkeys(sorted(named)) if name in known}
    names = {"needs": {name: {"result": one.result, "outputs": one.outputs} for name, one in known.items()}}
    if other := [name for name, one in asked.items() if one.read and one.read != product.tree]:
        return strategy_text.read_other(other)
    try:
        if expression.condition(text, names, _status(asked or known)):
            return ""
    except ValueError as wrong:
        return strategy_text.held_back(text, str(wrong))
    denied = any(value is False for one in asked.values() if one.well for value in one.outputs.values())
    unheard = [] if denied else [name for name, one in asked.items() if not one.well]
    return "\n\n".join([strategy_text.held_back(text, unheard=unheard), *_said(asked)])


def named(workflow: Workflow) -> list[str]:
    """The jobs whose word decides whether anything is published."""
    paths = (name.split(".") for name in expression.names_in(workflow.opens.condition or "always()"))
    return sorted({path[1] for path in paths if path[0] == "needs" and len(path) > 1})


def _status(ended: Mapping[str, Ended]) -> expression.Status:
    results = {one.result for one in ended.values()}
    return expression.Status("failure" in results, "cancelled" in results, "skipped" in results)


def _said(ended: Mapping[str, Ended]) -> list[str]:
    """What the jobs said that the condition names, as one list."""
    said = [
        strategy_text.said_by(name, one.state, one.reason, {key: _shown(value) for key, value in one.outputs.items()})
        for name, one in ended.items()
    ]
    return ["\n".join(said)] if said else []


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
