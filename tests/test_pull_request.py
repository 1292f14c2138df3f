"""What the pull request says and holds, and what the issue and the check tell on the way there."""

import re
from pathlib import Path

import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Append, Delete, Fail, Plan, Run, Say, Write
from tests.house import FILES, House, opened

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WRONG = (Write("greeting.txt", "helo\n"),)


# ---- the words ---------------------------------------------------------------------------------------------------


async def test_the_body_says_what_was_asked_done_and_tested(house: House) -> None:
    house.rehearse([*RIGHT, Write("tests/test_greeting.sh", "true\n")])
    await house.implement()
    body = re.sub(r"in \d+\.\d s", "in 0.1 s", house.pull.body or "")
    house.said(house.repo.issues[1])
    assert body == (
        "<!-- tutti state:begin -->\n\nCloses #1.\n\n<!-- tutti state:end -->\n\n"
        "## What was asked\n\n"
        "#1: Say hello (opened by @stranger, asked for by @maintainer)\n\n"
        "## What was done\n\n"
        "It says hello now.\n\n"
        "## How it was tested\n\n"
        "`sh check.sh` passed in 0.1 s (try 1).\n\n"
        "<details><summary>The end of its output</summary>\n\n```text\n1 passed\n```\n\n</details>\n\n"
        "## Checklist\n\n"
        "- [x] The repository's tests pass on this change\n"
        "- [x] Tests were added or changed: `tests/test_greeting.sh`\n"
        "- [ ] A person has read the change"
    )


TEMPLATE = """## Description

<!-- what does it do? -->

## Related issue

## How has this been tested?

## Checklist

- [ ] I have read the guide
"""


async def test_the_repositorys_template_is_filled(tmp_path: Path) -> None:
    async with opened(tmp_path, files={**FILES, ".github/PULL_REQUEST_TEMPLATE.md": TEMPLATE}) as house:
        house.rehearse(RIGHT)
        house.status(await house.implement())
        body = house.pull.body or ""
        parts = [
            *("## Description\n\nIt says hello now.\n", "<!-- what does it do? -->"),
            "## Related issue\n\n<!-- tutti state:begin -->\n\nCloses #1.\n",
            "## How has this been tested?\n\n`sh check.sh` passed in ",
            *("## Checklist\n\n- [ ] I have read the guide", "## What was asked\n\n#1: Say hello"),
            *("## Checklist\n\n- [x] The repository's tests pass on this change",),
        ]
        places = [body.index(part) for part in parts[:-1]] + [body.rindex(parts[-1])]
        assert places == sorted(places)


async def test_an_agent_that_says_nothing_gets_a_summary_made_from_its_change(house: House) -> None:
    house.rehearse([Write("greeting.txt", "hello\n"), Delete("README.md")])
    house.status(await house.implement())
    assert "Changed 2 files: `README.md` (+0 -1), `greeting.txt` (+1 -1)." in (house.pull.body or "")


async def test_a_title_of_the_agent_is_used(house: House) -> None:
    house.rehearse([*RIGHT, Say('Done.\n\n```json\n{"title": "Greet with\\nhello"}\n```')])
    house.status(await house.implement())
    assert house.pull.title == "Greet with hello"
    assert "## What was done\n\nDone.\n\n##" in (house.pull.body or "")


TITLES = {
    "Grüße 🎉 an alle — 你好": "feature/auto-1-grusse-an-alle-ni-hao",
    "🎉🎉🎉": "feature/auto-1",
    '"; rm -rf / #$(reboot)`id`|&': "feature/auto-1-rm-rf-reboot-id",
    "--force ../../etc/passwd .lock @{-1}": "feature/auto-1-force-etc-passwd-lock-1",
    "{{ issue.number }} {% raw %} ${{ secrets.X }}": "feature/auto-1-issue-number-raw-secrets-x",
    "long " * 40: "feature/auto-1-long-long-long-long-long-long-long-long-long-long",
}


@pytest.mark.parametrize(("title", "branch"), TITLES.items())
async def test_any_title_makes_a_branch_a_commit_and_a_pull_request(house: House, title: str, branch: str) -> None:
    house.rehearse(RIGHT)
    issue = await house.implement(title)
    assert "· done ·" in house.status(issue)
    assert house.pull.head == branch
    words = " ".join(title.split())
    assert house.pull.title == (words if len(words) <= 120 else words[:117].rstrip() + "...")
    (subject,) = (await house.git("log", "--format=%s", f"main..{branch}")).splitlines()
    assert subject.startswith("feat: ")
    assert len(subject) <= 100


async def test_words_of_others_close_no_other_issue(house: House) -> None:
    house.rehearse([*RIGHT, Say("This fixes #1 and\nresolves: acme/greeter#1.")])
    await house.open_issue("Another")
    issue = await house.implement("Say hello, Closes #1")
    house.status(issue)
    assert house.pull.title == "Say hello, Closes `#1`"
    assert "fixes `#1` and\nresolves: `acme/greeter#1`." in (house.pull.body or "")
    assert "closes `#1`" in (await house.git("log", "-1", "--format=%B", house.pull.head)).lower()
    await house.emulator.merge_pull(house.pull, by="maintainer")
    await house.settle()
    assert house.repo.issues[1].state == "open"
    assert house.repo.issues[2].state == "closed"


# ---- base, draft, review -----------------------------------------------------------------------------------------


async def test_base_branch_and_draft_come_from_the_configuration(house: House) -> None:
    await house.push({"next.txt": "next\n"}, branch="develop")
    await house.configure("base: develop\ndraft: true\n")
    house.rehearse(RIGHT)
    house.status(await house.implement())
    assert (house.pull.base, house.pull.draft) == ("develop", True)
    assert await house.file(house.pull.head, "next.txt") == "next\n"
    assert "Closes #1." in (house.pull.body or "")


async def test_a_review_that_cannot_be_requested_stops_nothing(house: House) -> None:
    house.emulator.fault("POST", r"/repos/acme/greeter/pulls/\d+/requested_reviewers", status=422)
    house.rehearse(RIGHT)
    assert "· done ·" in house.status(await house.implement())
    assert house.pull.reviewers == []


# ---- the commits -------------------------------------------------------------------------------------------------


async def commits(house: House) -> dict[str, list[str]]:
    """The files of each commit by its subject, oldest first."""
    said = await house.git("log", "--reverse", "--format=%x00%s", "--name-only", f"main..{house.pull.head}")
    blocks = [block.strip().split("\n") for block in said.split("\0")[1:]]
    return {lines[0]: [line for line in lines[1:] if line] for lines in blocks}


async def test_one_commit_for_each_concern(house: House) -> None:
    house.rehearse(
        [
            *RIGHT,
            Write("tests/test_it.sh", "true\n"),
            Append("README.md", "More.\n"),
            Write("Makefile", "all:\n\ttrue\n"),
        ]
    )
    house.status(await house.implement())
    assert await commits(house) == {
        "build: say hello": ["Makefile"],
        "feat: say hello": ["greeting.txt"],
        "test: say hello": ["tests/test_it.sh"],
        "docs: say hello": ["README.md"],
    }
    (author,) = set((await house.git("log", "--format=%an <%ae>|%cn", f"main..{house.pull.head}")).splitlines())
    bot = house.emulator.bot
    assert author == f"tutti[bot] <{bot.id}+tutti[bot]@users.noreply.github.com>|tutti[bot]"


async def test_the_agents_own_split_is_taken(house: House) -> None:
    wish = (
        '```json\n{"commits": [{"message": "feat(greeter): say hello", "paths": ["greeting.txt"]},'
        ' {"message": "test(greeter): check it", "paths": ["tests/test_it.sh", "not-there.txt"]}]}\n```'
    )
    house.rehearse([*RIGHT, Write("tests/test_it.sh", "true\n"), Say(wish)])
    house.status(await house.implement())
    assert await commits(house) == {
        "feat(greeter): say hello": ["greeting.txt"],
        "test(greeter): check it": ["tests/test_it.sh"],
    }


async def test_a_bug_is_a_fix(house: House) -> None:
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    await house.label(issue, "bug")
    await house.label(issue)
    await house.settle()
    house.status(issue)
    assert list(await commits(house)) == ["fix: say hello"]


async def test_what_tools_leave_behind_is_no_part_of_the_change(house: House) -> None:
    waste = "mkdir -p __pycache__ node_modules/x .venv .pytest_cache && touch __pycache__/a.pyc node_modules/x/i.js"
    house.rehearse([*RIGHT, Run(waste + " .venv/pyvenv.cfg .coverage .pytest_cache/v app.log")])
    house.status(await house.implement())
    assert await commits(house) == {"feat: say hello": ["app.log", "greeting.txt"]}


# ---- tests -------------------------------------------------------------------------------------------------------


async def test_the_failing_output_is_fed_back_and_the_next_try_goes_on_from_there(house: House) -> None:
    house.rehearse([*WRONG, Write("kept.txt", "kept\n")], RIGHT)
    house.status(await house.implement())
    first, second = house.tasks
    assert "1 failed" not in first.prompt
    assert "This is try 2 of 3." in second.prompt
    assert "BEGIN DATA (test output)\n1 failed: nobody says hello\n" in second.prompt
    assert await house.file(house.pull.head, "kept.txt") == "kept\n"
    assert "passed in " in (house.pull.body or "")
    assert "(try 2)" in (house.pull.body or "")


async def test_tests_are_found_by_looking(house: House) -> None:
    makefile = "test:\n\t@grep -q hello greeting.txt && echo found and passed\n"
    await house.push({".github/tutti.yml": "version: 1\nbackend: rehearsal\n", "Makefile": makefile})
    house.rehearse(RIGHT)
    house.status(await house.implement())
    assert "`make test` passed in " in (house.pull.body or "")
    assert "with: make test\n" in house.tasks[0].prompt


async def test_a_repository_without_tests_is_said_to_have_none(house: House) -> None:
    await house.push({".github/tutti.yml": "version: 1\nbackend: rehearsal\n"})
    house.rehearse(RIGHT)
    issue = await house.implement()
    assert "- [x] Look for tests to run · 0.1 s\n  no tests were found" in house.told(issue)
    assert "No tests were found in this repository, so none were run." in (house.pull.body or "")
    check = house.check
    assert (check.conclusion, check.title) == ("neutral", "No tests were found in this repository")


async def test_the_set_up_is_done_for_the_agent_and_again_for_the_tests(house: House) -> None:
    await house.configure("setup: [echo ready > ready.tmp]\n", test="grep -q ready ready.tmp && sh check.sh")
    house.rehearse([Run("cp ready.tmp seen.txt"), *RIGHT])
    house.status(await house.implement())
    assert await house.file(house.pull.head, "seen.txt") == "ready\n"


async def test_what_the_tests_leave_behind_is_not_published(house: House) -> None:
    await house.configure(test="echo x > by-the-tests.txt; sh check.sh")
    house.rehearse(RIGHT)
    house.status(await house.implement())
    assert await commits(house) == {"feat: say hello": ["greeting.txt"]}


# ---- status and check --------------------------------------------------------------------------------------------


async def test_the_status_comment_is_one_and_is_edited_as_steps_finish(tmp_path: Path) -> None:
    async with opened(tmp_path, pace=0.0) as house:
        house.rehearse([Plan(("Read the code", "Change it"), done=1), *RIGHT, Run("echo at work")])
        issue = await house.open_issue()
        house.crash_at("implement.test.1:before")
        await house.label(issue)
        await house.reached.wait()
        await house.shows(issue, "- [x] developer works")
        assert house.told(issue) == (
            "**Implement an issue** · running · 0.1 s · $0.00\n\n"
            "- [x] Read the issue and fetch the repository · 0.1 s\n"
            "- [x] developer works · 0.1 s\n"
            "  - [x] Read the code\n"
            "  - [ ] Change it\n"
            "- [ ] Look for tests to run\n"
            "- [ ] Push the branch and open the pull request\n\n"
            "Take the label `auto-implement` off, say `/cancel` or close the issue, to cancel."
        )
        house.go_on()
        await house.settle()
        assert house.told(issue) == (
            "**Implement an issue** · done · 0.1 s · $0.00 · [check](address)\n\n"
            "Done: #2 is open and closes #1 when it is merged.\n\n"
            "<details><summary>4 steps</summary>\n\n"
            "- [x] Read the issue and fetch the repository · 0.1 s\n"
            "- [x] developer works · 0.1 s\n"
            "  - [x] Read the code\n"
            "  - [ ] Change it\n"
            "- [x] Run the tests: `sh check.sh` · 0.1 s\n"
            "  `1 passed`\n"
            "- [x] Push the branch and open the pull request · 0.1 s\n\n"
            "</details>"
        )
        asked = [(one.method, one.template.rpartition("/")[2]) for one in house.emulator.requests]
        assert asked.count(("POST", "comments")) == 1


async def test_a_status_comment_that_somebody_deleted_is_written_again(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    await house.emulator.delete_comment(issue.comments[0], by="maintainer")
    await house.gate.open()
    await house.settle()
    assert "· done ·" in house.status(issue)


async def test_the_status_links_to_the_runs_page(tmp_path: Path) -> None:
    async with opened(tmp_path, extra={"public_url": "https://bot.example"}) as house:
        house.rehearse(RIGHT)
        issue = await house.implement()
        (run,) = await house.runs()
        page = f"https://bot.example/runs/{run.id}"
        assert f" · [run]({page})\n" in house.status(issue)
        assert f"[How this was made]({page})" in (house.pull.body or "")
        check = house.check
        assert check.details_url == page


async def test_the_check_run_stands_on_the_head_and_tells_the_tests(house: House) -> None:
    house.rehearse(WRONG, RIGHT)
    house.status(await house.implement())
    check = house.check
    assert (check.name, check.head_sha, check.status) == ("Tutti", house.pull.head_sha, "completed")
    assert (check.conclusion, check.title) == ("success", "sh check.sh: passed")
    summary = check.summary or ""
    assert "- [ ] Run the tests: `sh check.sh` · **failed** · " in summary
    assert summary.endswith("```text\n1 passed\n```")


async def test_cost_is_shown_and_what_is_unknown_is_said_as_unknown(house: House) -> None:
    house.rehearse([*RIGHT, Fail(Outcome("finished", "Done.", usd=0.0234))])
    known = await house.implement("One")
    assert "**Implement an issue** · done · 0.1 s · $0.02 · [check]" in house.told(known)
    assert "- [x] developer works · 0.1 s · $0.02\n" in house.told(known)
    house.rehearse([*RIGHT, Fail(Outcome("finished", "Done.", usd=None))])
    unknown = await house.implement("Two")
    assert "**Implement an issue** · done · 0.1 s · cost unknown · [check]" in house.told(unknown)
    assert "- [x] developer works · 0.1 s · cost unknown\n" in house.told(unknown)
