"""`tutti run`: a workflow on a clone on this machine, whose result is a branch of it."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.agents.task import AgentEvent, Backend, Outcome, Task, Tell
from bot.app import Seams
from bot.backends.rehearsal import Act, Append, Hang, Rehearsal, Say, Write
from bot.cli import code_of
from bot.errors import UserError
from bot.operate import runs as looking
from bot.operate.choice import choose
from bot.operate.clone import Wish, keep
from bot.operate.local import Result, execute, rehearsed
from bot.settings import Settings
from tests.house import FILES
from tests.orchestra.hall import opened
from tests.ready import machine

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WISH = Wish("Say hello", "To everybody.", 7, backend="rehearsal")


def git(clone: Path, *args: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    return subprocess.run(["git", "-C", clone, *who, *args], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of one's own, with a change that is not committed."""
    folder = tmp_path / "greeter"
    for path, words in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(words)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
    (folder / "README.md").write_text("Not committed.\n")
    return folder


async def run(
    clone: Path,
    *tries: Sequence[Act],
    wish: Wish = WISH,
    heard: list[AgentEvent] | None = None,
    flow: str = "auto-implement",
    script: Mapping[str, Mapping[int, Sequence[Act]]] | None = None,
    agents: Backend | None = None,
    **more: Any,
) -> Result:
    script = script or {"": dict(enumerate(tries, start=1))}
    settings = Settings(
        data_dir=clone.parent / "data", model_url="http://127.0.0.1:9", anthropic_api_key=SecretStr("none"), **more
    )
    seams = Seams(
        backends={"rehearsal": agents or Rehearsal(script)},
        pool_size=1,
        walls=await machine(),
        heard=lambda _run, _key, event: heard.append(event) if heard is not None else None,
    )
    return await execute(settings, await choose(flow, clone), clone, wish, seams, lambda _bench, _run: None)


async def test_the_result_is_a_branch_and_the_clone_stays_as_it_was(clone: Path) -> None:
    result = await run(clone, RIGHT)
    assert result == Result("done", "The work is on the branch `feature/auto-7-say-hello`.", "feature/auto-7-say-hello")
    assert git(clone, "show", f"{result.branch}:greeting.txt") == "hello\n"
    assert git(clone, "log", "--format=%s|%an", f"main..{result.branch}") == "feat: say hello|Tutti\n"
    assert git(clone, "status", "--porcelain") == " M README.md\n"
    assert git(clone, "branch", "--show-current") == "main\n"
    assert git(clone, "worktree", "list").count("\n") == 1
    assert git(clone, "for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/feature/auto-7-say-hello",
        "refs/heads/main",
    ]


async def test_an_experiment_says_so_by_its_branch_and_that_it_is_to_be_looked_at(clone: Path) -> None:
    flow = clone.parent / "try-it.yml"
    parts = "worktrees: experiment\njobs: {a: {agent: developer}}\noutputs: {pull-request: {}}\n"
    flow.write_text(f"name: Try\non: {{command: try-it}}\n{parts}")
    result = await run(clone, RIGHT, flow=str(flow))
    assert (result.state, result.branch) == ("done", "experiment/auto-7-say-hello")
    assert result.reason.endswith(
        "Look at this before you publish it:\n\n"
        "- This was an experiment: nothing of it is published without a person's word."
    )
    rows = (await looking.one(Settings(data_dir=clone.parent / "data"), "")).rows
    assert [node.title for node in rows if node.key == "publish"] == ["Keep the branch here"]


async def test_what_many_made_is_told_by_job_and_is_a_branch_for_each_pull_request(clone: Path) -> None:
    flow = clone.parent / "swarm.yml"
    flow.write_text(
        "name: Greet\non: {issues: {types: [labeled], labels: [greet]}}\npattern: swarm\nlimits: {agents: 1}\n"
        "tasks: {list: [greet Ada, greet Bob]}\n"
        "jobs: {each: {agent: developer, tests: {each: false, tries: 1}}}\n"
        "outputs: {pull-request: {max: 2, files: 1}}\n"
    )
    (clone / "check.sh").write_text("true\n")
    git(clone, "commit", "-q", "-m", "Be content", "check.sh")
    by_task: Mapping[str, Mapping[int, Sequence[Act]]] = {
        name: {1: [Write(f"{name}.txt", "hello\n"), Say(f"# Greeting\n\n{name} hears it.")]} for name in ("Ada", "Bob")
    }
    made = await run(clone, flow=str(flow), script=by_task)
    branch = "feature/auto-7-say-hello"
    assert (made.state, made.branch) == ("done", branch)
    assert re.sub("-[0-9a-f]{8}`", "`", made.reason) == (
        f"2 of 2 done.\n\nThe work is on the branches `{branch}` and `{branch}-2`.\n\n"
        "- `each/greet-Ada`: Ada hears it.\n- `each/greet-Bob`: Bob hears it."
    )
    for name, ref in (("Ada", branch), ("Bob", f"{branch}-2")):
        assert git(clone, "log", "--format=%s", "--name-only", f"main..{ref}").split("\n") == [
            f"feat(greet-{name}): greet {name}",
            "",
            f"{name}.txt",
            "",
        ]


async def test_a_clone_may_hold_one_commit_and_no_branch_as_those_of_machines_that_test(tmp_path: Path) -> None:
    async with opened(tmp_path) as hall:
        whole, hall.clone = hall.clone, tmp_path / "checkout"
        git(whole, "commit", "-q", "--allow-empty", "-m", "Go on")
        git(whole, "clone", "-q", "--depth", "1", whole.as_uri(), str(hall.clone))
        git(hall.clone, "checkout", "-q", "--detach")
        git(hall.clone, "branch", "-q", "-D", "main")
        hall.rehearse({"a.agent.1": RIGHT})
        played = await hall.play("jobs: {a: {agent: developer}}")
        assert (played.state, played.files) == ("done", {"greeting.txt": "hello\n"}), played.reason
        assert git(hall.clone, "for-each-ref", "--format=%(refname)", "refs/heads").count("\n") == 1


async def test_a_second_run_makes_a_branch_of_its_own(clone: Path) -> None:
    await run(clone, RIGHT)
    assert (await run(clone, RIGHT)).branch == "feature/auto-7-say-hello-2"


class Meanwhile(Rehearsal):
    """Agents while whose work something else happens."""

    def __init__(self, happens: Callable[[Task], object], tries: Mapping[str, Mapping[int, Sequence[Act]]]) -> None:
        super().__init__(tries)
        self._happens = happens

    async def run(self, task: Task, tell: Tell) -> Outcome:
        self._happens(task)
        return await super().run(task, tell)


async def test_a_run_beside_it_that_makes_its_branch_first_costs_it_no_work(clone: Path) -> None:
    other = Meanwhile(lambda _task: git(clone, "branch", "feature/auto-7-say-hello"), {"": {1: RIGHT}})
    made = await run(clone, agents=other)
    branch = "feature/auto-7-say-hello-2"
    assert made == Result("done", f"The work is on the branch `{branch}`.", branch)
    assert git(clone, "show", f"{branch}:greeting.txt") == "hello\n"


async def test_work_of_which_no_branch_can_be_made_is_kept_as_a_patch(clone: Path) -> None:
    """A branch's name is a folder for git as soon as another lies below it; the clone is a linked worktree."""
    linked = clone.parent / "linked"
    git(clone, "worktree", "add", "-q", "-b", "work", str(linked))
    below = Meanwhile(lambda _task: git(clone, "branch", "feature/auto-7-say-hello/below"), {"": {1: RIGHT}})
    made = await run(linked, agents=below)
    (patch,) = (clone / ".git/tutti").iterdir()
    assert (made.state, made.branch) == ("failed", "")
    why, _, where = made.reason.partition(".\n\n")
    assert why.startswith("Failed: no branch could be made of the work: ")
    assert "GitHub" not in why
    assert where == f"What was made is a patch: `git apply {patch}` takes it."
    git(linked, "apply", str(patch))
    assert (linked / "greeting.txt").read_text() == "hello\n"


async def test_a_patch_that_the_clone_does_not_take_has_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("nothing that git knows\n")
    file = await keep(tmp_path, "run/a.patch", b"+1\n")
    assert (file.read_bytes(), tmp_path in file.parents, file.name) == (b"+1\n", False, "a.patch")
    shutil.rmtree(file.parents[1])


@pytest.mark.usefixtures("interruptible")
async def test_ctrl_c_ends_every_agent_and_keeps_what_they_have_made(clone: Path) -> None:
    flow = clone.parent / "three.yml"
    jobs = "".join(
        f"  {name}: {{agent: developer, focus: Make {name}., owns: [/{name}.txt]{more}}}\n"
        for name, more in (("ada", ""), ("bob", ""), ("cyd", ", needs: ada"))
    )
    flow.write_text(f"name: Three\non: {{command: three}}\njobs:\n{jobs}outputs: {{pull-request: {{}}}}\n")
    (clone / "check.sh").write_text("! test -e cyd.txt\n")
    git(clone, "commit", "-q", "-m", "Be content without Cyd", "check.sh")
    tries: Mapping[str, Mapping[int, Sequence[Act]]] = {
        "Make ada": {1: (Write("ada.txt", "1\n"),)},
        "Make bob": {1: (Write("bob.txt", "1\n"), Hang())},
        "Make cyd": {1: (Write("cyd.txt", "1\n"),), 2: (Write("cyd.txt", "2\n"), Hang())},
    }

    def press(task: Task) -> None:
        if (task.key, task.attempt) == ("cyd.agent.2", 2):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    made = await run(clone, flow=str(flow), agents=Meanwhile(press, tries))
    assert signal.getsignal(signal.SIGINT) is before
    whole, apart = sorted((clone / ".git/tutti").rglob("*.patch"), key=lambda path: len(path.parts))
    assert made == Result(
        "cancelled",
        f"Cancelled by Ctrl-C.\n\nWhat was made is a patch: `git apply {whole}` takes it.\n\n"
        f"Not merged with the rest yet, each a patch:\n\n- cyd: `git apply {apart}` takes it",
        "",
    )
    for file, name in ((whole, "ada"), (apart, "cyd")):
        git(clone, "apply", str(file))
        assert (clone / f"{name}.txt").read_text() == "1\n"
    assert not (clone / "bob.txt").exists()
    assert list((clone.parent / "data/worktrees").iterdir()) == []
    assert code_of(made.state) == 130


async def test_the_page_s_last_phase_really_puts_together_what_others_own(clone: Path) -> None:
    """Step 7 of docs/building.md: what it changes of the page goes to whom that belongs."""
    page = (Path(__file__).parents[1] / "docs/building.md").read_text(encoding="utf-8")
    flow = clone.parent / "mock-first.yml"
    flow.write_text(page.split("## 7. ")[1].split("```yaml\n")[1].split("```")[0])
    (clone / "check.sh").write_text("true\n")
    git(clone, "commit", "-q", "-m", "Be content", "check.sh")
    real, end = Write("frontend/page.txt", "real\n"), Write("end.txt", "1\n")
    tries: Mapping[str, Mapping[int, Sequence[Act]]] = {
        "The job together wants": {4: (real, Say("It uses the real one."))},
        "Write the contract": {1: (Write("contract/api.txt", "1\n"),)},
        "Build the page": {1: (Write("frontend/page.txt", "mock\n"),)},
        "Build the API": {1: (Write("backend/api.txt", "1\n"),)},
        "Put both together": {1: (real, end)},
    }
    made = await run(clone, flow=str(flow), script=tries)
    assert made.state == "done"
    assert git(clone, "show", f"{made.branch}:frontend/page.txt") == "real\n"
    assert git(clone, "show", f"{made.branch}:end.txt") == "1\n"


async def test_red_tests_are_said_and_the_work_is_kept(clone: Path) -> None:
    wrong = (Append("greeting.txt", "helo\n"),)
    result = await run(clone, wrong, wrong, wrong)
    assert result.state == "failed"
    assert result.reason == (
        "Failed: the tests still fail after 3 tries.\n\nThe work is on the branch `feature/auto-7-say-hello`."
    )


async def test_no_change_makes_no_branch(clone: Path) -> None:
    result = await run(clone, [Say("It is fine.")])
    assert (result.state, result.branch) == ("no change", "")


async def test_what_the_agent_does_can_be_watched(clone: Path) -> None:
    heard: list[AgentEvent] = []
    await run(clone, RIGHT, heard=heard)
    assert [event.text for event in heard] == ["Write greeting.txt", "It says hello now."]


async def test_a_clone_without_a_commit_is_refused_in_words(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    result = await run(empty, RIGHT)
    assert result.state == "refused"
    assert result.reason.startswith("This repository has no commits yet")


async def test_a_configuration_with_a_mistake_is_refused_with_its_line(clone: Path) -> None:
    (clone / ".github/tutti.yml").write_text("version: 1\ntset: sh check.sh\n")
    git(clone, "commit", "-q", "-am", "Mistake")
    result = await run(clone, RIGHT)
    assert (result.state, result.branch) == ("refused", "")
    assert "``.github/tutti.yml:2: unknown key `tset` (did you mean `test`?)``" in result.reason


async def test_the_operators_limits_hold_here_too(clone: Path) -> None:
    result = await run(clone, [Say("I think."), Hang()], max_minutes=0.01)
    assert (result.state, result.reason.partition(":")[0]) == ("timed out", "Timed out")


async def test_what_is_shipped_is_found_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "workflows/examples/onboarding.yml"
    monkeypatch.chdir(tmp_path)
    ours = await choose(name, tmp_path)
    assert ours.workflow.name == "Lead new members through their first steps"
    assert rehearsed(name, ours.file, Wish("", "", backend="rehearsal")).keys() == {"rehearsal"}
    own = tmp_path / name
    own.parent.mkdir(parents=True)
    own.write_text("name: Mine\non: {command: mine}\njobs: {a: {agent: developer}}\noutputs: {pull-request: {}}\n")
    assert (await choose(name, tmp_path)).workflow.name == "Mine"
    for other in ("examples/onboarding.yml", "workflows/examples/none.yml", "pyproject.toml"):
        with pytest.raises(UserError, match="There is no workflow"):
            await choose(other, tmp_path)


async def test_a_workflow_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"odd.yml cannot be read"):
        await choose(str(tmp_path / "odd.yml"), tmp_path)


async def test_what_cannot_be_done_is_said_in_one_sentence(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not the top of a git clone"):
        await run(tmp_path / "nowhere", RIGHT)
    with pytest.raises(
        UserError, match="The workflow Review a pull request works on a pull request, and a clone has none"
    ):
        await run(clone, RIGHT, flow="review")
    with pytest.raises(UserError, match="There is no backend robot; known are claude, command, rehearsal"):
        await run(clone, RIGHT, wish=Wish("T", "", backend="robot"))
    with pytest.raises(UserError, match="There is no workflow nothing: neither a file nor one of ask, auto-implement"):
        await choose("nothing", clone)


async def configured(clone: Path, more: str) -> None:
    """The clone's newest commit has this in its configuration."""
    (clone / ".github/tutti.yml").write_text(f"version: 1\nbackend: rehearsal\ntest: sh check.sh\n{more}")
    git(clone, "add", ".github")
    git(clone, "commit", "-q", "-m", "Configure", ".github")


async def test_a_staged_run_makes_no_branch_and_keeps_the_patch(clone: Path) -> None:
    await configured(clone, "staged: true\n")
    result = await run(clone, RIGHT)
    assert (result.state, result.branch) == ("done", "")
    assert result.reason.startswith("Staged: the branch `feature/auto-7-say-hello` is not made.\n\nWhat was made is a ")
    (patch,) = (clone / ".git/tutti").iterdir()
    assert "+hello" in patch.read_text()
    assert git(clone, "for-each-ref", "--format=%(refname)") == "refs/heads/main\n"


async def test_paths_and_linters_hold_on_a_clone_too(clone: Path) -> None:
    await configured(clone, "owns: ['docs/']\nlint: grep -q hello greeting.txt\n")
    result = await run(clone, RIGHT)
    assert result.state == "refused"
    assert "`greeting.txt` lies outside of what runs of this repository may change" in result.reason


async def test_a_backend_named_at_the_terminal_comes_before_those_of_agents(clone: Path) -> None:
    await configured(clone, "agents: {developer: {backend: command, max-turns: 3}}\n")
    assert (await run(clone, RIGHT)).state == "done"
