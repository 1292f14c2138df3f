"""The real Claude Code against a played model."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.agents.task import Outcome
from bot.backends.claude import Claude
from bot.emulator.model import Act, Answer, Bash, Edit, Fail, Plan, Read, Say, Script, Write
from bot.review import answer
from bot.sandbox import process
from bot.sandbox.watchdog import LimitExceeded
from tests.backends.stage import ASKED, PYTHON, Stage, limited
from tests.desk import ROUNDING


async def play(stage: Stage, *turns: Sequence[Act], prompt: str = ASKED, max_turns: int = 20) -> Outcome:
    stage.played.scripts = [Script((prompt[:30],), [tuple(turn) for turn in turns])]
    return await Claude().run(stage.task(prompt, max_turns=max_turns), stage.tell)


async def test_reads_edits_tests_and_tells_it_step_by_step(claude: Stage) -> None:
    claude.task()
    (claude.worktree / "cart.py").write_text("def total():\n    return 1\n")
    outcome = await play(
        claude,
        [Say("I look first."), Plan(("look", "change"))],
        [Read("cart.py")],
        [Edit("cart.py", "return 1", "return 2")],
        [Bash(f"{PYTHON} -B -c 'import cart; print(cart.total())'")],
        [Plan(("look", "change"), done=2)],
        [Say("Changed it.")],
    )
    assert (outcome.ending, outcome.text, outcome.problem) == ("finished", "Changed it.", "")
    assert (claude.worktree / "cart.py").read_text() == "def total():\n    return 2\n"
    assert claude.told("tool")[:2] == ["Read cart.py", "Edit cart.py"]
    assert claude.told("plan") == ["[ ] look\n[ ] change", "[x] look\n[x] change"]
    assert claude.told("text") == ["I look first.", "Changed it."]
    assert "2" in claude.told("output")[-2]


async def test_the_rules_stand_in_the_system_prompt_and_the_prompt_is_verbatim(claude: Stage) -> None:
    secret = claude.folder / "outside.txt"
    secret.write_text("canary outside")
    prompt = f"/compact Look at @{secret} and do the work."
    outcome = await play(claude, [Say("Done.")], prompt=prompt)
    assert outcome.ending == "finished"
    body = claude.played.requests[0].body
    assert "Rules of the house." in str(body["system"])
    assert prompt in str(body["messages"])
    assert "canary outside" not in str(body)
    assert "Co-Authored-By" not in str(body)


async def test_long_rules_are_no_problem(claude: Stage) -> None:
    claude.played.scripts = [Script((ASKED,), [(Say("Done."),)])]
    task = claude.task()
    rules = "Be careful. " * 30_000
    outcome = await Claude().run(type(task)(**{**vars(task), "system": rules}), claude.tell)
    assert outcome.ending == "finished"
    assert rules.strip() in str(claude.played.requests[0].body["system"])


async def test_what_it_used_is_counted_alike_by_the_gateway_and_itself(claude: Stage) -> None:
    outcome = await play(claude, [Bash("true")], [Say("Done.")])
    usage = claude.lease.usage
    assert usage.calls == 2
    assert usage.usd is not None
    assert outcome.usd == pytest.approx(usage.usd)
    assert outcome.turns == 2


async def test_the_gateways_limit_ends_it_as_over_budget(claude: Stage) -> None:
    claude.lease.usd = 0.01
    outcome = await play(claude, [Bash("true")], [Say("Never said.")])
    assert outcome.ending == "budget"
    assert len(claude.played.requests) == 1


async def test_its_own_limits_end_it_too(claude: Stage) -> None:
    assert (await play(claude, [Bash("true")], [Bash("true")], [Say("Never.")], max_turns=1)).ending == "turns"
    claude.usd = 0.01
    assert (await play(claude, [Bash("true")], [Bash("true")], [Say("Never.")])).ending == "budget"


async def test_an_api_that_refuses_is_an_error_with_its_words(claude: Stage) -> None:
    outcome = await play(claude, [Fail(400, "your prompt is odd")])
    assert outcome.ending == "error"
    assert "your prompt is odd" in outcome.problem
    assert outcome.details["api_status"] == "400"


async def test_an_overloaded_api_is_asked_again_and_that_is_told(claude: Stage) -> None:
    outcome = await play(claude, [Fail(529, times=1), Say("Here.")])
    assert outcome.text == "Here."
    assert claude.told("retry") == ["the model API answered 529"]


async def test_a_cli_that_does_not_start_is_an_error_not_a_traceback(claude: Stage, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 127\n")
    broken.chmod(0o755)
    outcome = await Claude(broken).run(claude.task(), claude.tell)
    assert outcome.ending == "error"
    assert "no such library" in outcome.problem


async def test_its_own_files_stay_in_its_home(claude: Stage) -> None:
    await play(claude, [Bash("true")], [Say("Done.")])
    assert {path.name for path in claude.home.iterdir()} >= {".claude"}
    assert list(claude.jail.tmp.iterdir())


async def test_a_cancel_is_nothing_to_complain_of(claude: Stage, caplog: pytest.LogCaptureFixture) -> None:
    job = asyncio.create_task(play(claude, [Bash("touch begun; sleep 1000")]))
    while not (claude.worktree / "begun").exists():
        await asyncio.wait({job}, timeout=0.02)
    job.cancel()
    await asyncio.wait({job})
    assert job.cancelled()
    assert caplog.messages == []


async def test_what_uses_too_much_is_ended_and_said(claude: Stage) -> None:
    stage = limited(claude, disk=64 << 20)
    with pytest.raises(LimitExceeded, match=r"^Resource limit: its files took more than 64 MB of the disk\.$"):
        await play(stage, [Bash("for n in 1 2 3; do head -c 30000000 /dev/zero > $n; done; sleep 1000")])
    assert process.marked(stage.task().run, stage.jail.uid) == set()


async def test_its_token_is_no_argument_of_anything_and_its_files_are_out_of_sight(claude: Stage) -> None:
    job = asyncio.create_task(play(claude, [Bash("ls -a $HOME/.. > seen; touch begun; sleep 1000")]))
    while not (claude.worktree / "begun").exists():
        assert claude.lease.token not in "".join(line for _, line in command_lines())
        await asyncio.wait({job}, timeout=0)
    job.cancel()
    await asyncio.wait({job})
    assert (claude.worktree / "seen").read_text().split() == [".", "..", "one"]


async def test_every_kind_of_call_asks_the_one_model_that_is_allowed(claude: Stage) -> None:
    claude.played.scripts = [Script((ASKED,), [(Bash("env > env.txt"),), (Say("Done."),)])]
    outcome = await Claude().run(replace(claude.task(), model="claude-opus-5-5"), claude.tell)
    assert outcome.ending == "finished"
    assert {request.body["model"] for request in claude.played.requests} == {"claude-opus-5-5"}
    seen = (claude.worktree / "env.txt").read_text()
    assert seen.count("_MODEL=claude-opus-5-5\n") == 4


async def test_it_has_no_network_but_the_door(claude: Stage) -> None:
    port = claude.played.url.rpartition(":")[2]
    await play(claude, [Bash(f"cat < /dev/tcp/127.0.0.1/{port}; cat /proc/net/dev | wc -l > devices")], [Say("Done.")])
    assert "refused" in claude.told("output")[0]
    assert (claude.worktree / "devices").read_text().strip() == "3"  # two lines of a heading, and the loopback


@pytest.mark.parametrize("moments", [0, 1, 3, 10, 40])
async def test_cancelled_while_it_is_being_started_it_does_not_start_after_all(claude: Stage, moments: int) -> None:
    job = asyncio.create_task(play(claude, [Say("Never.")]))
    for _ in range(moments):
        await asyncio.sleep(0)
    job.cancel()
    await asyncio.wait({job})
    assert job.cancelled()
    assert not [pid for pid, line in command_lines() if str(claude.folder) in line]


def command_lines() -> Iterator[tuple[str, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                yield entry.name, (entry / "cmdline").read_bytes().decode("utf-8", "replace")


async def test_a_message_bigger_than_a_megabyte_passes(claude: Stage) -> None:
    claude.usd = claude.lease.usd = 50
    outcome = await play(claude, [Write("big.txt", "x" * 1_500_000)], [Say("Done.")])
    assert outcome.ending == "finished"
    assert (claude.worktree / "big.txt").stat().st_size == 1_500_000


async def test_rules_in_whose_place_there_is_a_folder_are_no_trouble(claude: Stage) -> None:
    outcome = await play(claude, [Bash("cd $HOME && for r in rules-*.md; do rm $r && mkdir $r; done")], [Say("Done.")])
    assert outcome.ending == "finished"
    assert [path for path in claude.home.glob("rules-*.md") if path.is_dir()]


FLOODS = """#!/usr/bin/python3
import json, sys
asked = json.loads(sys.stdin.readline())["request_id"]
answer = {"subtype": "success", "request_id": asked, "response": {}}
print(json.dumps({"type": "control_response", "response": answer}), flush=True)
words = {"role": "assistant", "model": "m", "content": [{"type": "text", "text": "flood"}]}
while True:
    print(json.dumps({"type": "assistant", "message": words, "parent_tool_use_id": None, "session_id": "s"}))
"""


async def test_a_flood_of_words_is_ended_and_said(claude: Stage, tmp_path: Path) -> None:
    cli = tmp_path / "floods"
    cli.write_text(FLOODS)
    cli.chmod(0o755)
    with pytest.raises(LimitExceeded, match=r"^Resource limit: it said more than anybody can follow in 5 seconds\.$"):
        await Claude(cli).run(claude.task(), claude.tell)
    assert len(claude.events) <= 2000
    assert process.marked(claude.task().run, claude.jail.uid) == set()


async def asked_for_data(stage: Stage, *turns: Sequence[Act]) -> Outcome:
    stage.played.scripts = [Script((ASKED,), [tuple(turn) for turn in turns])]
    return await Claude().run(replace(stage.task(), schema=answer.SCHEMA), stage.tell)


async def test_asked_for_data_its_last_words_are_those_data(claude: Stage) -> None:
    fenced = "A fence:\n```\nx\n```"
    finding = {**ROUNDING, "side": "new", "title": "Ünder", "body": fenced}
    outcome = await asked_for_data(claude, [Answer({"found": []})], [Say("So:"), Answer({"findings": [finding]})])
    assert (outcome.ending, outcome.problem) == ("finished", "")
    found, wrong = answer.read("style", outcome.text)
    assert wrong == []
    assert [(one.title, one.body) for one in found] == [("Ünder", fenced)]
    assert len(claude.played.requests) == 2, "what is not valid is given back, what is valid is the end"


async def test_data_that_never_become_valid_are_its_last_words_all_the_same(claude: Stage) -> None:
    outcome = await asked_for_data(claude, *([Answer({"found": number})] for number in range(1, 10)))
    assert (outcome.ending, outcome.problem) == ("finished", "")
    assert outcome.text == '```json\n{"found": 5}\n```'


async def test_words_in_the_place_of_data_stay_words(claude: Stage) -> None:
    outcome = await asked_for_data(claude, [Say("Nothing to say.")], [Say("Still nothing.")])
    assert (outcome.ending, outcome.text) == ("finished", "Still nothing.")
