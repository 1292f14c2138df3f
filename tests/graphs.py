"""Workflows that are graphs, for stories: their texts, and a house that has one on its label."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.backends.rehearsal import Act
from bot.workflow.library import Shipped
from bot.workflow.spec import parse_workflow
from tests.house import House
from tests.shelf import shipped

FILES = {
    "README.md": "# Shop\n",
    "api/price.txt": "1\n",
    "web/page.txt": "price\n",
    "check.sh": "! grep -rq broken api web && echo '1 passed' || { echo '1 failed: it is broken'; exit 1; }\n",
    ".github/tutti.yml": "version: 1\nbackend: rehearsal\ntest: sh check.sh\n",
}
HEAD = """
name: Build a feature
on: {issues: {types: [labeled], labels: [auto-implement]}, command: implement}
cancel-on: {issues: {types: [unlabeled, closed], labels: [auto-implement]}}
"""
TAIL = "outputs: {pull-request: {labels: []}}\n"
PIPELINE = """
jobs:
  contract: {agent: developer, focus: write the contract, owns: [/contract.txt]}
  api: {agent: developer, focus: build the API, needs: contract, owns: [/api/]}
  web: {agent: developer, focus: build the page, needs: [contract], owns: [/web/]}
  docs: {agent: developer, focus: write it down, needs: [api, web], owns: [/README.md]}
"""
Script = Mapping[str, Sequence[Sequence[Act]]]


def offered(text: str, name: str = "auto-implement") -> Shipped:
    """A workflow's text, between what all of them begin and end with, as the only one that is offered."""
    agents = shipped().agents
    return Shipped({name: parse_workflow(f"{name}.yml", f"{HEAD}{text}{TAIL}", dict(agents))}, agents)


def rehearse(house: House, script: Script) -> None:
    """What whoever is told these words does at each try; who is told none of them does nothing."""
    for words, tries in script.items():
        house.script[words] = dict(enumerate(tries, start=1))
    house.script[""] = house.script.pop("", {})


def states(rows: Sequence[Any]) -> dict[str, str]:
    """How each job stands: its row has no step in its key."""
    return {row.key: row.state for row in rows if "." not in row.key and row.key not in ("prepare", "publish")}
