"""Words that people see in a run of many jobs: whole sentences, counts that agree, and why something failed."""

import asyncio
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace

from bot.errors import State
from bot.orchestra.part import Ended, leaves
from bot.orchestra.player import Player
from bot.publish import command_text, graph_text, status_text, strategy_text, swarm_text, team_text, text
from bot.publish.graph_view import counted, view
from bot.publish.job_text import job_line
from bot.review.answer import NO_ANSWER
from bot.store.record import Node
from bot.workflow.job import Job
from bot.workflow.spec import parse_workflow
from tests.orchestra.test_player import Stage
from tests.scores import a_run, entry
from tests.shelf import shipped


def test_a_sentence_ends_with_one_full_stop() -> None:
    whole = graph_text.two_owners("a", "b", "src/x")
    assert graph_text.not_filled(whole) == ("Failed: `a` and `b` both own `src/x`: a path has one owner in a run.")
    assert graph_text.not_filled(graph_text.no_matrix("a")) == "Failed: the matrix of `a` is no list of values by key."


def test_an_answer_that_cannot_be_used_is_told_to_people_in_words_for_them() -> None:
    why = text.answer_not_valid([NO_ANSWER])
    assert why == "Its answer was not valid, also when it was asked once more: it has no block of JSON."
    assert swarm_text.no_plan("scout", why) == f"Failed: `scout` found no tasks. {why}"
    assert team_text.no_plan(why) == f"Failed: its lead made no plan. {why}"
    assert team_text.no_review("Failed: the agent ended with an error: no.").endswith(
        "what came of it. The agent ended with an error: no."
    )
    assert text.reading_left(0, [NO_ANSWER]) == "no findings; not valid: it has no block of JSON"
    assert text.answer_not_valid(["tasks: a list of texts is needed"]).endswith("`tasks: a list of texts is needed`.")


def test_what_a_job_needs_is_told_apart_from_what_became_of_it() -> None:
    bad: dict[str, State] = {"a": "failed"}
    assert graph_text.needs_failed(bad) == "Not played: it needs `a`, which failed."
    bad["b"] = "skipped"
    assert graph_text.needs_failed(bad) == "Not played: it needs `a`, which failed, and `b`, which was skipped."
    bad["c"] = "over budget"
    assert graph_text.needs_failed(bad).endswith("`b`, which was skipped, and `c`, which ended as over budget.")


def test_what_a_job_stands_for_tells_which_failed_and_why_the_first_of_them() -> None:
    failed = {
        "a/t": "Failed: the tests `x` still fail\nafter 3 tries.",
        "a/u": "",
        "a/v": "No. " + "`y` " * 99,
        "a/w": "",
    }
    assert graph_text.instances_failed(1, {"a/t": failed["a/t"]}) == (
        "1 of 1 failed: `a/t`: the tests `x` still fail after 3 tries."
    )
    said = graph_text.instances_failed(9, failed)
    assert said.startswith("4 of 9 failed: `a/t`: the tests `x` still fail after 3 tries; `a/u`; `a/v`: No. ")
    assert said.endswith("…; 1 more.")
    assert len(said) < 400


def test_a_job_that_uses_a_workflow_names_the_jobs_in_it_as_the_run_does() -> None:
    inner = "name: N\non: {workflow_call: {}}\njobs: {t: {run: make}, u: {run: make}}\noutputs: {pull-request: {}}\n"
    scene, used = Stage(frozenset({"a/t", "m/one"})), {"inner": parse_workflow("inner.yml", inner, {})}
    matrix = {"run": "make", "strategy": {"matrix": {"x": ["one", "two"]}, "fail-fast": False}}
    jobs = {"a": Job.model_validate({"uses": "inner"}), "m": Job.model_validate(matrix)}
    ended = asyncio.run(Player(scene, 1, used=used).play(jobs))
    assert [one.reason for one in ended.values()] == ["1 of 2 failed: `a/t`.", "1 of 2 failed: `m/one`."]


def test_a_row_and_the_sentence_below_it_count_alike() -> None:
    no_change, failed, skipped = Ended("no change"), Ended("timed out", "Late."), Ended("skipped", "Not played.")
    known = {"each/x/a": Ended("done"), "each/x": Ended("done"), "each/c": no_change, "each/b": failed, "each": failed}
    rows = [Node(name, n, "", state=one.state) for n, (name, one) in enumerate({**known, "last": skipped}.items())]
    seen = view([{"name": row.key} for row in rows], rows, active=False)
    said = {name: (one.state, one.reason) for name, one in leaves({"each": failed, "last": skipped}, known).items()}
    assert counted(seen.leaves()) == "1 of 4 done, 1 timed out, 1 skipped, 1 without a change"
    assert graph_text.ended(said) == f"{counted(seen.leaves())}:\n- `each/b`: Late.\n- `last`: Not played."
    assert graph_text.ended({"a": ("no change", "")}) == "0 of 1 done, 1 without a change."


def test_the_row_of_a_job_without_a_change_holds_what_its_agent_says() -> None:
    reason = text.no_change("All of it is there.\n\nReally.")
    (job,) = view([{"name": "a"}], [Node("a", 0, "", state="no change", reason=reason)], active=False).jobs
    said = "No change: the agent ended without changing a file. It says: All of it is there. Really."
    assert (job.reason, said in job_line(job, 0)) == (said, True)


HOSTILE = "A `b` | <img src=x> @stranger [x](https://evil.example)\n\n# @stranger"


def sentences(name: str) -> Iterator[str]:
    """Every sentence that is made of a workflow's name."""
    places = (text, command_text, strategy_text)
    for one in filter(inspect.isfunction, (one for place in places for one in vars(place).values())):
        kinds = {each.name: each.annotation for each in inspect.signature(one).parameters.values()}
        if kinds.get("workflow") is str:
            yield one(**{**{key: 1 if kind is int else "x" for key, kind in kinds.items()}, "workflow": name})


def test_nothing_that_a_repositorys_own_workflow_says_of_itself_acts_wherever_it_is_shown() -> None:
    labelled = {"issues": {"types": ["labeled"], "labels": [HOSTILE]}}
    jobs = {"one": {"agent": "developer"}}
    told = {"name": HOSTILE, "description": HOSTILE, "usage": HOSTILE, "on": {**labelled, "command": "x"}, "jobs": jobs}
    flow = parse_workflow("x.yml", json.dumps({**told, "outputs": {"pull-request": {}}}), dict(shipped().agents))
    run = replace(a_run([entry(HOSTILE, phase=HOSTILE)]), context={"workflow": flow.record()})
    ended = replace(run, state="failed", reason="")
    tables = [command_text.table([command_text.of_workflow(flow)]), command_text.costs([(run, [])], 0, None)]
    shown = [
        *sentences(HOSTILE),
        *tables,
        status_text.status(status_text.Status(run, HOSTILE, [], 0, trigger=HOSTILE)),
        status_text.check_summary([], "", run.facts["graph"]),
        command_text.standing([(run, [])], 0, {}),
        *(command_text.reasons(one, []) for one in (run, ended)),
        text.cancelled_by_label("ana", HOSTILE),
        graph_text.phase_failed(HOSTILE),
    ]
    assert len(shown) > 15
    assert "@" not in text.labels([flow])[HOSTILE][1], "where GitHub reads no markup"
    for words in shown:
        assert "b" in words
        bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", words)
        assert [sign for sign in ("<img", "@stranger", "](http", "\n# ") if sign in bare] == [], words
    for table in tables:
        head, _, *rows = [line for line in table.splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {head.count("|")}
