"""The page that builds a workflow up is true: every step is valid, what it does is explained, and it is played."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.backends.rehearsal import Write
from bot.cli import app
from bot.operate.check import check
from bot.operate.explain import explained
from bot.workflow import reuse
from bot.workflow.spec import Workflow, parse_workflow
from tests.graphs import FILES, rehearse
from tests.house import opened
from tests.shelf import only, shipped

PAGE = (Path(__file__).parents[1] / "docs/building.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
BOTH = {flow.on.command: flow for flow in (parse_workflow("x.yml", text, dict(shipped().agents)) for text in BLOCKS)}


def test_every_step_is_valid_and_uses_what_there_is() -> None:
    assert len(BLOCKS[0].splitlines()) == 5
    named: dict[str, Workflow] = {str(command): flow for command, flow in BOTH.items()}
    assert [reuse.problem(flow, named) for flow in named.values()] == [None] * len(named)
    assert {flow.pattern for flow in named.values()} == {"pipeline", "swarm", "symphony", "hierarchy"}


def test_a_run_reads_back_every_workflow_as_it_was() -> None:
    for flow in (*BOTH.values(), *shipped().workflows.values()):
        assert Workflow.model_validate(flow.record()) == flow


def test_check_says_what_a_workflow_does(tmp_path: Path) -> None:
    file = tmp_path / "tidy.yml"
    file.write_text(BLOCKS[3])
    said = CliRunner().invoke(app, ["check", str(file)])
    assert said.exit_code == 0
    assert said.stdout.split("tidy.yml\n")[-1] == (
        "  Starts: /tidy by somebody with write access\n"
        "  Work: pipeline, at most 4 at once\n"
        "    1. find (analyst), changes nothing, says packages\n"
        "    2. tidy (developer), once for each package, after find, may change {{ matrix.package }}\n"
        "    3. notes (developer), after find, tidy, if needs.find.outputs.packages | length > 1, "
        "may change what no other job owns\n"
        "  May use: $5, 60 minutes\n"
        "  Publishes: one pull request\n"
    )


def test_check_names_the_line_where_a_path_gets_two_owners(tmp_path: Path) -> None:
    both = BLOCKS[-1].replace("folder: /tests/", "folder: /shop/tests/")
    (tmp_path / "tidy-folder.yml").write_text(BLOCKS[-2])
    file = tmp_path / "tidy-both.yml"
    file.write_text(both)
    line = next(number for number, said in enumerate(both.splitlines(), 1) if "/shop/tests/" in said)
    assert [str(problem) for problem in check([file])] == [
        f"{file}:{line}: `shop/tidy` and `tests/tidy` both own `shop/tests/x`: a path has one owner in a run"
    ]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("logging", "  tasks from files with 'print(', at most 200"),
        ("mock-first", "  phase Build"),
        ("team", "    backend (lead) leads, decides on up to 3 of developer, may change /backend/"),
        ("tidy-both", "  1. shop (workflow tidy-folder)"),
    ],
)
def test_every_pattern_is_explained(command: str, line: str) -> None:
    assert line in explained(BOTH[command], {"analyst"})


def test_its_turn_and_what_holds_a_job_or_the_pull_request_back_are_explained() -> None:
    flow = parse_workflow(
        "x.yml",
        "name: N\non: {command: x}\npriority: high\nconcurrency: {group: 'site-{{ issue.number }}'}\n"
        "jobs:\n  a: {agent: developer, owns: [src], timeout-minutes: 1.5, retries: 2}\n"
        "  b: {run: make, needs: a, retries: 1}\n"
        "outputs: {pull-request: {if: 'needs.b.result == \"success\"'}}\napproval: result\n",
        dict(shipped().agents),
    )
    assert explained(flow, {"analyst"})[1:] == [
        "Its turn: before what is queued, waits for what is under way in the group site-{{ issue.number }}",
        "Work: pipeline, at most 4 at once",
        "  1. a (developer), may change src, at most 1.5 minutes, again up to 2 times where it fails",
        "  2. b (commands: make), after a, again once where it fails",
        "May use: $5, 60 minutes",
        'Publishes: one pull request, if needs.b.result == "success", once a person approved of it',
    ]
    assert flow.concurrency is not None
    ending = flow.concurrency.model_copy(update={"cancel_in_progress": True})
    turn = explained(flow.model_copy(update={"priority": "normal", "concurrency": ending}), {"analyst"})[1]
    assert turn == "Its turn: ends what is under way in the group site-{{ issue.number }}"


async def test_a_repository_s_workflow_uses_another_of_its_own(tmp_path: Path) -> None:
    """The one that is used stands after the one that uses it, and both come with one push."""
    folder = ".github/tutti/workflows"
    async with opened(tmp_path, files=FILES, offered=only("auto-implement")) as house:
        files = {f"{folder}/tidy-folder.yml": BLOCKS[-2], f"{folder}/tidy-both.yml": BLOCKS[-1]}
        await house.push({**files, "shop/a.txt": "a\n", "tests/a.txt": "a\n"})
        await house.settle()
        rehearse(
            house,
            {
                "nothing uses in /shop/": [[Write("shop/tidy.txt", "1\n")]],
                "nothing uses in /tests/": [[Write("tests/tidy.txt", "1\n")]],
            },
        )
        issue = await house.open_issue()
        await house.comment(issue, "/tidy-both")
        await house.settle()
        changed = (await house.git("diff", "--name-only", f"main..{house.pull.head}")).split()
        assert changed == ["shop/tidy.txt", "tests/tidy.txt"]
        assert "· done ·" in house.status(issue)


def test_what_is_wrong_with_what_is_used_is_said() -> None:
    both, folder = BOTH["tidy-both"], BOTH["tidy-folder"]
    said = {
        "there is no workflow `tidy-folder`": {},
        "the workflow `tidy-folder` is no pipeline with `on.workflow_call`": {"tidy-folder": BOTH["tidy"]},
        "`Tidy one folder` has no input `folder` (known: none)": {"tidy-folder": _without_inputs(folder)},
    }
    assert [reuse.problem(both, flows) for flows in said.values()] == [
        (("jobs", "shop", "uses"), words) for words in said
    ]


def _without_inputs(flow: Workflow) -> Workflow:
    call = flow.on.workflow_call
    assert call is not None
    on = flow.on.model_copy(update={"workflow_call": call.model_copy(update={"inputs": {}})})
    return flow.model_copy(update={"on": on})
