"""A run of many jobs as its status shows it: a line for each, steps where they matter, many as counts, a picture."""

import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.github.writing import BODY_LIMIT
from bot.publish import graph_picture
from bot.publish.graph_view import counted, layers, view
from bot.publish.status_text import Status, check_summary, named_steps, status
from bot.store.record import Node, Run
from tests.scores import FEATURE, HALF_WAY, SWARM, a_run, entry, placed, row, swarm

PICTURE = """\
```mermaid
flowchart LR
  n1["analysis<br/>done"]:::done
  n2["build<br/>running"]:::running
  n3["build/api<br/>running"]:::running
  n4["build/web<br/>failed"]:::failed
  n5["docs<br/>skipped"]:::skipped
  n6["ship<br/>queued"]:::queued
  n1 --> n3
  n1 --> n4
  n1 --> n5
  n2 --> n6
  n3 --> n2
  n4 --> n2
  n5 --> n6
"""
LIST = """\
- [x] Read the issue · 2.0 s
- [x] **analysis** · 12 s · $0.10
- [ ] **build** · 0 of 2 done, 1 running, 1 failed · 1 min 26 s · $0.45
  - [ ] **build/api** · running · 1 min 26 s · $0.05
    - [ ] developer works · **running** · 1 min 26 s · $0.05
      - [x] look
      - [ ] write
  - [ ] **build/web** · **failed** · 1 min 6 s · $0.40
    Failed after 3 tries: the tests fail.
    - [x] developer works · 46 s · $0.40
    - [ ] Run the tests: `sh check.sh` · **failed** · 20 s
      1 failed
- [ ] **docs** · skipped
  Not played: `if: inputs.docs` does not hold.
- [ ] **ship**
- [ ] Push the branch and open the pull request
"""


def shown(run: Run, rows: Sequence[Node], now: float = 100.0) -> str:
    return status(Status(run, "Build a feature", rows, now))


def test_a_running_graph_is_a_picture_and_a_line_for_each_job() -> None:
    told = shown(a_run(FEATURE), HALF_WAY)
    assert told.startswith(f"**Build a feature** · running · 1 min 40 s · $0.55\n\n{PICTURE}")
    assert f"```\n\n{LIST}\nSay `/cancel` to end it.\n" in told


def test_an_ended_graph_is_folded_below_what_came_of_it() -> None:
    told = shown(a_run(FEATURE, "cancelled", ended_at=90.0, reason="Cancelled by @ana."), HALF_WAY[:-2])
    head, _, rest = told.partition("<details>")
    assert head.endswith("Cancelled by @ana.\n\n")
    assert rest.startswith("<summary>Jobs: 1 of 5 done, 1 running, 1 failed, 2 skipped</summary>\n\n```mermaid\n")
    assert "- [ ] **ship** · skipped\n  Never begun.\n" in rest


def test_a_run_without_a_graph_is_its_steps() -> None:
    steps = placed(
        [row("prepare", "done", 0, 2, title="Read"), row("implement.agent.1", "running", 2, plan="[ ] look")]
    )
    told = shown(a_run([]), steps)
    line = "- [x] Read · 2.0 s\n- [ ] developer · **running** · 1 min 38 s\n  - [ ] look"
    assert told == f"**Build a feature** · running · 1 min 40 s · $0.00\n\n{line}\n\nSay `/cancel` to end it.\n"


def test_two_thousand_jobs_are_counted_and_only_those_named_that_need_to_be_seen() -> None:
    odd = {**dict.fromkeys(range(100, 130), "failed"), **dict.fromkeys(range(7), "running")}
    told = shown(a_run(SWARM), swarm(odd))
    assert len(told) < 10_000
    assert "**sweep** · 1,963 of 2,000 done, 7 running, 30 failed ·" in told
    named = re.findall(r"\*\*sweep/(\d+)\*\* · (?:\*\*)?(\w+)", told)
    assert [state for _, state in named] == ["running"] * 5 + ["failed"] * 10
    assert "- and 2 more run\n  - and 20 more failed\n" in told


def test_whatever_is_long_the_status_fits_into_a_comment() -> None:
    flat = [entry(f"job-{number}", phase="x" * 50) for number in range(2_000)]
    deep = [entry("/".join(["team", *("a" * 80 for _ in range(n % 7)), f"{n}"])) for n in range(2_000)] + [
        entry("team")
    ]
    for graph in (flat, deep):
        rows = placed([row(one["name"], "failed", 1, 2, reason="y " * 250) for one in graph])
        assert len(shown(a_run(graph), rows)) < BODY_LIMIT - 500
        ended = shown(a_run(graph, "failed", reason="z" * 50_000, ended_at=3.0), rows)
        assert len(ended) < BODY_LIMIT - 500
        assert max(map(len, (check_summary(rows, "o" * 9_000), check_summary(rows, "o" * 9_000, graph)))) < 50_000


def test_of_very_many_steps_those_are_named_that_somebody_may_want_to_try_again() -> None:
    few = named_steps(HALF_WAY, 100.0).splitlines()
    assert "- [x] developer works · 46 s · $0.40 · `build/web.agent.1`" in few
    assert "- [ ] Push the branch and open the pull request · `publish`" in few
    many = named_steps(swarm({7: "failed"}), 3.0)
    assert re.findall(r"`(.*?)`", many) == ["sweep", "sweep/0007"]


def test_what_a_job_did_in_a_life_before_is_not_shown_as_a_job() -> None:
    again = [row("analysis~1", "failed", 0, 2), row("analysis.read~1", "failed", 0, 2, cost_usd=0.1)]
    seen = view([entry("analysis")], placed([row("analysis", "running", 5), *again]), active=True)
    assert (seen.before, seen.after, seen.jobs[0].cost_usd) == ((), (), 0.1)
    push = [row(key, "done", 1, 2, title="Push") for key in ("publish", "publish~1")]
    told = shown(a_run([entry("analysis")]), placed([row("analysis", "running", 5), *again, *push]))
    assert "failed" not in told
    assert re.findall(r"\] (Push.*) ·", told) == ["Push", "Push (before it was tried again)"]


def test_of_many_tests_of_everything_the_last_are_shown() -> None:
    tests = [row(f"trunk.test.{n}", "done", n, n + 1, title=f"Test {n}") for n in range(40)]
    told = shown(a_run([entry("a"), entry("b")]), placed([row("a"), row("b"), *tests, row("publish", title="Push")]))
    assert re.findall(r"Test \d+|Push", told) == ["Test 36", "Test 37", "Test 38", "Test 39", "Push"]


def test_what_is_unknown_of_one_job_is_unknown_of_the_whole() -> None:
    seen = view(FEATURE, placed([row("build/api"), row("build/api.agent.1", "done", 1, 2, cost_usd=None)]), active=True)
    assert seen.jobs[1].cost_usd is None


def test_jobs_stand_in_layers_by_what_they_need() -> None:
    seen = view(FEATURE, HALF_WAY, active=True)
    assert [[job.name for job in layer] for layer in layers(seen.jobs)] == [["analysis"], ["build", "docs"], ["ship"]]
    assert counted(seen.leaves()) == "1 of 5 done, 1 running, 1 failed, 1 skipped, 1 queued"


def test_a_lead_stands_before_its_team() -> None:
    graph = [entry("lead"), entry("backend", "lead"), entry("backend/api", "backend"), entry("web", "lead")]
    drawn = graph_picture.picture(view(graph, [], active=True))
    assert re.findall(r"n\d --> n\d", drawn) == ["n1 --> n2", "n1 --> n4", "n2 --> n3"]


# ---- the picture -----------------------------------------------------------------------------------------------------


def test_phases_are_boxes_with_one_arrow_from_each_to_the_next() -> None:
    graph = [entry("a", phase="One"), entry("b", phase="One"), entry("c", "a", "b", phase="Two")]
    graph += [entry("d", "a", "b", phase="Two"), entry("e", "a", "b", "c", "d", phase="Three")]
    drawn = graph_picture.picture(view(graph, [], active=True))
    assert '  subgraph p2["Two"]\n    direction LR\n    n3["c<br/>queued"]:::queued\n' in drawn
    assert re.findall(r"\w+ --> \w+", drawn) == ["p1 --> p2", "p2 --> p3"]


def test_a_phase_that_is_not_needed_as_a_whole_has_arrows_of_its_own() -> None:
    graph = [
        entry("a", phase="One"),
        entry("b", phase="One"),
        entry("c", "a", phase="Two"),
        entry("d", "b", phase="Two"),
    ]
    drawn = graph_picture.picture(view(graph, [], active=True))
    assert re.findall(r"\w+ --> \w+", drawn) == ["n1 --> n3", "n2 --> n4"]


def test_more_than_forty_jobs_are_drawn_as_groups_and_more_groups_not_at_all() -> None:
    graph = [entry("plan"), *(entry(f"{name}", "plan") for name in ("small", "big"))]
    graph += [entry(f"small/{n}", "plan") for n in range(3)] + [entry(f"big/{n}", "plan") for n in range(38)]
    drawn = graph_picture.picture(view(graph, placed([row("big/1", "failed")]), active=True))
    assert 'n6["big<br/>0 of 38 done, 1 failed, 37 queued"]:::queued' in drawn
    assert "small/2" in drawn
    assert "big/" not in drawn
    assert graph_picture.picture(view([entry(f"j{n}") for n in range(41)], [], active=True)) == ""
    assert graph_picture.picture(view([entry("alone")], [], active=True)) == ""


LINE = re.compile(
    r'    direction LR|  end|  (?:  )?n\d+\["[^\W_](?:[^\W_]|[ /,-]|#95;)*…?<br/>[\w, ]+"\]:::\w+'
    r'|  subgraph p\d+\["(?:[^\W_]|#95;)(?:[^\W_]|[ /,-]|#95;)*…?"\]|  [np]\d+ --> [np]\d+|  classDef \w+ [\w:#, -]+'
)
MARKS = ['"]', "click n1 href", "`", "```\n", "<script>", "%%{init:", "}}", "|", "--> n9", "\n", "end", "#quot;", "{"]
PIECES = [*MARKS, "@ana", "[x](y)", "&lt;", ";", "a", "1. ", "- ", "(", "\\", "\u202e", "ü", "_"]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_name_and_no_phase_says_anything_to_mermaid(name: str, phase: str) -> None:
    graph = [entry(f"a{name}", phase=phase), entry("b", f"a{name}"), entry("c", phase=f"x{phase}")]
    first, kind, *lines, last = graph_picture.picture(view(graph, [], active=True)).split("\n")
    assert (first, kind, last) == ("```mermaid", "flowchart LR", "```")
    assert [line for line in lines if not LINE.fullmatch(line)] == []


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_no_name_acts_in_the_list(name: str) -> None:
    graph = [entry(f"a{name}"), entry("b")]
    (line,) = [
        line for line in shown(a_run(graph), []).splitlines() if line.startswith("- [ ] **") and "**b**" not in line
    ]
    spans = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
    assert re.fullmatch(r"- \[ \] \*\*(?:[A-Za-z0-9/-]|\\_)*\*\*", spans)
