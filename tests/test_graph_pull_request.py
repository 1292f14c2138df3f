"""What a run of many agents publishes: the text and commits of one pull request, or several that name each other."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.agents.task import Outcome
from bot.backends.rehearsal import Act, Append, Fail, Run, Say, Write
from bot.emulator.world import CheckRun, Issue
from bot.graph.expansion import instance_name
from bot.store import runs
from bot.workflow.library import Shipped
from bot.workflow.spec import parse_workflow
from tests.graphs import FILES, HEAD, offered, rehearse
from tests.house import House, chained, opened
from tests.shelf import shipped

# ---- one pull request ------------------------------------------------------------------------------------------------

PAIR = """
jobs:
  api: {agent: developer, focus: Build the API., tests: {each: false}}
  web: {agent: developer, focus: Build the page., tests: {each: false}}
  docs: {agent: developer, focus: write it down, needs: [api, web]}
  cart: {agent: developer, focus: sell it, tests: {tries: 1}}
  pay: {agent: developer, needs: cart}
"""
API = """Prices are cents.

```json
{"commits": [{"message": "feat(api): count cents", "paths": ["api/price.txt"]}]}
```"""
DOCS = "## How it was tested\n\nBy reading."


SECTIONS = {
    "api": "### api\n\nPrices are cents.",
    "web": "### web\n\nIts agent gave no summary. It changed `price.txt` and `web/page.txt`.",
}


def text(first: str, last: str) -> str:
    """The whole of it; whichever of the two was merged last had the conflict."""
    return f"""<!-- tutti state:begin -->

3 of 5 done, 1 failed, 1 skipped:
- `cart`: Failed: the tests still fail after 1 try.
- `pay`: Not played: it needs `cart`, which failed.

Part of #1.

<!-- tutti state:end -->

## What was asked

#1: Show prices (opened by @stranger, asked for by @maintainer)

## What was done

{SECTIONS[first]}

{SECTIONS[last]}

Conflicts in `price.txt` between `{first}` and `{last}` were resolved by an agent: look at these lines.

### docs

#### How it was tested

By reading.

## How it was tested

`sh check.sh` passed in 0.1 s, on everything together.

<details><summary>The end of its output</summary>

```text
1 passed
```

</details>

## Checklist

- [x] The repository's tests pass on this change
- [ ] Tests were added or changed
- [ ] A person has read the change"""


def commits(log: str) -> list[str]:
    return [one.strip() for one in log.split("\0") if one.strip()]


async def test_one_pull_request_tells_of_each_job_and_of_what_to_look_at(tmp_path: Path) -> None:
    files = {**FILES, ".github/tutti.yml": FILES[".github/tutti.yml"] + "co-authors: true\n"}
    async with opened(tmp_path, files=files, offered=offered(PAIR)) as shop:
        rehearse(
            shop,
            {
                "files with conflicts": [[Write("price.txt", "cents and euros\n"), Say("Both.")]],
                "Build the API": [[Write("price.txt", "cents\n"), Append("api/price.txt", "2\n"), Say(API)]],
                "Build the page": [[Write("price.txt", "euros\n"), Append("web/page.txt", "2\n")]],
                "write it down": [[Append("README.md", "Prices.\n"), Say(DOCS)]],
                "sell it": [[Append("web/page.txt", "broken\n")]],
            },
        )
        shop.gate.close()
        issue = await shop.open_issue("Show prices")
        await shop.label(issue)
        await shop.gate.reached(3)
        await shop.gate.open()
        await shop.settle()
        (run,) = await shop.runs()
        assert "· failed ·" in shop.status(issue)
        first, last, _ = re.findall(r"^### (\w+)$", shop.pull.body or "", re.MULTILINE)
        assert re.sub(r"\d+\.\d s", "0.1 s", shop.pull.body or "") == text(first, last)
        by = "\n\nCo-authored-by: Tutti developer <developer@agents.tutti.invalid>"
        own = {"api": f"feat(api): count cents{by}", "web": f"feat(web): build the page{by}"}
        merged = "\nCo-authored-by: Tutti merger <merger@agents.tutti.invalid>"
        did = {"api": "\n\n- api: Build the API", "web": "\n\n- web: Build the page"}
        assert commits(await shop.git("log", "--reverse", "--format=%B%x00", f"main..{shop.pull.head}")) == [
            own[first],
            own[last],
            f"docs: write it down{by}",
            f"feat: join the work of {first} and {last}{did[first]}{did[last][1:]}{by}{merged}",
        ]
        assert set((await shop.git("log", "--format=%an %cn", f"main..{shop.pull.head}")).split("\n")) == {
            "tutti[bot] tutti[bot]",
            "",
        }
        assert (run.facts["pull"], "pulls" in run.facts) == (shop.pull.number, False)


# ---- several ---------------------------------------------------------------------------------------------------------

SWARM = """
pattern: swarm
limits: {agents: 1}
tasks: {list: [Build the api, Build the web, Build the cart]}
jobs: {each: {agent: developer, tests: {each: false, tries: 1}}}
outputs: {pull-request: {max: 3, files: 1, labels: [made]}}
"""
SCRIPT: Mapping[str, Sequence[Sequence[Act]]] = {
    "Build the api": [[Write("api.txt", "1\n"), Say("The api.")]],
    "Build the web": [[Write("web.txt", "1\n"), Say("The web.")]],
    "Build the cart": [[Write("cart.txt", "1\n"), Say("The cart.")]],
}


def swarm(text: str = SWARM) -> Shipped:
    agents = shipped().agents
    return Shipped({"auto-implement": parse_workflow("auto-implement.yml", f"{HEAD}{text}", dict(agents))}, agents)


def checks(shop: House) -> list[CheckRun]:
    return [check for check in shop.repo.checks if check.name == "Tutti"]


async def told(shop: House) -> None:
    """Three pull requests of one file each, which name each other, and none of which closes the issue."""
    (run,) = await shop.runs()
    branch = "feature/auto-1-build-a-shop"
    assert [pull.head for pull in shop.pulls()] == [branch, f"{branch}-2", f"{branch}-3"]
    assert [pull.title for pull in shop.pulls()] == [f"Build a shop ({number} of 3)" for number in (1, 2, 3)]
    heads = []
    for pull, name in zip(shop.pulls(), ("api", "web", "cart"), strict=True):
        body = pull.body or ""
        others = [f"#{other.number}" for other in shop.pulls() if other is not pull]
        assert f"; the others are {' and '.join(others)}. No file is in two of them." in body
        assert (body.count("Part of #1."), body.count("tutti series:begin"), "Closes" in body) == (1, 1, False)
        assert f"### {instance_name('each', {'task': f'Build the {name}'})}\n\nThe {name}.\n" in body
        assert "on this pull request by itself; all of them were tested together, too." in body
        assert "- [x] The repository's tests pass on this change" in body
        log = await shop.git("log", "--format=%H%n%s", "--name-only", f"main..{pull.head}")
        head, *rest = log.split("\n")
        assert rest == [f"feat(Build-the-{name}): build the {name}", "", f"{name}.txt", ""]
        heads.append(head)
    assert [(check.conclusion, check.head_sha) for check in checks(shop)] == [("success", head) for head in heads]
    assert {check.title for check in checks(shop)} == {"sh check.sh: passed"}
    assert [[label.name for label in pull.labels] for pull in shop.pulls()] == [["made"]] * 3
    assert (run.facts["pull"], run.facts["pulls"]) == (2, [2, 3, 4])
    about = await shop.bot.bench.db.read(lambda conn: [runs.about(conn, run.repo, number) for number in (2, 3, 4, 5)])
    assert [[one.id for one in found] for found in about] == [[run.id], [run.id], [run.id], []]


async def test_what_is_too_much_is_several_that_name_each_other_however_often_the_process_dies(tmp_path: Path) -> None:
    async with opened(tmp_path, files=FILES, offered=swarm()) as shop:
        rehearse(shop, SCRIPT)
        (points,) = chained(["push.2:before", "push.3:done", "pull-request.2:before", "series:before", "check.2:done"])
        shop.crash_at(points[0])
        issue = await shop.open_issue("Build a shop")
        await shop.label(issue)
        await shop.dies_at(points)
        await shop.settle()
        assert "Done: #2, #3 and #4 are open. They are parts of #1, which none of them closes." in shop.status(issue)
        await told(shop)
        assert len(shop.played) == len(SCRIPT)
        await asked_for_anew(shop, issue)


async def asked_for_anew(shop: House, issue: Issue) -> None:
    """Each goes on in its own; where two tasks meet now, the first has both, and the other is closed if it may be."""
    api, web, cart = (pull.head for pull in shop.pulls())
    before = shop.repo.branches[api]
    await shop.push({"main.txt": "1\n"})
    await shop.push({"cart.md": "By hand.\n"}, branch=cart)
    rehearse(
        shop,
        {
            "Build the api": [[]],
            "Build the web": [[Append("web.txt", "2\n"), Say("More of it.")]],
            "Build the cart": [[Append("cart.txt", "2\n"), Append("api.txt", "2\n")]],
        },
    )
    shop.crash_at("push.2:before")
    await shop.comment(issue, "/implement")
    await shop.dies_at(["push.2:before"])
    await shop.settle()
    said = shop.said(issue)[-1]
    assert "Done: #2 and #3 are open. They are parts of #1, which none of them closes." in said
    assert "#4 stays open, though its work is in #2 now: somebody else has pushed to it." in said
    assert [pull.title.partition("shop ")[2] for pull in shop.pulls()] == ["(1 of 2)", "(2 of 2)", "(3 of 3)"]
    assert (await shop.git("diff", "--name-only", before, api)).split() == ["api.txt", "cart.md", "cart.txt"]
    assert (await shop.file(api, "cart.txt"), await shop.file(web, "web.txt")) == ("1\n2\n", "1\n2\n")
    first, second, third = (pull.body or "" for pull in shop.pulls())
    assert ("the other is #3." in first, "the other is #2." in second, "More of it." in second) == (True, True, True)
    assert "the others are #2 and #3." in third
    assert len(shop.played) == 2 * len(SCRIPT)


async def test_what_is_red_by_itself_is_with_others_and_what_a_retry_leaves_over_is_closed_once(tmp_path: Path) -> None:
    """The cart needs the web; what is tried again needs all of it."""
    files = {**FILES, "check.sh": "test ! -e cart.txt || test -e web.txt\n"}
    text = SWARM.replace("cart]", "cart, Pay]").replace("max: 3", "max: 4")
    async with opened(tmp_path, files=files, offered=swarm(text)) as shop:
        rehearse(shop, {**SCRIPT, "Pay": [[Fail(Outcome("error", "", problem="No idea."))]]})
        issue = await shop.implement("Build a shop")
        assert "Done: #2 and #3 are open." in shop.status(issue)
        one, other = shop.pulls()
        assert (await shop.git("diff", "--name-only", "main", other.head)).split() == ["cart.txt", "web.txt"]
        (run,) = await shop.runs()
        rows = await shop.bot.bench.db.read(lambda conn: runs.tree(conn, run.id))
        assert [row.state for row in rows if row.key.startswith("slice.test.")] == ["done", "done", "failed", "done"]

        rehearse(shop, {"Pay": [[Write("pay.txt", "1\n"), Append("api.txt", "2\n"), Append("cart.txt", "2\n")]]})
        shop.crash_at("spare:done")
        await shop.comment(issue, "/retry")
        await shop.dies_at(["spare:done"])
        await shop.settle()
        assert "Done: #2 has the new commits." in shop.said(issue)[-1]
        assert "#3 is closed: its work is in #2 now." in shop.said(issue)[-1]
        assert (one.title, one.state, other.state, len(shop.pulls())) == ("Build a shop", "open", "closed", 2)
        assert ("Closes #1." in (one.body or ""), "tutti series" in (one.body or "")) == (True, False)
        (closing,) = shop.said(other)
        assert closing.startswith("Closed: the run was done anew, and the work of this pull request is in #2 now.")
        assert len((await shop.git("diff", "--name-only", "main", one.head)).split()) == 4
        assert len(shop.played) == len(SCRIPT) + 2


async def test_what_waits_for_a_person_in_one_of_them_holds_back_all(tmp_path: Path) -> None:
    """And the branch of somebody else that has its name is left alone."""
    async with opened(tmp_path, files=FILES, offered=swarm(SWARM.replace("Build the web, ", ""))) as shop:
        theirs = "feature/auto-1-build-a-shop-2"
        await shop.push({"x": "1\n"}, branch=theirs)
        rehearse(shop, {**SCRIPT, "Build the cart": [[Write("CODEOWNERS", "* @somebody\n"), Run("true")]]})
        issue = await shop.implement("Build a shop")
        assert "Needs approval:" in shop.status(issue)
        assert (shop.pulls(), sorted(shop.repo.branches), checks(shop)) == ([], [theirs, "main"], [])
        shop.emulator.fault("POST", "/repos/acme/greeter/issues/3/labels", status=502, times=5)
        await shop.comment(issue, "/approve")
        await shop.settle()
        assert f"The work is on the branch `{theirs[:-1]}3`.\n\nOpen is already #2." in shop.said(issue)[-1]
        await shop.comment(issue, "/retry")
        await shop.settle()
        assert "Done: #2 and #3 are open." in shop.said(issue)[-1]
        bodies = [pull.body or "" for pull in shop.pulls()]
        assert ["## Approved by @maintainer" in body for body in bodies] == [False, True]
        assert [pull.head.rpartition("-")[2] for pull in shop.pulls()] == ["shop", "3"]
    assert "This is 1 of 2 pull requests of one run; the other is #3." in bodies[0]
