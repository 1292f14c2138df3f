"""A pipeline: jobs side by side and one after another, on one trunk, and one pull request of all they made."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.backends.rehearsal import Append, Run, Say, Write
from bot.store import runs
from tests.graphs import FILES, PIPELINE, Script, offered, rehearse, states
from tests.house import House, opened

SCRIPT: Script = {
    "write the contract": [[Write("contract.txt", "price: cents\n"), Say("The contract.")]],
    "build the API": [[Run("cat contract.txt >> api/price.txt"), Say("The API.")]],
    "build the page": [[Run("cat contract.txt >> web/page.txt"), Say("The page.")]],
    "write it down": [[Run("cat api/price.txt web/page.txt >> README.md"), Say("The README.")]],
}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path, files=FILES, offered=offered(PIPELINE)) as house:
        rehearse(house, SCRIPT)
        yield house


async def test_stages_see_what_those_before_them_made_and_one_pull_request_has_it_all(shop: House) -> None:
    issue = await shop.implement()
    assert await shop.file(shop.pull.head, "README.md") == "# Shop\n1\nprice: cents\nprice\nprice: cents\n"
    (run,) = await shop.runs()
    rows = await shop.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))
    assert states(rows) == dict.fromkeys(("contract", "api", "web", "docs"), "done")
    assert [entry["name"] for entry in run.facts["graph"]] == ["contract", "api", "web", "docs"]
    assert "· done ·" in shop.status(issue)
    for section in ("### contract\n\nThe contract.", "### api\n\nThe API.", "### docs\n\nThe README."):
        assert section in (shop.pull.body or "")


async def test_independent_stages_run_at_the_same_time(tmp_path: Path) -> None:
    pair = "jobs: {api: {agent: developer, owns: [/api/]}, web: {agent: developer, owns: [/web/]}}\n"
    async with opened(tmp_path, files=FILES, offered=offered(pair)) as shop:
        shop.gate.close()
        issue = await shop.open_issue()
        await shop.label(issue)
        await shop.gate.reached(2)
        await shop.gate.open()
        await shop.settle()
        assert "· no change ·" in shop.status(issue)


async def test_a_failed_stage_stops_its_dependants_only_and_a_retry_continues_from_there(shop: House) -> None:
    rehearse(shop, {"build the API": [[Append("api/price.txt", "broken\n")]] * 3})
    issue = await shop.implement()
    (run,) = await shop.runs()
    rows = await shop.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))
    assert states(rows) == {"contract": "done", "api": "failed", "web": "done", "docs": "skipped"}
    assert run.state == "failed"
    assert "2 of 4 done, 1 failed, 1 skipped:" in run.reason
    assert "<summary>Jobs: 2 of 4 done, 1 failed, 1 skipped</summary>" in shop.status(issue)
    assert next(row.reason for row in rows if row.key == "docs") == "Not played: it needs `api`, which failed."
    assert shop.pull.draft
    played = len(shop.played)

    rehearse(shop, {"build the API": [[]] * 2 + [[Run("cat contract.txt > api/price.txt")]]})
    await shop.comment(issue, "/retry")
    await shop.settle()
    assert len(shop.played) == played + 2  # the API's last try, and what needed it
    assert await shop.file(shop.pull.head, "README.md") == "# Shop\nprice: cents\nprice\nprice: cents\n"
    assert "· done ·" in shop.said(issue)[-1]


MATRIX = """
jobs:
  analysis: {agent: analyst, focus: find the components, outputs: {components: list}}
  build:
    agent: developer
    needs: analysis
    strategy: {matrix: {component: "{{ needs.analysis.outputs.components }}"}}
    focus: "build {{ matrix.component }}"
    owns: ["/{{ matrix.component }}/"]
  page: {agent: developer, needs: build, if: "contains(needs.analysis.outputs.components, 'web')", focus: link it}
  never: {agent: developer, needs: [build, analysis], if: "needs.analysis.outputs.components | length > 2"}
  always: {agent: developer, needs: never, if: always(), focus: whatever happens}
"""


async def test_a_matrix_is_fed_by_what_an_earlier_job_said(tmp_path: Path) -> None:
    text = MATRIX.replace("needs: build,", "needs: [build, analysis],")
    async with opened(tmp_path, files=FILES, offered=offered(text)) as shop:
        rehearse(
            shop,
            {
                "find the components": [[Say('```json\n{"components": ["api", "web"]}\n```')]],
                "build api": [[Write("api/made.txt", "1\n")]],
                "build web": [[Write("web/made.txt", "1\n")]],
                "link it": [[Write("linked.txt", "1\n")]],
                "whatever happens": [[Write("always.txt", "1\n")]],
            },
        )
        shop.status(await shop.implement())
        (run,) = await shop.runs()
        rows = await shop.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))
        assert states(rows) == {
            **dict.fromkeys(("analysis", "build", "build/api", "build/web", "page", "always"), "done"),
            "never": "skipped",
        }
        changed = (await shop.git("diff", "--name-only", f"main..{shop.pull.head}")).split()
        assert changed == ["always.txt", "api/made.txt", "linked.txt", "web/made.txt"]


async def test_what_an_agent_says_widens_no_ones_paths(tmp_path: Path) -> None:
    """A component that is called `*` owns nothing but what is called so."""
    text = MATRIX[: MATRIX.index("  page:")]
    async with opened(tmp_path, files=FILES, offered=offered(text)) as shop:
        rehearse(
            shop,
            {
                "find the components": [[Say('```json\n{"components": ["*"]}\n```')]],
                "build *": [[Run("echo x > README.md || true")]] * 3,
            },
        )
        issue = await shop.implement()
        assert shop.pulls() == []
        assert "no change" in shop.status(issue)
