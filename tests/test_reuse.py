"""Workflows that use others: what is wrong with that is said where the file is read that uses them."""

import re
from pathlib import Path

import pytest

from bot.operate.check import check, usable
from bot.workflow import reuse
from bot.workflow.spec import Workflow, parse_workflow
from tests.graphs import HEAD, TAIL
from tests.shelf import shipped

AGENTS = dict(shipped().agents)
MANY = ", ".join(map(str, range(45)))
INNER = """
name: Inner
on: {workflow_call: {inputs: {path: {type: string, default: "/d*/"}, why: {type: string}}}}
jobs:
"""
USED = {
    "part": 'one: {agent: developer, owns: ["{{ inputs.path }}"]}\n',
    "two": 'one: {agent: developer, owns: ["{{ inputs.path }}"]}\n  two: {agent: developer, owns: [/two/]}\n',
    "each": 'one: {agent: developer, strategy: {matrix: {x: [a, b]}}, owns: ["{{ inputs.path }}/{{ matrix.x }}/"]}\n',
    "deep": 'one: {uses: part, with: {path: "{{ inputs.path }}"}}\n  two: {agent: developer, owns: [/deep/]}\n',
    "why": 'one: {agent: developer, owns: ["/{{ inputs.why }}/"]}\n  two: {agent: developer, owns: [/src/]}\n',
}


def parsed(name: str, text: str) -> Workflow:
    return parse_workflow(f"{name}.yml", f"{text}{TAIL}", AGENTS)


@pytest.fixture(scope="module")
def used() -> dict[str, Workflow]:
    return {name: parsed(name, f"{INNER}  {text}") for name, text in USED.items()}


@pytest.mark.parametrize(
    ("jobs", "place", "said"),
    [
        ("a: {agent: developer, owns: [/src/]}\n  u: {uses: part, with: {path: /src/x}}", "u", "`a` and `u/one`"),
        ("u: {uses: part, with: {path: /src/x}}\n  a: {agent: developer, owns: [/src/]}", "u", "`u/one` and `a`"),
        ("u: {uses: two, with: {path: /two/x}}", "u", "`u/one` and `u/two` both own `two/x`"),
        ("u: {uses: part, with: {path: /a/}}\n  v: {uses: part, with: {path: '/[ab]/'}}", "v", "`u/one` and `v/one`"),
        ("u: {uses: part, strategy: {matrix: {x: [a, a/b]}}, with: {path: '/{{ matrix.x }}/'}}", "u", "own `a/b/x`"),
        ("u: {uses: each, with: {path: /s}}\n  a: {agent: developer, owns: [/s/b/c]}", "u", "`u/one/b` and `a`"),
        ("u: {uses: deep, with: {path: /deep/x}}", "u", "`u/one/one` and `u/two` both own `deep/x`"),
        ("u: {uses: deep}\n  a: {agent: developer, owns: ['/d[*][*]/']}", "", ""),
        ("u: {uses: part}\n  a: {agent: developer, owns: [/d/]}", "", ""),  # a default is a path and no glob
        ("u: {uses: why, with: {why: src}}", "u", "`u/one` and `u/two` both own `src/x`"),
        ("u: {uses: part, with: {path: '/[z-a]/'}}", "u", "no globs as in a .gitignore"),
        ("u: {uses: part, with: {path: /}}", "u", "what `{{ inputs.path }}` is filled in with is no path of a file"),
        ("u: {uses: part, with: {path: /a/}}\n  v: {uses: part, with: {path: /b/}}", "", ""),
        ("u: {uses: two, with: {path: '{{ issue.title }}'}}", "", ""),  # only a run knows it
        ("u: {uses: why, with: {path: /x, why: '{{ issue.title }}'}}", "", ""),
        (
            "u: {uses: part, with: {path: /a/, why: '{{ issue.title }}'}}\n  v: {uses: part, with: {path: /a/}}",
            "v",
            "`u/one` and `v/one`",
        ),
        ("u: {uses: part, with: {path: /a/}, if: issue.title}\n  v: {uses: part, with: {path: /a/}}", "v", "`v/one`"),
        (  # one or the other
            "u: {uses: part, with: {path: /a/}, if: issue.title == 'a'}\n"
            "  p: {run: x, if: issue.title != 'a'}\n  v: {uses: part, needs: p, with: {path: /a/}}",
            "",
            "",
        ),
        (
            "p: {run: x, if: issue.title}\n  u: {uses: part, needs: p, with: {path: /a/}}\n"
            "  v: {uses: part, needs: p, with: {path: /a/}}",
            "v",
            "`u/one` and `v/one`",
        ),
    ],
)
def test_a_path_has_one_owner_in_workflows_that_are_used(
    jobs: str, place: str, said: str, used: dict[str, Workflow]
) -> None:
    flow = parsed("w", f"{HEAD}jobs:\n  {jobs}\n")
    wrong = reuse.problem(flow, used)
    assert (wrong[0] if wrong else ()) == (("jobs", place, "uses") if place else ())
    assert said in (wrong[1] if wrong else "")
    if wrong:
        with pytest.raises(ValueError, match=re.escape(wrong[1])):
            reuse.used(flow, used)


def test_phases_share_paths_with_nobody(used: dict[str, Workflow]) -> None:
    phases = """pattern: symphony
phases:
  - {name: A, jobs: {a: {agent: developer, owns: [/a/]}}}
  - {name: B, jobs: {u: {uses: part, with: {path: /a/b}}}}
"""
    assert reuse.problem(parsed("w", f"{HEAD}{phases}"), used) == (
        ("phases", 1, "jobs", "u", "uses"),
        "`a` and `u/one` both own `a/b`: a path has one owner in a run",
    )


def test_a_run_has_no_more_jobs_than_it_can_carry(used: dict[str, Workflow]) -> None:
    """Those of matrices in matrices are counted before it, as far as files tell."""
    wide = "agent: developer, strategy: {matrix: {x: [%s]}}"
    flows = {**used, "wide": parsed("wide", f"{INNER}  one: {{{wide % MANY}}}\n")}
    using = f"u: {{{wide}}}".replace("agent: developer", "uses: wide")
    beside = "\n  ".join(f"{name}: {{{wide}}}".replace("]}", "], y: [1, 2, 3, 4, 5, 6, 7, 8]}") for name in "abcdef")
    said = "a run has 2000 jobs at most, those of matrices and of workflows that are used among them"
    for jobs, place in ((using, ("jobs", "u", "uses")), (beside, ("jobs", "f"))):
        flow, fewer = (parsed("w", f"{HEAD}jobs:\n  {jobs.replace('%s', many)}\n") for many in (MANY, "1, 2"))
        assert reuse.problem(flow, flows) == (place, said)
        assert reuse.problem(fewer, flows) is None


@pytest.mark.parametrize(
    ("uses", "said"),
    [
        ("uses: need, with: {n: '{{ 1 }}', typo: 3}", "`Inner` has no input `typo` (known: n, path)"),
        ("uses: need, with: {n: '{{ 1 }}'}", "`Inner` needs the input `path`"),
        ("uses: need, with: {path: '{{ issue.title }}', n: x}", "the input `n` of `Inner` is to be a number"),
        ("uses: need, with: {path: '{{ issue.title }}', n: '{{ issue.title }}'}", ""),
        ("uses: broken", "the workflow `broken` has a mistake of its own"),
        ("uses: nowhere", "there is no workflow `nowhere`"),
    ],
)
def test_what_is_given_is_judged_as_far_as_it_is_known(uses: str, said: str) -> None:
    inputs = "on: {workflow_call: {inputs: {path: {required: true}, n: {type: number}}}}"
    need = parsed("need", f"name: Inner\n{inputs}\njobs: {{a: {{agent: developer}}}}\n")
    wrong = reuse.problem(parsed("w", f"{HEAD}jobs:\n  u: {{{uses}}}\n"), {"need": need, "broken": None})
    assert wrong == ((("jobs", "u", "uses"), said) if said else None)


def test_a_file_with_a_mistake_is_not_taken_for_one_that_is_missing(tmp_path: Path) -> None:
    """Nor does one of ours of the same name stand in for it."""
    broken, whole = tmp_path / "feature.yml", tmp_path / "whole.yml"
    broken.write_text("name: F\n")
    whole.write_text(f"{HEAD}jobs: {{a: {{uses: feature}}}}\n{TAIL}")
    assert [str(problem) for problem in check([whole])] == [
        f"{whole}:5: the workflow `feature` has a mistake of its own"
    ]
    assert "feature" not in usable(whole)


def test_what_no_job_of_a_used_workflow_says_is_not_spoken_of(used: dict[str, Workflow]) -> None:
    says = parsed("says", f"{INNER}  p: {{agent: analyst, outputs: {{k: string}}}}\n  d: {{agent: developer}}\n")
    flows = {**used, "says": says, "around": parsed("around", f"{INNER}  s: {{uses: says}}\n")}
    for name, wrong in (("k", None), ("zork", ("jobs", "b", "focus"))):
        jobs = f"u: {{uses: around}}\n  b: {{agent: developer, needs: u, focus: '{{{{ needs.u.outputs.{name} }}}}'}}"
        found = reuse.problem(parsed("w", f"{HEAD}jobs:\n  {jobs}\n"), flows)
        assert (found[0] if found else None) == wrong
    assert found is not None
    assert found[1] == "no job of the workflow `around`, which `u` uses, has an output `zork`"
