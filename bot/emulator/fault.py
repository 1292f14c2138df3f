"""What was asked, and trouble to order: answers that fail, come late, or get lost before or after the work."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Exchange:
    """One request to the API or to git, and what it got. `template` is empty for git and for unknown routes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    template: str = ""
    status: int = 0
    answer: Any = None


@dataclass(eq=False)
class Fault:
    """What happens to the next `times` requests whose method and whole path match.

    `hold`: wait for this before anything. `delay`: seconds. `status`: answer this instead of doing the work.
    `drop`: cut the connection instead of doing the work; `lose`: do the work, then cut the connection.
    """

    method: re.Pattern[str]
    path: re.Pattern[str]
    times: int = 1
    status: int | None = None
    message: str = "played fault"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hold: asyncio.Event | None = None
    drop: bool = False
    lose: bool = False
    met: int = 0

    async def wait(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.delay:
            await asyncio.sleep(self.delay)


class Faults:
    """The trouble that is still to come, in the order it was ordered."""

    def __init__(self) -> None:
        self.ordered: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.ordered.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The first that fits this request, used up by one."""
        for fault in self.ordered:
            if fault.met < fault.times and fault.method.fullmatch(method) and fault.path.fullmatch(path):
                fault.met += 1
                return fault
        return None

    @property
    def unmet(self) -> list[Fault]:
        """Trouble that was ordered and never came: a test that misses its aim."""
        return [fault for fault in self.ordered if fault.met == 0]
