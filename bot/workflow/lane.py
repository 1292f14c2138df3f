"""The lane that a run takes in the queue: before others, or behind those of its group. Pure."""

import hashlib
from typing import Any

from bot import expression
from bot.store.record import ABOVE_ALL
from bot.workflow.spec import Workflow


def lane(workflow: Workflow, repo: tuple[int, str], issue: tuple[int, str], *, ours: bool) -> dict[str, Any]:
    """The `priority` and the `concurrency` of a run, for its row: a group is one of its repository, by GitHub's id.

    `repo` is id and name, `issue` number and title. A workflow that is not `ours` goes before no other repository's.
    Raises ValueError where the name of the group cannot be told.
    """
    found: dict[str, Any] = {"priority": 0 if not workflow.urgent else ABOVE_ALL if ours else 1}
    if workflow.concurrency is not None:
        names = {"issue": {"number": issue[0], "title": issue[1]}, "repo": {"name": repo[1]}}
        group = str(expression.value(workflow.concurrency.group, names)).casefold()  # in any case, as in Actions
        found["concurrency"] = f"{repo[0]}:{hashlib.sha256(group.encode()).hexdigest()[:40]}"
    return found


def cancels(workflow: Workflow) -> bool:
    """Whether its runs end those of their group that are under way."""
    return workflow.concurrency is not None and workflow.concurrency.cancel_in_progress
