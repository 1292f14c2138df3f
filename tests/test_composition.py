"""What many jobs made is told once: each path in one commit of one concern, each job in one section that fits."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agents import composition
from bot.agents.composition import Commit, of_many, sections
from bot.agents.job import Portion
from bot.github.harmless import headings
from bot.github.writing import BODY_LIMIT
from bot.publish import body as bodies
from bot.publish.body import Story, body


def wishes(*commits: tuple[str, Sequence[str]], title: str = "") -> str:
    made = [{"message": message, "paths": list(paths)} for message, paths in commits]
    return f"Done.\n\n```json\n{json.dumps({'title': title, 'commits': made})}\n```"


def portion(job: str, *paths: str, words: str = "Done.", focus: str = "", agent: str = "developer") -> Portion:
    return Portion(job, agent, words, paths, (), focus)


def made(*portions: Portion, rest: Sequence[str] = ()) -> list[tuple[str, tuple[str, ...]]]:
    paths = [*dict.fromkeys([*(path for one in portions for path in one.paths), *rest])]
    return [(one.subject, one.paths) for one in of_many(portions, paths, "Show prices", fix=False)]


# ---- commits ---------------------------------------------------------------------------------------------------------


def test_each_concern_of_each_job_is_a_commit_in_the_order_of_the_merges() -> None:
    api = portion("build/api", "api/a.py", "api/test_a.py", "docs/api.md", focus="Build the API.\nIt has prices.")
    web = portion("build/web", "web/p.js", words=wishes(title="Draw the page"), focus="Build the page")
    docs = portion("docs", "README.md")
    assert made(api, web, docs, rest=["mended.py"]) == [
        ("feat(api): build the API", ("api/a.py",)),
        ("test(api): build the API", ("api/test_a.py",)),
        ("docs(api): build the API", ("docs/api.md",)),
        ("feat(web): draw the page", ("web/p.js",)),
        ("docs: show prices", ("README.md",)),
        ("feat: show prices", ("mended.py",)),
    ]


@pytest.mark.parametrize(
    ("wish", "subject"),
    [
        ("perf(cache): keep prices", "perf(cache): keep prices"),
        ("feat!: drop the old price", "feat!: drop the old price"),
        ("Keep prices", "feat(api): build it"),
        ("feature: keep prices", "feat(api): build it"),
        ("feat: one\nCo-authored-by: a <b@c.example>", "feat: one"),
        ("feat: one\u2028Signed-off-by: a <b@c.example>", "feat: one"),
        ("Signed-off-by: a <b@c.example>", "feat(api): build it"),
        ("fix: close it, fixes #1 @team [skip ci]", "fix: close it, fixes `#1` team (skip ci)"),
    ],
)
def test_what_an_agent_proposed_is_kept_where_it_is_conventional_and_one_line(wish: str, subject: str) -> None:
    assert made(portion("api", "a.py", words=wishes((wish, ["a.py", "not/its/own.py"])), focus="build it")) == [
        (subject, ("a.py",))
    ]


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("fix(cart): count cents", "fix(cart): count cents"),
        ("docs(x): write", "feat(api): write"),
        ("chore: tidy up", "chore(api): tidy up"),
        ("", "feat(api): show prices"),
    ],
)
def test_a_title_that_is_conventional_keeps_what_fits(title: str, subject: str) -> None:
    assert made(portion("api", "a.py", words=wishes(title=title))) == [(subject, ("a.py",))]


@pytest.mark.parametrize(
    ("job", "scope"),
    [
        ("lead/backend/api", "(api)"),
        ("each/" + "rename-everything-" * 4, "(each)"),
        ("x" * 60, f"({'x' * 30})"),
        ("feat", ""),
    ],
)
def test_the_scope_is_the_last_part_of_a_jobs_name_that_is_short(job: str, scope: str) -> None:
    assert made(portion(job, "a.py", focus="do it")) == [(f"feat{scope}: do it", ("a.py",))]


def test_what_several_jobs_changed_is_in_one_commit() -> None:
    api = portion("build/api", "a.py", "both.py", words=wishes(("feat(api): one", ["a.py", "both.py", "met.py"])))
    web = Portion("build/web", "designer", wishes(("feat(web): all", ["w.js", "both.py"])), ("w.js", "both.py"), ())
    other = portion("shop/other", "met.py", "o.py")
    cart = Portion("shop/cart", "cook", "", ("met.py",), ("met.py",))
    assert made(api, web, other, cart, rest=["t.py"]) == [
        ("feat(api): one", ("a.py",)),
        ("feat(web): all", ("w.js",)),
        ("feat(other): show prices", ("o.py",)),
        ("feat: join the work of api and web", ("both.py",)),
        ("feat: join the work of other and cart", ("met.py",)),
        ("feat: show prices", ("t.py",)),
    ]


def test_a_commit_that_joins_the_work_of_jobs_says_what_each_did() -> None:
    web = Portion("build/web", "designer", wishes(title="Draw prices"), ("both.py",), ())
    (one,) = of_many([portion("api", "both.py", focus="Count cents."), web], ["both.py"], "Show prices", fix=False)
    assert (
        one.message(co_authors=False) == "feat: join the work of api and web\n\n- api: Count cents\n- web: Draw prices"
    )
    assert one.agents == ("developer", "designer")


def test_a_commit_closes_nothing_by_the_name_of_a_job_and_what_it_did() -> None:
    jobs = [portion(f"build/{name}", "both.py", focus="#12 at last") for name in ("fixes", "b")]
    (one,) = of_many(jobs, ["both.py"], "Show prices", fix=False)
    assert one.message(co_authors=False).endswith("\n\n- fixes: `#12` at last\n- b: #12 at last")
    assert Commit("fix: #1", ("a",), jobs=("- close #2",)).message(co_authors=True) == "fix: `#1`\n\n- close `#2`"


PATHS = ("a.py", "b.py", "docs/c.md", "tests/d.py", "pyproject.toml", "e.py")
SOME = st.lists(st.sampled_from(PATHS), max_size=4, unique=True).map(tuple)
WISH = st.tuples(st.sampled_from(["feat(x): y", "no type", "docs: z"]), SOME)
PORTIONS = st.lists(st.tuples(SOME, SOME, st.lists(WISH, max_size=2)), max_size=4)


@settings(max_examples=40, deadline=None)
@given(of=PORTIONS, changed=SOME)
def test_each_changed_path_is_in_exactly_one_commit(
    of: list[tuple[tuple[str, ...], tuple[str, ...], list[tuple[str, tuple[str, ...]]]]], changed: tuple[str, ...]
) -> None:
    portions = [Portion(f"j{n}", "dev", wishes(*asks), paths, met) for n, (paths, met, asks) in enumerate(of)]
    commits = of_many(portions, changed, "Title", fix=False)
    assert sorted(path for one in commits for path in one.paths) == sorted(changed)
    assert all(one.paths and "\n" not in one.subject for one in commits)


# ---- co-authors ------------------------------------------------------------------------------------------------------


def test_agents_are_named_where_that_is_wanted_and_only_those_whose_work_a_commit_holds() -> None:
    api = portion("api", "a.py", "met.py")
    web = Portion("web", "review/Eye <x>\n", "", ("w.js", "met.py"), ("met.py",))
    one, other, met = of_many([api, web], ["a.py", "w.js", "met.py"], "Show prices", fix=False)
    assert one.message(co_authors=False) == "feat(api): show prices"
    assert one.message(co_authors=True) == (
        "feat(api): show prices\n\nCo-authored-by: Tutti developer <developer@agents.tutti.invalid>"
    )
    assert other.message(co_authors=True).endswith(
        "\n\nCo-authored-by: Tutti review/eye-x <review-eye-x@agents.tutti.invalid>"
    )
    assert met.message(co_authors=True).count("\nCo-authored-by: Tutti ") == 3
    assert Commit("feat: x", ("a",)).message(co_authors=True) == "feat: x"


# ---- sections --------------------------------------------------------------------------------------------------------


def test_a_heading_of_an_agent_is_none_of_the_pull_requests() -> None:
    words = "# Checklist\n\nGood.\n\nHow it was tested\n---\n\n```\n# no heading\n```\n\n### three"
    told = sections([portion("api", "a.py", words=words), portion("web", "w.js", words="It stands.")])
    assert list(headings(told).values()) == ["api", "Checklist", "three", "web"]
    assert told.startswith("### api\n\n#### Checklist\n\nGood.\n\nHow it was tested\n")
    assert "\n# no heading\n" in told
    assert told.endswith("\n\n##### three\n\n### web\n\nIt stands.")


def test_an_agent_that_says_nothing_and_conflicts_that_an_agent_resolved_are_told() -> None:
    api = portion("api", "a.py", "b.py")
    web = Portion("web", "developer", "", ("a.py", "w.js"), ("a.py",))
    assert sections([api, web]).partition("### web\n\n")[2] == (
        "Its agent gave no summary. It changed `a.py` and `w.js`.\n\n"
        "Conflicts in `a.py` between `api` and `web` were resolved by an agent: look at these lines."
    )


@pytest.mark.parametrize("more", [0, 20])
def test_one_conflict_is_told_once_whoever_of_its_jobs_had_it(more: int) -> None:
    many = [portion(f"other/{number}", f"{number}.py") for number in range(more)]
    jobs = [portion("t11", "a.py"), *(Portion(f"t{n}", "dev", "", ("a.py", f"{n}.py"), ("a.py",)) for n in (13, 12))]
    told = sections([*jobs, *many])
    assert told.count("Conflicts in `a.py` between `t11`, `t13` and `t12` were resolved") == 1
    assert told.count("were resolved") == 1


HUGE = ["<a" * 1_500, "```\n" + "x\n" * 1_500, "# h\n" * 700]


@pytest.mark.parametrize("words", HUGE)
@pytest.mark.parametrize("count", [20, 50])
def test_however_many_and_however_long_the_checklist_stands_and_what_needs_a_look(count: int, words: str) -> None:
    met = tuple(f"{'deep/' * 50}{number}.py" for number in range(9))
    portions = [Portion(f"each/{n}", "dev", words, (f"{n}.py", *met), met if n else ()) for n in range(count)]
    tested = bodies.Tested("make test", True, 0, 1.0, "line\n" * 5_000)
    story = Story(7, "t", "a", "b", "", tested, [], complete=True, reason="r" * 9_999, sections=sections(portions))
    told = body(story)
    assert len(told) <= BODY_LIMIT
    assert told.endswith("- [ ] A person has read the change")
    assert "\n## How it was tested\n\n`make test` passed in 1.0 s, on everything together.\n" in told
    assert "were resolved by an agent: look at these lines." in told
    assert told.count("<details>") == (2 if count == 50 else 1)


def test_many_jobs_are_a_list_that_is_folded() -> None:
    portions = [portion(f"each/{n}", f"{n}.py", words=f"## Head\n\nDid {n}.\nAnd more.") for n in range(60)]
    told = sections(portions)
    assert told.startswith("60 jobs made this, in the order in which they were merged.\n\n<details>")
    assert "\n- `each/59`: Did 59.\n" in told
    led = sections([portion("lead", words="It fits."), *portions])
    assert led == f"### lead\n\nIt fits.\n\n{told}"
    assert composition.listed(portions, 50) == "- `each/0`: Did 0.\n- `each/1`: Did 1.\n- and 58 more"
