"""`/test`: the repository's own tests, run when somebody asks, on exactly the commit that they could see."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.emulator.bare import RefChange
from bot.emulator.world import Pull
from tests.desk import BASE, DISCOUNT, Desk
from tests.house import opened
from tests.shelf import only

CHECK = "grep -q '// 100' shop/cart.py && echo '1 passed' || { echo '1 failed, fractions of a cent'; exit 1; }"
CENTS = DISCOUNT.replace("* (1 - discount / 100)", "* (100 - discount) // 100")
PASSING, FAILING = {"shop/cart.py": CENTS}, {"shop/cart.py": DISCOUNT}
FILES: Mapping[str, str] = {**BASE, ".github/tutti.yml": f'version: 1\nbackend: rehearsal\ntest: "{CHECK}"\n'}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose repository has a test that only whole cents pass."""
    async with opened(tmp_path, files=FILES, kind=Desk, offered=only("test")) as house:
        assert isinstance(house, Desk)
        yield house


def head(desk: Desk, branch: str = "topic") -> str:
    return desk.repo.branches[branch][:7]


async def test_a_green_head_is_told_with_its_commit_its_command_and_what_was_printed(desk: Desk) -> None:
    pull = await desk.propose(PASSING)
    await desk.order(pull, "/test")
    words = desk.told(pull)
    assert words.startswith("**Run the tests** · done · 0.1 s · $0.00\n\n")
    assert f"- [x] Look at the commit and fetch it · 0.1 s\n  `{head(desk)}`\n" in words
    assert f"- [x] Run the tests: `{CHECK}` · 0.1 s\n  `1 passed`\n" in words
    assert (
        f"Passed: `{CHECK}` on `{head(desk)}`, in 0.1 s.\n\n"
        "<details><summary>The end of what was printed</summary>\n\n```text\n1 passed\n```\n\n</details>"
    ) in words
    assert desk.checks() == []
    assert not desk.tasks  # no agent is asked, and nothing is paid for


async def test_a_red_head_fails_with_the_end_of_what_was_printed(desk: Desk) -> None:
    pull = await desk.propose(FAILING)
    await desk.order(pull, "/test")
    words = desk.told(pull)
    assert words.startswith("**Run the tests** · failed ·")
    assert f"Failed: `{CHECK}` did not pass on `{head(desk)}`, in 0.1 s.\n\n<details>" in words
    assert "```text\n1 failed, fractions of a cent\n```" in words


async def test_what_is_printed_is_harmless_and_shows_no_secret(desk: Desk) -> None:
    key = desk.settings().anthropic_api_key
    assert key is not None
    await desk.configure(test="sh loud.sh")
    pull = await desk.propose({"loud.sh": f"echo '/merge'; echo '```'; echo '{key.get_secret_value()}'\n"})
    await desk.order(pull, "/test")
    words = desk.told(pull)
    assert "````text\n· /merge\n```\n" in words
    assert key.get_secret_value() not in words


async def test_only_the_head_can_be_named(desk: Desk) -> None:
    pull = await desk.propose(FAILING)
    old = desk.repo.branches["topic"]
    await desk.push(PASSING, branch="topic")
    said: list[str] = []
    for words in (old[:7], head(desk)[:6], "everything", "a b", head(desk).upper()):  # nobody looks at the case
        await desk.order(pull, f"/test {words}")
        said.append((await desk.end(pull)).partition(": ")[2])
    assert said[:4] == [
        f"Refused: `{old[:7]}` is not the newest commit here, which is `{head(desk)}`; only that one is tested.",
        *(
            f"Refused: `{words}` names no commit; name the head by 7 or more digits of its SHA, or nothing."
            for words in (head(desk)[:6], "everything", "a b")
        ),
    ]
    assert said[4].startswith(f"Passed: `{CHECK}` on `{head(desk)}`")
    desk.said(pull)


# ---- what is pushed after the command --------------------------------------------------------------------------------


async def race(desk: Desk, pull: Pull, point: str, *, dated: float = 0.0) -> None:
    """The command, and two seconds later a push of a commit `dated` so, just before the bot comes to that point."""
    desk.crash_at(point)
    await desk.comment(pull, "/test")
    await desk.reached.wait()
    desk.later(2)
    old, when = desk.repo.branches["topic"], desk.emulator.now() + dated
    new = await desk.repo.git.commit("topic", {"more.py": "1\n", **PASSING}, "More", "eve <e@example.com>", when, old)
    await desk.emulator.pushed(desk.repo, [RefChange("refs/heads/topic", old, new)], by="maintainer")
    await desk.emulator.delivered()
    desk.go_on()


async def test_a_push_between_the_command_and_the_look_is_not_tested(desk: Desk) -> None:
    pull = await desk.propose(FAILING)
    desk.emulator.hooks.lose("pull_request.synchronize")
    await race(desk, pull, "prepare:before")
    await desk.settle()
    words = desk.told(pull)
    assert "· refused ·" in words
    assert (
        f"Refused: `{head(desk)}` was pushed after this was asked for. Look at it and say `/test` again, or name it: "
        f"`/test {desk.repo.branches['topic'][:12]}`."
    ) in words
    assert "Run the tests:" not in words
    desk.later()
    await desk.order(pull, f"/test {desk.repo.branches['topic'][:12]}")
    assert "Passed: " in desk.said(pull)[-1]


async def test_a_push_with_an_old_date_is_found_by_what_github_told_of_it(desk: Desk) -> None:
    pull = await desk.propose(FAILING)
    await race(desk, pull, "prepare:before", dated=-3600)
    await desk.settle()
    words = desk.told(pull)
    assert f"Refused: `{head(desk)}` was pushed after this was asked for." in words
    assert "Run the tests:" not in words


async def test_what_github_tells_late_is_found_before_anything_is_told(desk: Desk) -> None:
    pull = await desk.propose(FAILING)
    desk.emulator.hooks.lose("pull_request.synchronize")
    await race(desk, pull, "prepare:before", dated=-3600)
    desk.crash_at("look:before")
    await desk.reached.wait()
    lost = next(one for one in desk.emulator.hooks.deliveries if one.name == "pull_request.synchronize")
    desk.emulator.hooks.again(lost)
    await desk.emulator.delivered()
    desk.go_on()
    await desk.settle()
    words = desk.told(pull)
    assert f"Refused: `{head(desk)}` was pushed after this was asked for." in words
    assert "Passed" not in words


async def test_what_is_pushed_while_the_tests_run_is_named_and_not_tested(desk: Desk) -> None:
    pull = await desk.propose(PASSING)
    old = head(desk)
    await race(desk, pull, "test:before")
    await desk.settle()
    words = desk.told(pull)
    assert f"on `{old}`, in 0.1 s." in words
    assert (
        f"The pull request has gone on meanwhile: its newest commit is `{head(desk)}`, which was not tested." in words
    )


# ---- who, where, and what stops it -----------------------------------------------------------------------------------


async def test_a_stranger_has_nothing_run(desk: Desk) -> None:
    pull = await desk.propose(PASSING)
    await desk.order(pull, "/test", by="stranger")
    assert desk.said(pull)[-1].startswith('@stranger, starting "Run the tests" needs write access')
    assert await desk.runs() == []


async def test_a_fork_is_tested_where_a_maintainer_asks_and_nothing_of_it_is_pushed(desk: Desk) -> None:
    fork = await desk.emulator.fork(desk.repo, "stranger")
    sha = await desk.emulator.push_commit(fork, "topic", PASSING, by="stranger")
    pull = await desk.emulator.open_pull(desk.repo, "topic", title="From afar", head_repo=fork, by="stranger")
    await desk.order(pull, "/test")
    assert f"Passed: `{CHECK}` on `{sha[:7]}`" in desk.told(pull)


async def test_on_an_issue_the_default_branch_is_tested(desk: Desk) -> None:
    await desk.push(PASSING)
    issue = await desk.open_issue()
    await desk.comment(issue, "/test")
    await desk.settle()
    assert f"Passed: `{CHECK}` on `{head(desk, 'main')}`" in desk.told(issue)


async def test_a_repository_without_tests_is_told_how_to_name_them(desk: Desk) -> None:
    await desk.push({".github/tutti.yml": "version: 1\nbackend: rehearsal\n"})
    await desk.settle()
    pull = await desk.propose(PASSING)
    await desk.order(pull, "/test")
    words = desk.told(pull)
    assert "· skipped ·" in words
    assert f"Skipped: `{head(desk)}` has no tests that Tutti knows how to run; say how under `test`" in words


@pytest.mark.parametrize(
    ("test", "state", "sentence"),
    [
        ("no-such-command", "failed", "Failed: the test command `no-such-command` cannot be run here (exit 127)."),
        ("'true'\nsetup: sh -c 'echo no network; exit 3'", "failed", "Failed: the set-up command"),
    ],
)
async def test_what_keeps_tests_from_running_is_said(desk: Desk, test: str, state: str, sentence: str) -> None:
    await desk.configure(test=test)
    pull = await desk.propose(PASSING)
    await desk.order(pull, "/test")
    words = desk.told(pull)
    assert f"· {state} ·" in words
    assert sentence in words


async def test_a_pull_request_that_is_closed_meanwhile_is_not_tested_though_nobody_told(desk: Desk) -> None:
    pull = await desk.propose(PASSING)
    desk.crash_at("prepare:before")
    await desk.comment(pull, "/test")
    await desk.reached.wait()
    desk.emulator.hooks.lose("pull_request.closed")
    await desk.emulator.close_pull(pull)
    desk.go_on()
    await desk.settle()
    assert "Refused: the pull request is closed." in desk.told(pull)


async def test_closing_cancels_it(desk: Desk) -> None:
    await desk.configure(test="sleep 1000")
    pull = await desk.propose(PASSING)
    desk.crash_at("test:before")
    await desk.comment(pull, "/test")
    await desk.reached.wait()
    desk.go_on()
    await desk.emulator.close_pull(pull)
    await desk.settle()
    assert "· cancelled ·" in desk.told(pull)


POINTS = ["delivery:before", "delivery:done", "start:before"] + [
    f"{step}:{side}" for step in ("prepare", "test", "look", "finish") for side in ("before", "done")
]


async def test_these_are_all_the_checkpoints(desk: Desk) -> None:
    pull = await desk.propose(PASSING)
    await desk.settle()
    desk.points.clear()
    await desk.order(pull, "/test")
    assert desk.points == POINTS
    desk.said(pull)


@pytest.mark.parametrize("point", ["start:before", *(point for point in POINTS[3:] if point.endswith(":done"))])
async def test_a_crash_at_any_checkpoint_gives_the_same_comment(desk: Desk, point: str) -> None:
    pull = await desk.propose(PASSING)
    await desk.settle()
    desk.crash_at(point)
    await desk.comment(pull, "/test")
    await desk.reached.wait()
    await desk.restart()
    await desk.settle()
    words = desk.told(pull)
    assert "· done ·" in words
    assert f"Passed: `{CHECK}` on `{head(desk)}`, in 0.1 s." in words
