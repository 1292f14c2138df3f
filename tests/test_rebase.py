"""`/rebase`: a pull request's commits stand upon the newest base afterwards; an agent resolves what conflicts."""

import shlex
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Act, Append, Delete, Fail, Say, Write
from bot.emulator.bare import Content
from bot.emulator.world import Pull
from bot.workflow.library import Shipped
from bot.workflow.output import Commits, Outputs
from tests.desk import BASE, Desk
from tests.house import opened
from tests.shelf import only

CART = "total = 1\nitems = 2\nprice = 3\n"
CHECK = "test: sh check.sh\n"
FILES = {
    **BASE,
    ".github/tutti.yml": f"version: 1\nbackend: rehearsal\n{CHECK}",
    "cart.py": CART,
    "check.sh": "! grep -q broken cart.py && echo '1 passed' || { echo '1 failed, the cart is broken'; exit 1; }\n",
}
Files = Mapping[str, Content]


def cart(**lines: int) -> str:
    """The cart with other numbers."""
    said = dict(line.split(" = ") for line in CART.splitlines()) | {name: str(value) for name, value in lines.items()}
    return "".join(f"{name} = {value}\n" for name, value in said.items())


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path, files=FILES, kind=Desk, offered=only("rebase")) as house:
        assert isinstance(house, Desk)
        yield house


async def behind(desk: Desk, base: Files, *commits: Files) -> Pull:
    """A pull request of commits with these files, whose base has gone on."""
    pull = await desk.propose(commits[0], title="Raise the price")
    for files in commits[1:]:
        await desk.push(files, branch="topic")
    desk.later()  # else equal changes of both sides would be one and the same commit
    await desk.push(base)
    await desk.settle()
    return pull


def resolves(desk: Desk, *tries: tuple[Act, ...]) -> None:
    """What the agent does at its first, second ... try at the conflicts of every commit."""
    desk.script.pop("", None)
    desk.script["is put upon a newer base"] = dict(enumerate(tries, start=1))


def told(desk: Desk, pull: Pull) -> str:
    """The status comment with every sha by the name of its branch, or in short."""
    words = desk.told(pull)
    for name, sha in desk.repo.branches.items():
        words = words.replace(sha, f"<{name}>").replace(sha[:7], f"<{name}>")
    return words


async def subjects(desk: Desk, branch: str = "topic") -> list[str]:
    """Author, committer, and message of what stands upon the default branch, oldest first."""
    said = await desk.git("log", "--reverse", "--format=%an %cn %s", f"main..{branch}")
    return said.splitlines()


CLASH = {"cart.py": cart(total=10)}, {"cart.py": cart(total=11)}, {"new.py": "1\n"}
BOTH: tuple[Act, ...] = (Write("cart.py", cart(total=21)), Say("Both."))


# ---- without conflicts -----------------------------------------------------------------------------------------------


async def test_the_commits_stand_upon_the_newest_base_and_the_way_back_is_told(desk: Desk) -> None:
    pull = await behind(desk, {"cart.py": cart(total=10)}, {"cart.py": cart(price=30)}, {"new.py": "1\n"})
    old = desk.repo.branches["topic"]
    await desk.order(pull, "/rebase")
    words = told(desk, pull).replace(old, "<old>").replace(old[:7], "<old>")
    assert (
        "- [x] Look at the pull request and fetch its commits · 0.1 s\n  2 commits\n"
        "- [x] Put 2 commits upon `<main>` · 0.1 s\n"
        "- [x] Run the tests: `sh check.sh` · 0.1 s\n  `1 passed`\n"
        "- [x] Push the branch · 0.1 s"
    ) in words
    assert (
        "Done: 2 commits of `topic` stand upon `<main>` of `main` now; the newest is `<topic>`. "
        "The tests passed (`sh check.sh`, 0.1 s).\n\n"
        "Before, the branch was at `<old>`. To have it back:\n\n"
        "```sh\ngit fetch origin <old>\n"
        "git push --force-with-lease=topic:<topic> origin <old>:refs/heads/topic\n```"
    ) in words
    assert await desk.git("merge-base", "main", "topic") == desk.repo.branches["main"] + "\n"
    assert await desk.file("topic", "cart.py") == cart(total=10, price=30)
    assert await subjects(desk) == ["maintainer tutti[bot] Change"] * 2
    assert pull.head_sha == desk.repo.branches["topic"]
    assert not desk.tasks  # no agent was needed


async def test_the_way_back_leads_back(desk: Desk) -> None:
    pull = await behind(desk, {"cart.py": cart(total=10)}, {"cart.py": cart(price=30)})
    old = desk.repo.branches["topic"]
    await desk.order(pull, "/rebase")
    fetch, push = desk.status(pull).partition("```sh\n")[2].partition("\n```")[0].splitlines()
    assert fetch == f"git fetch origin {old}"
    clone = await desk.git("rev-parse", "--absolute-git-dir")
    await desk.git("-c", f"remote.origin.url={clone.strip()}", *push.split()[1:])
    assert (await desk.git("rev-parse", "topic")).strip() == old


async def test_an_odd_name_of_a_branch_cannot_act_in_the_shell_of_who_wants_it_back(desk: Desk) -> None:
    name = "topic;touch${IFS}gone&&'x'"
    await desk.propose({"cart.py": cart(price=30)}, branch=name)
    await desk.push({"new.py": "1\n"})
    (pull,) = desk.pulls()
    await desk.order(pull, "/rebase")
    push = desk.status(pull).partition("```sh\n")[2].partition("\n```")[0].splitlines()[1]
    assert [word for word in shlex.split(push) if name in word] == [
        f"--force-with-lease={name}:{desk.repo.branches[name]}",
        shlex.split(push)[-1],
    ]


async def test_what_is_left_out_is_counted(desk: Desk) -> None:
    same = {"cart.py": cart(total=10)}
    pull = await behind(desk, same, {"cart.py": cart(total=10)}, {"new.py": "1\n"})
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "Done: 1 commit of `topic` stands upon `<main>` of `main` now" in words
    assert "Left out, as `git rebase` does: 1 commit whose change `main` has already." in words
    assert await subjects(desk) == ["maintainer tutti[bot] Change"]


async def test_a_branch_that_is_up_to_date_stays(desk: Desk) -> None:
    pull = await desk.propose({"cart.py": cart(price=30)})
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "· no change ·" in words
    assert "No change: the branch has the newest commit of `main`, `<main>`, already." in words


async def test_a_branch_whose_changes_the_base_has_is_not_emptied(desk: Desk) -> None:
    pull = await behind(desk, {"cart.py": cart(total=10)}, {"cart.py": cart(total=10)})
    old = desk.repo.branches["topic"]
    await desk.order(pull, "/rebase")
    assert "No change: `main` has at `<main>` all that this pull request changes" in told(desk, pull)
    assert desk.repo.branches["topic"] == old


# ---- conflicts -------------------------------------------------------------------------------------------------------


async def test_an_agent_resolves_a_conflict_and_what_it_resolved_is_marked(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    resolves(desk, BOTH)
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "- [x] resolver works on the conflicts of `" in words
    assert (
        "An agent resolved the conflicts in these files; look at them closely before you merge:\n\n- `cart.py`" in words
    )
    assert await desk.file("topic", "cart.py") == cart(total=21)
    assert await subjects(desk) == ["maintainer tutti[bot] Change"] * 2
    (task,) = desk.tasks
    assert "BEGIN DATA (the files with conflicts)\n- cart.py\nEND DATA" in task.prompt
    assert "+total = 11" in task.prompt.partition("what that commit changed")[2]
    assert "+total = 10" in task.prompt.partition("what the base changed")[2]
    assert "Title: Raise the price" in task.prompt


async def test_every_conflict_is_resolved_in_turn(desk: Desk) -> None:
    pull = await behind(desk, {"cart.py": cart(total=10)}, {"cart.py": cart(total=11)}, {"cart.py": cart(total=12)})
    resolves(desk, BOTH)
    await desk.order(pull, "/rebase")
    assert told(desk, pull).count("resolver works on the conflicts of") == 2
    assert "Left out, as `git rebase` does: 1 commit that would change nothing." in told(desk, pull)
    assert await desk.file("topic", "cart.py") == cart(total=21)
    assert len(desk.tasks) == 2


@pytest.mark.parametrize(
    ("acts", "wrong"),
    [
        ((Say("Done."),), "cart.py has conflict markers still"),
        ((Delete("cart.py"),), "cart.py is gone or no file of its kind any more"),
        ((*BOTH, Append("README.md", "More.\n")), "README.md had no conflict and must stay as it was"),
        ((*BOTH, Write("extra.py", "1\n")), "extra.py had no conflict and must stay as it was"),
    ],
)
async def test_a_resolution_that_is_not_right_is_asked_for_again_with_what_is_wrong(
    desk: Desk, acts: tuple[Act, ...], wrong: str
) -> None:
    pull = await behind(desk, *CLASH)
    resolves(desk, acts, BOTH)
    await desk.order(pull, "/rebase")
    assert f"BEGIN DATA (what is wrong)\n- {wrong}\nEND DATA" in desk.tasks[1].prompt
    assert await desk.file("topic", "cart.py") == cart(total=21)
    assert sorted((await desk.git("diff", "--name-only", "main", "topic")).split()) == ["cart.py", "new.py"]
    desk.said(pull)


async def test_markers_that_stay_end_it_and_nothing_is_pushed(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    old = desk.repo.branches["topic"]
    resolves(desk)
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "· failed ·" in words
    assert "are not resolved:\n\n- `cart.py has conflict markers still`\n\nNothing was pushed." in words
    assert len(desk.tasks) == 3
    assert desk.repo.branches["topic"] == old


async def test_an_agent_that_fails_ends_it(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    resolves(desk, (Fail(Outcome("error", "", problem="the model is away")),))
    await desk.order(pull, "/rebase")
    assert "Failed: the agent ended with an error: the model is away\n\nNothing was pushed." in told(desk, pull)


HARD: list[tuple[Files, Files, str]] = [
    ({"cart.py": None}, {"cart.py": cart(total=11)}, "- `cart.py`: one side deletes it, the other changes it"),
    ({"a.bin": b"\0\1"}, {"a.bin": b"\0\2"}, "- `a.bin`: both sides change it, and it is no text"),
    ({"CLAUDE.md": "Be kind.\n"}, {"CLAUDE.md": "Be bold.\n"}, "- `CLAUDE.md`: it tells coding agents what to do"),
    (
        {"l": ("120000", "README.md")},
        {"l": ("120000", "cart.py")},
        "- `l`: both sides change what it is",
    ),
]


@pytest.mark.parametrize(("base", "ours", "line"), HARD, ids=["deleted", "binary", "instructions", "link"])
async def test_what_no_agent_can_decide_is_left_to_people(desk: Desk, base: Files, ours: Files, line: str) -> None:
    pull = await behind(desk, base, ours)
    old = desk.repo.branches["topic"]
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "· refused ·" in words
    assert "(`Change`) conflicts with the base in a way that a person has to resolve:\n\n" in words
    assert f"{line}\n\nNothing was pushed." in words
    assert desk.repo.branches["topic"] == old
    assert not desk.tasks


async def test_policies_judge_what_the_agent_made(desk: Desk) -> None:
    first = {".github/workflows/ci.yml": "on: push\njobs: 1\n"}
    pull = await behind(desk, first, {".github/workflows/ci.yml": "on: pull_request\njobs: 1\n"})
    old = desk.repo.branches["topic"]
    resolves(desk, (Write(".github/workflows/ci.yml", "on: [push, pull_request]\njobs: 1\n"),))
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "Refused: what the agent made of the conflicts is not pushed, for only people decide about it." in words
    assert ".github/workflows/ci.yml" in words
    assert desk.repo.branches["topic"] == old


# ---- tests -----------------------------------------------------------------------------------------------------------


async def test_red_tests_keep_it_from_being_pushed(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    old = desk.repo.branches["topic"]
    resolves(desk, (Write("cart.py", "broken\n"),))
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert "· failed ·" in words
    assert "Failed: `sh check.sh` did not pass on the rebased files, in 0.1 s, so nothing was pushed." in words
    assert "```text\n1 failed, the cart is broken\n```" in words
    assert desk.repo.branches["topic"] == old


async def test_a_set_up_that_fails_keeps_it_from_being_pushed(desk: Desk) -> None:
    await desk.configure("setup: sh -c 'exit 3'\n")
    pull = await behind(desk, {"b.py": "1\n"}, {"cart.py": cart(total=11)})
    old = desk.repo.branches["topic"]
    await desk.order(pull, "/rebase")
    assert "did not succeed.\n\nNothing was pushed." in told(desk, pull)
    assert desk.repo.branches["topic"] == old


# ---- what is never pushed to -----------------------------------------------------------------------------------------


async def test_a_fork_is_left_alone(desk: Desk) -> None:
    fork = await desk.emulator.fork(desk.repo, "stranger")
    sha = await desk.emulator.push_commit(fork, "topic", {"new.py": "1\n"}, by="stranger")
    pull = await desk.emulator.open_pull(desk.repo, "topic", title="From afar", head_repo=fork, by="stranger")
    await desk.push({"b.py": "1\n"})
    await desk.order(pull, "/rebase")
    assert "Refused: this pull request comes from a fork, where Tutti pushes nothing" in told(desk, pull)
    assert fork.branches["topic"] == sha


async def test_the_default_branch_is_left_alone(desk: Desk) -> None:
    await desk.emulator.move_branch(desk.repo, "release", desk.repo.branches["main"])
    await desk.push({"b.py": "1\n"})
    await desk.push({"c.py": "1\n"}, branch="release")
    pull = await desk.emulator.open_pull(desk.repo, "main", "release", title="Release", by="maintainer")
    before = desk.repo.branches["main"]
    await desk.order(pull, "/rebase")
    assert "Refused: this pull request comes from `main`, the default branch" in told(desk, pull)
    assert desk.repo.branches["main"] == before


@pytest.mark.parametrize("dies", [False, True])
async def test_what_was_pushed_meanwhile_is_never_overwritten(desk: Desk, dies: bool) -> None:
    pull = await behind(desk, {"b.py": "1\n"}, {"cart.py": cart(total=11)})
    desk.crash_at("push:before")
    await desk.comment(pull, "/rebase")
    await desk.reached.wait()
    theirs = await desk.push({"theirs.py": "1\n"}, branch="topic")
    if dies:
        await desk.restart()
    desk.go_on()
    await desk.settle()
    assert "Refused: the pull request was pushed to while this was at work, so nothing was pushed" in told(desk, pull)
    assert desk.repo.branches["topic"] == theirs


async def test_another_base_ends_it(desk: Desk) -> None:
    pull = await behind(desk, {"b.py": "1\n"}, {"cart.py": cart(total=11)})
    await desk.emulator.move_branch(desk.repo, "release", desk.repo.branches["main"])
    desk.crash_at("push:before")
    await desk.comment(pull, "/rebase")
    await desk.reached.wait()
    await desk.emulator.edit_pull(pull, base="release")
    desk.go_on()
    await desk.settle()
    assert "Refused: the pull request goes to `release` now, so nothing was pushed" in told(desk, pull)


async def test_a_stranger_has_nothing_rebased(desk: Desk) -> None:
    pull = await behind(desk, {"b.py": "1\n"}, {"cart.py": cart(total=11)})
    await desk.order(pull, "/rebase", by="stranger")
    assert desk.said(pull)[-1].startswith('@stranger, starting "Rebase a pull request" needs write access')
    assert await desk.runs() == []


async def test_more_commits_than_may_be_are_refused(tmp_path: Path) -> None:
    flow = (shelf := only("rebase")).workflows["rebase"]
    few = flow.model_copy(update={"outputs": Outputs(commits=Commits(max=1))})
    offered = Shipped({"rebase": few}, shelf.agents)
    async with opened(tmp_path, files=FILES, kind=Desk, offered=offered) as desk:
        assert isinstance(desk, Desk)
        pull = await behind(desk, {"b.py": "1\n"}, {"new.py": "1\n"}, {"new.py": "2\n"})
        await desk.order(pull, "/rebase")
        assert "Refused: the pull request has 2 commits, and Tutti rebases 1 at most." in told(desk, pull)


async def test_a_staged_repository_is_shown_it_and_nothing_is_pushed(desk: Desk) -> None:
    await desk.configure("staged: true\n")
    pull = await behind(desk, {"b.py": "1\n"}, {"cart.py": cart(total=11)})
    old = desk.repo.branches["topic"]
    await desk.order(pull, "/rebase")
    words = told(desk, pull)
    assert (
        "Staged: nothing but this comment is written. 1 commit of `topic` would be put upon `<main>` of `main`" in words
    )
    assert desk.repo.branches["topic"] == old


async def test_closing_cancels_it_and_the_branch_stays(desk: Desk) -> None:
    pull = await behind(desk, *CLASH)
    old = desk.repo.branches["topic"]
    resolves(desk, BOTH)
    desk.gate.close()
    await desk.comment(pull, "/rebase")
    await desk.gate.reached()
    await desk.emulator.close_pull(pull)
    await desk.settle()
    await desk.gate.open()
    assert "· cancelled ·" in told(desk, pull)
    assert desk.repo.branches["topic"] == old
