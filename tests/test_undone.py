"""What people are told of many tasks of which some are not done; and plans whose workflow uses another."""

import re
from pathlib import Path

from bot.agents.task import Outcome
from bot.backends.rehearsal import Act, Fail, Say, Write
from bot.workflow.library import Shipped
from bot.workflow.spec import parse_workflow
from tests.graphs import FILES, HEAD, TAIL, offered, rehearse
from tests.house import opened
from tests.shelf import shipped

SWARM = """
pattern: swarm
tasks: {list: [tidy the API, tidy the page]}
jobs: {do: {agent: developer, tests: {each: false, tries: 1}}}
"""
INNER = "name: Inner\non: {workflow_call: {}}\njobs: {z: {agent: developer, focus: inner work}}\n"
PLAN = Path(__file__).parents[1] / "workflows/agents/planner.md"


async def test_a_swarm_with_a_task_undone_closes_nothing_until_that_is_done(tmp_path: Path) -> None:
    failing: list[Act] = [Fail(Outcome("error", "", problem="No idea."))]
    async with opened(tmp_path, files=FILES, offered=offered(SWARM)) as shop:
        rehearse(shop, {"tidy the API": [[Write("api/tidy.txt", "1\n")]], "tidy the page": [failing]})
        issue = await shop.implement()
        told = shop.said(issue)[-1]
        assert "Done: #2 is open. It is a part of #1, which it does not close." in told
        assert "1 of 2 done, 1 failed" in told
        assert "Part of #1." in (shop.pull.body or "")
        assert (shop.pull.draft, shop.check.conclusion) == (False, "neutral")

        rehearse(shop, {"tidy the page": [[Write("web/tidy.txt", "1\n")]]})
        await shop.comment(issue, "/retry")
        await shop.settle()
        assert "2 of 2 done." in shop.said(issue)[-1]
        assert "Closes #1." in (shop.pull.body or "")


async def test_a_plan_that_is_approved_of_is_carried_out_with_what_its_workflow_uses(tmp_path: Path) -> None:
    agents = dict(shipped().agents)
    jobs = "  x: {uses: inner}\n  y: {agent: analyst, needs: x, outputs: {a: string}}\n"
    outer = f"{HEAD}approval: plan\njobs:\n{jobs}"
    flows = {"auto-implement": f"{outer}{TAIL}", "inner": f"{INNER}{TAIL}"}
    both = {name: parse_workflow(f"{name}.yml", text, agents) for name, text in flows.items()}
    plan = re.search(r"```json\n.*?\n```", PLAN.read_text(encoding="utf-8"), re.DOTALL)
    assert plan is not None
    async with opened(tmp_path, files=FILES, offered=Shipped(both, agents)) as shop:
        rehearse(
            shop,
            {
                "inner work": [[Write("z.txt", "z\n")]],
                "answer what is asked of you here": [[Say('```json\n{"a": "b"}\n```')]],
                "Plan the change": [[Say(f"A plan.\n{plan[0]}")]],
            },
        )
        issue = await shop.open_issue()
        await shop.comment(issue, "/implement")
        await shop.settle()
        await shop.comment(issue, "/approve")
        await shop.settle()
        assert "· done ·" in shop.said(issue)[-1]
        assert await shop.file(shop.pull.head, "z.txt") == "z\n"
        assert "Carts take a discount in percent." in shop.tasks[-1].prompt, "who only reads has the plan, too"
