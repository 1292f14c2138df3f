"""However a run ends, the issue says so in its own honest sentence, and what was made is offered."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Act, Append, Fail, Hang, Run, Say, Write
from bot.store import runs
from tests.house import FILES, House, opened
from tests.shelf import limited

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WRONG = (Append("greeting.txt", "helo\n"),)


# ---- no pull request ---------------------------------------------------------------------------------------------


async def test_no_change(house: House) -> None:
    house.rehearse([Say('It says hello already.\n\n```json\n{"title": "Nothing"}\n```')])
    issue = await house.implement()
    assert house.told(issue) == (
        "**Implement an issue** · no change · 0.1 s · $0.00\n\n"
        "No change: the agent ended without changing a file. It says:\n\n"
        "> It says hello already.\n\n"
        "<details><summary>2 steps</summary>\n\n"
        "- [x] Read the issue and fetch the repository · 0.1 s\n"
        "- [x] developer works · 0.1 s\n\n"
        "</details>"
    )
    assert house.repo.branches.keys() == {"main"}


async def test_an_agent_that_neither_changes_nor_says_anything(house: House) -> None:
    issue = await house.implement()
    assert house.reason(issue) == "No change: the agent ended without changing a file."


async def test_an_agent_that_takes_its_change_back(house: House) -> None:
    house.rehearse(WRONG, [Write("greeting.txt", FILES["greeting.txt"])])
    issue = await house.implement()
    assert "· no change ·" in house.status(issue)
    assert house.repo.pulls == []


@pytest.mark.parametrize(
    ("act", "state", "sentence"),
    [
        (
            Fail(Outcome("error", "", problem="the model is overloaded")),
            "failed",
            "Failed: the agent ended with an error: the model is overloaded",
        ),
        (Fail(Outcome("refused", "")), "failed", "Failed: the agent ended with an error: refused"),
        (Fail(Outcome("turns", "")), "failed", "Failed: the agent used all of its 150 turns."),
        (Fail(Outcome("budget", "", usd=5.02)), "over budget", "Over budget: the limit of $5.00 for a run is used up."),
    ],
)
async def test_an_agent_that_stops_short(house: House, act: Act, state: str, sentence: str) -> None:
    house.rehearse([act])
    issue = await house.implement()
    assert f"· {state} ·" in house.told(issue)
    assert house.reason(issue) == sentence
    assert house.repo.pulls == []


async def test_silence(tmp_path: Path) -> None:
    async with opened(tmp_path, offered=limited(silence_minutes=0.001)) as house:
        house.rehearse([Hang()])
        issue = await house.implement()
        assert "· timed out ·" in house.told(issue)
        assert house.reason(issue) == "Timed out: the agent said and did nothing for 0.001 minutes."


async def test_the_time_is_up(tmp_path: Path) -> None:
    async with opened(tmp_path, offered=limited(minutes=0.001)) as house:
        house.rehearse([Hang()])
        issue = await house.implement()
        assert "· timed out ·" in house.told(issue)
        assert house.reason(issue) == "Timed out: the limit of 0.001 minutes for a run is used up."


async def test_a_lower_limit_of_the_repository_holds(house: House) -> None:
    await house.configure("limits:\n  usd: 2\n")
    house.rehearse([Fail(Outcome("budget", ""))])
    issue = await house.implement()
    assert house.reason(issue) == "Over budget: the limit of $2.00 for a run is used up."
    (task,) = house.tasks
    assert task.usd == 2.0


async def test_the_set_up_fails(house: House) -> None:
    await house.configure("setup: echo no such package; exit 3\n")
    house.rehearse(RIGHT)
    issue = await house.implement()
    assert house.reason(issue) == (
        "Failed: the set-up command `echo no such package; exit 3` did not succeed.\n\n```text\nno such package\n```"
    )
    assert house.tasks == []


async def test_an_archived_repository(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("prepare:before")
    await house.label(issue)
    await house.reached.wait()
    house.emulator.archive(house.repo)
    house.go_on()
    house.expected_log = {"end not shown yet", "status not shown"}
    await house.settle()
    assert await house.end(issue) == "refused: This repository is archived, so nothing can be pushed to it."
    house.said(issue)


async def test_an_empty_repository(tmp_path: Path) -> None:
    async with opened(tmp_path, files={}) as house:
        issue = await house.implement()
        assert house.told(issue) == (
            "**Implement an issue** · refused · 0.1 s · $0.00\n\n"
            "This repository has no commits yet; push a first one, then set the label again.\n\n"
            "<details><summary>1 step</summary>\n\n"
            "- [ ] Read the issue and fetch the repository · **refused** · 0.1 s\n\n"
            "</details>"
        )


async def test_a_base_branch_that_is_not_there(house: House) -> None:
    await house.configure("base: develop\n")
    issue = await house.implement()
    assert "· refused ·" in house.told(issue)
    assert "`develop`" in house.reason(issue)


async def test_a_nested_repository_cannot_be_published(house: House) -> None:
    house.rehearse([Run("git init -q inner && cd inner && echo x > x"), *RIGHT])
    issue = await house.implement()
    assert house.reason(issue) == (
        "The agent left a git repository of its own in `inner`; a commit cannot hold a repository."
    )


# ---- what was made is offered --------------------------------------------------------------------------------------


async def test_tests_still_red_after_every_try(house: House) -> None:
    house.rehearse(WRONG, WRONG, (*WRONG, Say("I cannot make it say hello.")))
    issue = await house.implement()
    assert house.told(issue) == (
        "**Implement an issue** · failed · 0.1 s · $0.00 · [check](address)\n\n"
        "Failed: the tests still fail after 3 tries.\n\n"
        "What was made so far is in the draft #2.\n\n"
        "<details><summary>8 steps</summary>\n\n"
        "- [x] Read the issue and fetch the repository · 0.1 s\n"
        "- [x] developer works · 0.1 s\n"
        "  - feat: greeting.txt\n"
        "- [ ] Run the tests: `sh check.sh` · **failed** · 0.1 s\n"
        "  `1 failed: nobody says hello`\n"
        "- [x] developer works, try 2 of 3 · 0.1 s\n"
        "  - feat: greeting.txt\n"
        "- [ ] Run the tests: `sh check.sh` · **failed** · 0.1 s\n"
        "  `1 failed: nobody says hello`\n"
        "- [x] developer works, try 3 of 3 · 0.1 s\n"
        "  - feat: greeting.txt\n"
        "- [ ] Run the tests: `sh check.sh` · **failed** · 0.1 s\n"
        "  `1 failed: nobody says hello`\n"
        "- [x] Push the branch and open the pull request · 0.1 s\n\n"
        "</details>"
    )
    pull = house.pull
    assert pull.draft
    assert pull.reviewers == []
    body = pull.body or ""
    assert "\n\nFailed: the tests still fail after 3 tries.\n\nPart of #1.\n" in body[:200]
    assert "Closes" not in body
    assert "- [ ] The repository's tests pass on this change" in body
    check = house.check
    assert (check.conclusion, check.title) == ("failure", "Failed: the tests still fail after 3 tries.")


async def test_silence_after_some_work(tmp_path: Path) -> None:
    async with opened(tmp_path, offered=limited(silence_minutes=0.002)) as house:
        house.rehearse([*WRONG, Hang()])
        issue = await house.implement()
        assert house.reason(issue) == (
            "Timed out: the agent said and did nothing for 0.002 minutes.\n\nWhat was made so far is in the draft #2."
        )
        assert "The tests (`sh check.sh`) were not run on this change." in (house.pull.body or "")
        check = house.check
        assert check.conclusion == "timed_out"


async def test_the_budget_is_spent_at_the_second_try(house: House) -> None:
    house.rehearse(WRONG, [Append("greeting.txt", "more\n"), Fail(Outcome("budget", "", usd=5.0))])
    issue = await house.implement()
    assert house.reason(issue) == (
        "Over budget: the limit of $5.00 for a run is used up.\n\nWhat was made so far is in the draft #2."
    )
    assert "· over budget · 0.1 s · $5.00 ·" in house.told(issue)
    assert (await house.file(house.pull.head, "greeting.txt")).endswith("helo\nmore\n")


async def test_drafts_are_not_to_be_had(house: House) -> None:
    house.repo.drafts = False
    house.rehearse(*[WRONG] * 3)
    issue = await house.implement()
    assert house.reason(issue).endswith("What was made so far is in #2.")


async def test_a_run_that_fails_on_an_open_pull_request_names_it_as_it_is(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement()
    again = (Write("greeting.txt", "bye\n"), Append("log.txt", "x\n"))
    house.rehearse(again, again, again)
    await house.relabel(issue)
    await house.settle()
    assert "What was made so far is in #2.\n\n<details><summary>8 steps</summary>" in house.said(issue)[-1]
    assert not house.pull.draft


# ---- GitHub does not take the branch -------------------------------------------------------------------------------

PATCH = """What was made so far, as a patch:

<details><summary>Patch</summary>

```diff
diff --git a/greeting.txt b/greeting.txt
index {old}..{new} 100644
--- a/greeting.txt
+++ b/greeting.txt
@@ -1 +1 @@
-Good day
+hello
```

</details>"""


def patch() -> str:
    old, new = (hashlib.sha1(b"blob %d\0%s" % (len(text), text)).hexdigest() for text in (b"Good day\n", b"hello\n"))
    return PATCH.format(old=old, new=new)


async def test_a_protected_branch(house: House) -> None:
    house.emulator.protect(house.repo, "feature/auto-1-say-hello")
    house.rehearse(RIGHT)
    issue = await house.implement()
    assert "· failed ·" in house.told(issue)
    assert house.reason(issue) == (
        "Failed: the branch could not be pushed. GitHub did not take the branch `feature/auto-1-say-hello`: "
        "GH006: Protected branch update failed for refs/heads/feature/auto-1-say-hello. "
        "- Changes must be made through a pull request.\n\n" + patch()
    )


async def test_a_ruleset(house: House) -> None:
    house.emulator.ruleset(house.repo, "feature/*", "creation")
    house.rehearse(RIGHT)
    issue = await house.implement()
    said = house.reason(issue)
    assert said.startswith("Failed: the branch could not be pushed. GitHub did not take the branch ")
    assert "GH013: Repository rule violations found for refs/heads/feature/auto-1-say-hello." in said
    assert "- Cannot create ref due to creations being restricted." in said
    assert said.endswith(patch())


async def test_a_workflow_of_actions(house: House) -> None:
    house.rehearse([*RIGHT, Write(".github/workflows/ci.yml", "on: push\n")])
    issue = await house.implement()
    said = house.reason(issue)
    assert said.startswith("Refused: this change is not published.")
    assert "`.github/workflows/ci.yml`" in said
    assert "+on: push" in said
    assert house.repo.branches.keys() == {"main"}


async def test_somebody_pushed_to_the_branch_meanwhile(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("push:before")
    await house.label(issue)
    await house.reached.wait()
    await house.push({"mine.txt": "mine\n"}, branch="feature/auto-1-say-hello")
    house.go_on()
    await house.settle()
    assert house.reason(issue).startswith(
        "Failed: the branch could not be pushed. GitHub did not take the branch `feature/auto-1-say-hello`: "
        "somebody else has pushed to it meanwhile, and Tutti never overwrites the work of others.\n\n"
    )
    assert await house.file("feature/auto-1-say-hello", "mine.txt") == "mine\n"


async def test_a_patch_too_long_for_a_comment_is_kept(house: House) -> None:
    house.emulator.protect(house.repo, "feature/auto-1-say-hello")
    house.rehearse([*RIGHT, Write("long.txt", "".join(f"line {n}\n" for n in range(10_000)))])
    issue = await house.implement()
    (run,) = await house.runs()
    said = house.reason(issue)
    assert said.endswith(
        f"What was made so far is a patch of 106 KB, too long for a comment; "
        f"whoever runs this bot can print it with `tutti patch {run.id}`."
    )
    kept = await house.bot.bench.db.read(lambda conn: runs.kept(conn, run.id, "patch"))
    assert kept is not None
    assert b"+line 9999\n" in kept[1]


# ---- what the agent cannot see -------------------------------------------------------------------------------------


async def test_submodules_and_files_in_lfs_are_said(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n"
    files: dict[str, Any] = {
        **FILES,
        "lib": ("160000", "1" * 40),
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "data.bin": pointer,
    }
    async with opened(tmp_path, files=files) as house:
        house.rehearse(RIGHT)
        issue = await house.implement()
        first = house.told(issue).split("\n- ")[1]
        assert first == (
            "[x] Read the issue and fetch the repository · 0.1 s\n"
            "  Submodules are not checked out: `lib`. "
            "Files in Git LFS are seen as their pointers, not their content."
        )
        assert await house.file(house.pull.head, "data.bin") == pointer
        assert "160000" in await house.git("ls-tree", house.pull.head, "lib")


# ---- GitHub is in trouble ------------------------------------------------------------------------------------------

ASKED = [
    ("POST", r"/app/installations/\d+/access_tokens"),
    ("GET", "/repos/acme/greeter"),
    ("GET", "/repos/acme/greeter/issues/1/comments"),
    ("POST", "/repos/acme/greeter/issues/1/comments"),
    ("GET", "/acme/greeter.git/info/refs"),
    ("POST", "/acme/greeter.git/git-upload-pack"),
    ("POST", "/acme/greeter.git/git-receive-pack"),
    ("POST", "/repos/acme/greeter/pulls"),
    ("POST", r"/repos/acme/greeter/issues/\d+/labels"),
    ("POST", r"/repos/acme/greeter/pulls/\d+/requested_reviewers"),
    ("POST", "/repos/acme/greeter/check-runs"),
    ("PATCH", r"/repos/acme/greeter/issues/comments/\d+"),
]


@pytest.mark.parametrize("trouble", ["500", "dropped", "lost"])
@pytest.mark.parametrize("first", range(3))
async def test_trouble_at_github_passes_and_nothing_is_written_twice(house: House, first: int, trouble: str) -> None:
    """Everything that is asked meets it once: in each of three stories every third of it."""
    house.expected_log = {"end not shown yet", "status not shown"}
    house.rehearse(RIGHT)
    faults: dict[str, dict[str, Any]] = {"500": {"status": 500}, "dropped": {"drop": True}, "lost": {"lose": True}}
    for method, path in ASKED[first::3]:
        house.emulator.fault(method, path, **faults[trouble])
    issue = await house.implement()
    await house.bot.worker.tend()
    await house.settle()
    assert "· done ·" in house.status(issue)
    assert len(house.repo.pulls) == len(house.repo.checks) == 1
    assert house.pull.label_names == ["automated-pr", "needs-review"]
    assert house.played == [1]


async def test_github_stays_away_and_the_run_ends_with_that_word(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.fault("POST", "/repos/acme/greeter/pulls", status=502, times=100)
    issue = await house.implement()
    assert house.reason(issue) == (
        "Failed: the pull request could not be opened. GitHub answered 502 about acme/greeter (tried 5 times).\n\n"
        "The work is on the branch `feature/auto-1-say-hello`."
    )


async def test_git_stays_away_and_the_work_is_a_patch(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.fault("POST", "/acme/greeter.git/git-receive-pack", status=503, times=100)
    issue = await house.implement()
    said = house.reason(issue)
    assert said.startswith("Failed: the branch could not be pushed. ")
    assert said.endswith(patch())


async def test_a_check_that_cannot_be_written_takes_nothing_from_the_pull_request(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.fault("POST", "/repos/acme/greeter/check-runs", status=404)
    issue = await house.implement()
    assert house.reason(issue) == "Done: #2 is open and closes #1 when it is merged."
    assert "  Its check run could not be written: GitHub does not find this in acme/greeter" in house.told(issue)
