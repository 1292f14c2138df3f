"""The desk of reviews: a house whose pull requests are reviewed, with agents that find what a test tells them."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.backends.rehearsal import Act, Say
from bot.emulator.bare import Content, RefChange
from bot.emulator.world import CheckRun, Comment, Pull, Remark
from tests.house import CONFIGURATION, House, opened
from tests.shelf import only

ASKED = {  # what only this agent's prompt says
    "security": "Review the security of",
    "performance": "Review the performance of",
    "style": "Review how a pull request",
    "correctness": "Review whether a pull request",
    "tests": "Review the tests of",
    "judge": "These remarks were made on",
    "fixer": "A review of pull request",
}
BASE = {
    "shop/cart.py": '''"""The cart."""


class Cart:
    def __init__(self) -> None:
        self.prices: list[int] = []

    def add(self, price: int) -> None:
        self.prices.append(price)

    def total(self) -> int:
        return sum(self.prices)


def receipt(cart: Cart) -> str:
    return f"Total: {cart.total()}"
''',
    "README.md": "# Shop\n",
    ".github/tutti.yml": CONFIGURATION.replace("test: sh check.sh\n", "test: 'true'\n"),
}
DISCOUNT = BASE["shop/cart.py"].replace(
    "    def total(self) -> int:\n        return sum(self.prices)\n",
    "    def total(self, discount: int = 0) -> int:\n        return sum(self.prices) * (1 - discount / 100)\n",
)
ROUNDING: dict[str, Any] = {
    "path": "shop/cart.py",
    "start_line": 12,
    "end_line": 12,
    "severity": "major",
    "confidence": 0.9,
    "category": "correctness",
    "title": "The total is no whole number any more",
    "body": "`1 - discount / 100` is a float, so `total()` returns fractions of a cent.",
    "evidence": "        return sum(self.prices) * (1 - discount / 100)",
    "suggestion": None,
}


def answer(*findings: Mapping[str, Any]) -> str:
    return "```json\n" + json.dumps({"findings": list(findings)}) + "\n```"


def verdicts(**refuted: str) -> str:
    """The judge's answer: why it refutes some, by id, as `_1="..."`; the others stand."""
    reasons = {name.strip("_"): reason for name, reason in refuted.items()}
    ids = map(str, range(1, 60))
    said = [{"id": name, "refuted": name in reasons, "reason": reasons.get(name, "")} for name in ids]
    return "```json\n" + json.dumps({"verdicts": said}) + "\n```"


class Desk(House):
    """A house with reviews; agents that are not told otherwise find nothing, and the judge refutes nothing."""

    def begin(self) -> None:
        for agent in ASKED:
            self.says(agent, verdicts() if agent == "judge" else answer())

    def finds(self, agent: str, *findings: Mapping[str, Any]) -> None:
        """What an agent answers from now on."""
        self.says(agent, answer(*findings))

    def says(self, agent: str, *words: str | Act) -> None:
        """What an agent says at its first, second ... try."""
        acts = {number: (Say(one),) if isinstance(one, str) else (one,) for number, one in enumerate(words, start=1)}
        others = self.script.pop("", {})
        self.script |= {ASKED[agent]: acts, "": others}  # what fits always is looked at last

    async def propose(
        self,
        files: Mapping[str, Content] | None = None,
        *,
        title: str = "Take a discount",
        by: str = "maintainer",
        **more: Any,
    ) -> Pull:
        """A branch with these files, and a pull request of it."""
        branch = more.pop("branch", "topic")
        await self.push(files or {"shop/cart.py": DISCOUNT}, branch=branch)
        return await self.emulator.open_pull(self.repo, title=title, head=branch, by=by, **more)

    async def rebase(self, files: Mapping[str, Content], branch: str = "topic") -> str:
        """The branch made anew upon the default branch as it is now, with these files; its commit."""
        old, onto = self.repo.branches[branch], self.repo.branches["main"]
        new = await self.repo.git.commit(branch, files, "Anew", "maya <maya@example.com>", self.emulator.now(), onto)
        await self.emulator.pushed(self.repo, [RefChange(f"refs/heads/{branch}", old, new)], by="maintainer")
        return new

    async def reviewed(self, files: Mapping[str, Content] | None = None, **more: Any) -> Pull:
        """A pull request, and all that follows."""
        pull = await self.propose(files, **more)
        await self.settle()
        return pull

    def remarks(self, pull: Pull) -> list[Remark]:
        """The bot's inline comments, oldest first."""
        return [one for one in pull.remarks if one.review.user is self.emulator.bot]

    def texts(self, pull: Pull) -> list[str]:
        """The texts of the bot's reviews, oldest first."""
        return [one.body for one in pull.reviews if one.user is self.emulator.bot and one.body]

    def summary(self, pull: Pull) -> str:
        """The one summary."""
        (only_one,) = [body for body in self.said(pull) if "review-summary" in body]
        return only_one

    def checks(self) -> list[CheckRun]:
        """The check runs of reviews, oldest first."""
        return [check for check in self.repo.checks if check.name == "Tutti review"]

    async def order(self, pull: Pull, words: str, by: str = "maintainer") -> Comment:
        """A comment, and all that follows."""
        comment = await self.comment(pull, words, by=by)
        await self.settle()
        return comment

    def requests(self, since: int) -> list[str]:
        """What was asked of GitHub since then, but for git and tokens."""
        asked = [f"{one.method} {one.path}" for one in self.emulator.requests[since:]]
        return [
            one
            for one in asked
            if ".git/" not in one and "access_tokens" not in one and "/installation/token" not in one
        ]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path, files=BASE, kind=Desk, offered=only("review", "fix", "auto-implement")) as house:
        assert isinstance(house, Desk)
        house.begin()
        yield house
