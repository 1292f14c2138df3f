"""Worktree strategies: what is an experiment, what waits for a word, what is mended in a hurry, who does which part."""

from pathlib import Path

import pytest

from bot.agents.job import Product
from bot.backends.rehearsal import Act, Run, Say, Write
from bot.check.trial import Verdict
from bot.emulator.world import Issue
from bot.errors import ConfigError
from bot.graph.areas import Area, layers, services
from bot.orchestra.part import Ended
from bot.orchestra.release import held_back
from bot.policy.judge import judge
from bot.policy.work import File, Work
from bot.publish import strategy_text
from bot.publish.scrutiny import wish
from bot.workflow import known
from bot.workflow.known import Known
from bot.workflow.spec import parse_workflow
from tests.graphs import FILES, HEAD, Script, offered, rehearse
from tests.house import opened
from tests.shelf import only, shipped

JOB = "jobs: {api: {agent: developer, focus: build it}}\n"


def test_a_workflow_may_want_all_that_it_makes_looked_at() -> None:
    def wished(keys: str) -> list[tuple[str, str]]:
        (flow,) = offered(f"{keys}{JOB}").workflows.values()
        return [(one.level, one.sentence.partition(" ")[0]) for one in wish(flow)]

    assert wished("approval: result\n") == [("approve", "The")]
    assert wished("worktrees: experiment\napproval: plan\n") == [("approve", "This")]
    assert wished("approval: plan\n") == wished("") == []


async def test_an_experiment_is_published_by_a_persons_word_and_no_sooner(tmp_path: Path) -> None:
    why, branch = "This was an experiment", "experiment/auto-1-say-hello"
    async with opened(tmp_path, files=FILES, offered=offered(f"worktrees: experiment\n{JOB}")) as shop:
        shop.rehearse([Write("api/made.txt", "1\n")])
        issue = await shop.implement()
        assert shop.pulls() == []
        assert "· needs approval ·" in shop.status(issue)
        assert f"Needs approval: this change is not published yet.\n\n- {why}" in shop.status(issue)
        assert "+++ b/api/made.txt" in shop.status(issue)
        played = len(shop.played)
        await shop.comment(issue, "/approve")
        await shop.settle()
        assert shop.pull.head == branch
        assert await shop.file(branch, "api/made.txt") == "1\n"
        assert f"## Approved by @maintainer\n\n- {why}" in (shop.pull.body or "")
        assert len(shop.played) == played
        assert "done" in shop.said(issue)[-1]


def change(lines: int, path: str = "a.txt", binary: bool = False) -> File:
    return File(path, "M", "100644", "100644", b"", b"", lines, 0, binary, 1)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([change(200)], []),
        ([change(201)], ["A hot fix is small: this one changes 201 lines."]),
        ([change(1, f"{number}.txt") for number in range(11)], ["A hot fix is small: this one changes 11 files."]),
        ([change(0, binary=True)], ["A hot fix is easy to read: 1 of the files here are no text."]),
    ],
)
def test_a_hot_fix_that_is_not_small_needs_approval(files: list[File], found: list[str]) -> None:
    def findings(*, smallest: bool) -> list[str]:
        work = Work(tuple(files), frozenset(), {}, smallest=smallest)
        return [one.sentence for one in judge(work) if one.policy == "hot fixes" and one.level == "approve"]

    assert findings(smallest=True) == found
    assert findings(smallest=False) == []


# ---- the express lane ------------------------------------------------------------------------------------------------


def test_a_hot_fix_is_urgent_and_has_lower_limits_where_its_file_sets_none() -> None:
    hot = shipped().workflows["hot-fix"]
    assert (hot.urgent, hot.limits.usd, hot.limits.minutes, hot.limits.silence_minutes) == (True, 2, 20, 5)
    (flow,) = offered(f"worktrees: hot-fix\nlimits: {{usd: 3}}\n{JOB}").workflows.values()
    assert (flow.limits.usd, flow.limits.minutes, flow.limits.model_fields_set) == (3, 20, {"usd"})


@pytest.mark.parametrize(
    ("condition", "wrong"),
    [
        ("needs.apo.outputs.x", "speaks of `apo`, which is not a job before it (did you mean `api`?)"),
        ("needs.api.outputs.x", "the job `api` has no output `x`"),
        ("9 * 9", "the expression `9 * 9` is not valid"),
    ],
)
def test_a_condition_of_publishing_names_what_there_is(condition: str, wrong: str) -> None:
    text = f"{HEAD}{JOB}outputs:\n  pull-request:\n    if: {condition}\n"
    with pytest.raises(ConfigError) as error:
        parse_workflow("w.yml", text, dict(shipped().agents))
    assert f"w.yml:{text.count(chr(10))}: " in str(error.value)
    assert wrong in str(error.value)


SAFE = "needs.security.outputs.safe"
UNHEARD = "Nothing is published: `security` came to no word on this. Say `/retry` to have that asked anew.\n\n"
HELD = f"Refused: `security` held this back. {strategy_text.NEXT}\n\n"


@pytest.mark.parametrize(
    ("condition", "security", "held"),
    [
        (SAFE, Ended("done", "", {"safe": True, "why": "Fine."}), ""),
        (
            SAFE,
            Ended("done", "", {"safe": False, "why": "A *hole* @all"}),
            f"{HELD}- `security` did not call this `safe`: A ",
        ),
        (SAFE, Ended("done", "", {"safe": False}), "- `security` did not call this `safe`."),
        (SAFE, Ended("done", "", {"safe": False, "why": "No", "no": 1}), "and said:\n  - `safe`: false\n  - `why`: No"),
        (SAFE, Ended("failed", "No answer."), f"{UNHEARD}- `security` ended as failed. No answer."),
        (SAFE, Ended("done"), "there is no `needs.security.outputs.safe`"),
        (SAFE, None, "- `security` ended as skipped."),
        (SAFE, Ended("done", "", {"safe": True}, read="tree"), ""),
        (SAFE, Ended("done", "", {"safe": True}, read="another"), "the files changed after `security` had read them"),
        (f"!{SAFE}", Ended("failed"), "- `security` ended as failed."),
        ("always()", Ended("failed"), ""),
        ("success()", Ended("failed"), "Refused: this workflow publishes only if `success()`, and that does not hold."),
        (f"{SAFE} && needs.fix.result == 'failure'", Ended("failed"), UNHEARD),
        (
            f"{SAFE} && needs.fix.result == 'failure'",
            Ended("done", "", {"safe": True}),
            "Refused: `security` and `fix` held this back.",
        ),
    ],
)
def test_what_a_condition_holds_back_is_said_with_why(condition: str, security: Ended | None, held: str) -> None:
    flow = shipped().workflows["hot-fix"]
    opens = flow.opens.model_copy(update={"condition": condition})
    flow = flow.model_copy(update={"outputs": flow.outputs.model_copy(update={"pull_request": opens})})
    ended = {"fix": Ended("done"), **({"security": security} if security is not None else {})}
    said = held_back(flow, Product("tree", "", Verdict("", None), 0), ended)
    assert said.startswith(("Refused: ", "Nothing is published: ")) if held else said == ""
    assert held in said
    assert "@all" not in said


async def test_a_hot_fix_is_published_only_where_the_security_agent_calls_it_safe(tmp_path: Path) -> None:
    def judged(words: str) -> Script:
        mended: list[list[Act]] = [[Write("api/price.txt", "2\n"), Say("Mended.")]]
        return {"smallest change that mends it": mended, "+2\nEND DATA": [[Say(words)]]}

    def answered(safe: str) -> Script:
        return judged(f'```json\n{{"safe": {safe}, "why": "api/price.txt is a price."}}\n```')

    async with opened(tmp_path, files=FILES, offered=only("hot-fix")) as shop:

        async def mended(title: str, script: Script) -> Issue:
            rehearse(shop, script)
            issue = await shop.open_issue(title)
            await shop.comment(issue, "/hot-fix")
            await shop.settle()
            assert "· refused ·" in shop.status(issue)
            assert "+++ b/api/price.txt" in shop.status(issue)
            return issue

        issue = await mended("The price is wrong", answered("false"))
        assert "`security` did not call this `safe`: api/price.txt is a price." in shop.status(issue)
        issue = await mended("The price is wrong", judged("It looks fine."))
        assert f"{UNHEARD}- `security` ended as failed. Its answer was not valid" in shop.status(issue)
        assert shop.pulls() == []
        rehearse(shop, answered("true"))
        await shop.comment(issue, "/retry")
        await shop.settle()
        assert "· done ·" in shop.said(issue)[0]
        assert shop.pull.head == "hot-fix/auto-2-the-price-is-wrong"
        assert (await shop.git("log", "-1", "--format=%s", shop.pull.head)).startswith("fix: ")
        assert [run.priority for run in await shop.runs()] == [2, 2]


# ---- one for each layer or service -----------------------------------------------------------------------------------


def area(name: str, *owns: str, folder: str = "") -> Area:
    return Area(name, owns, (folder,) if folder else ())


TREE = ["README.md", "api/a.py", "web/b.ts", "services/pay/src/c.go", "services/README.md", "apps/pay/d", "docs/e/f.md"]


def test_layers_are_those_that_are_named_or_usual() -> None:
    usual = [area(name, f"/{name}/", folder=name) for name in ("web", "api", "docs")]
    assert layers(TREE, {}) == usual
    named = {"back": ("/api/**", "lib/core/", "!api/x"), "front": ("*.ts",)}
    assert layers(TREE, named) == [Area("back", named["back"], ("api", "lib/core")), Area("front", ("*.ts",), ())]


def test_services_are_the_outermost_folders_that_fit_and_no_two_have_one_name() -> None:
    both = [("apps-pay", "/apps/pay/", "apps/pay"), ("services-pay", "/services/pay/", "services/pay")]
    assert services(TREE) == [area(name, owns, folder=folder) for name, owns, folder in both]
    assert services(TREE, ("services/*/", "docs/**", "!apps/")) == [
        area("e", "/docs/e/", folder="docs/e"),
        area("pay", "/services/pay/", folder="services/pay"),
    ]
    assert services([*TREE, "apps/a*b [x]/y", "apps/{{ x }}/y", "apps/\u202e/y"], ("apps/a*",)) == [
        area("a*b [x]", "/apps/a\\*b\\ \\[x\\]/", folder="apps/a*b [x]")
    ]
    assert services(["README.md"]) == []


@pytest.mark.parametrize(
    ("jobs", "wrong"),
    [
        ("{a: {agent: developer}, b: {agent: analyst, outputs: {x: string}}, c: {run: make}}", ""),
        ("{a: {agent: developer}, b: {agent: developer, owns: [docs/]}}", ""),
        ("{a: {agent: developer, owns: [docs/]}}", "there is none that changes files"),
        ("{a: {agent: developer}, b: {agent: developer, needs: [a]}}", "`a` and `b` are two, and a path has one owner"),
    ],
)
def test_one_job_is_divided_and_no_more(jobs: str, wrong: str) -> None:
    text = f"worktrees: service\njobs: {jobs}\n"
    if wrong:
        with pytest.raises(ConfigError, match=wrong):
            offered(text)
    else:
        offered(text)
    with pytest.raises(ConfigError, match="goes with `pattern: pipeline` and `symphony`"):
        offered("worktrees: layer\npattern: swarm\ntasks: {list: [x]}\njobs: {a: {agent: developer}}\n")


def test_a_path_is_of_one_layer() -> None:
    here = Known(("claude",), (), {})
    with pytest.raises(ConfigError, match="`a` and `b` both have `x/y"):
        known.parse("version: 1\nlayers:\n  a: [x/]\n  b: [x/y/]\n", here)
    with pytest.raises(ConfigError, match="holds an expression"):
        known.parse("version: 1\nlayers: {a: ['{{ issue.title }}/']}\n", here)


SERVICE = """
worktrees: service
jobs:
  build: {agent: developer, focus: "build {{ matrix.service.name }}"}
  docs: {agent: developer, needs: [build], focus: write it down, owns: [/README.md]}
"""


async def test_each_service_has_its_own_agent_paths_and_rules(tmp_path: Path) -> None:
    rules = {
        "services/pay/AGENTS.md": "Prices are {{ in }} cents.\n",
        "services/ship/.tutti.md": f"{'Metric. ' * 1100}",
    }
    files = {**FILES, **rules, "services/ship/a.txt": "1\n"}
    async with opened(tmp_path, files=files, offered=offered(SERVICE)) as shop:
        rehearse(
            shop,
            {
                "build pay": [[Run("echo 2 > services/pay/b.txt; echo 2 > services/ship/a.txt || true")]],
                "build ship": [[Write("services/ship/b.txt", "2\n")]],
                "write it down": [[Write("README.md", "# Two\n")]],
            },
        )
        shop.status(await shop.implement())
        changed = (await shop.git("diff", "--name-only", f"main..{shop.pull.head}")).split()
        assert changed == ["README.md", "services/pay/b.txt", "services/ship/b.txt"]
        (run,) = await shop.runs()
        owns = {entry["name"]: entry["owns"] for entry in run.facts["graph"]}
        assert owns["build/pay"] == ["/services/pay/"]
        assert list(owns) == ["build", "docs", "build/pay", "build/ship"]
        told = {
            name: next(task.prompt for task in shop.tasks if f"build {name}" in task.prompt) for name in ("pay", "ship")
        }
        assert "(rules of services/pay)\nPrices are {{ in }} cents.\nEND DATA" in told["pay"]
        assert "Metric" not in told["pay"]
        assert "[the rest is left out]" in told["ship"]


async def test_where_there_is_no_layer_one_agent_does_it_all_and_that_is_said(tmp_path: Path) -> None:
    plain = {path: words for path, words in FILES.items() if "/" not in path or path.startswith(".github")}
    async with opened(tmp_path, files=plain, offered=offered(SERVICE.replace("service", "layer"))) as shop:
        rehearse(shop, {})
        shop.rehearse([Write("made.txt", "1\n")])
        issue = await shop.implement()
        assert "No layer was found here (looked for `frontend`, `backend`" in shop.status(issue)
