"""Who owns a path: exactly as the globs say, and never two jobs."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.graph.language import EFFORT, Language, common, reader
from bot.graph.ownership import ALL, EACH, LETTERS, MOST, NOBODY, Owners, barren, literal, overlap
from bot.review.glob import matcher

NAMES = ["a", "b", "x", "ab", "ba", "aab", "a.b", "a\n", "*", "..a", "zz"]
PATHS = ["/".join(names) for deep in (1, 2, 3) for names in itertools.product(NAMES, repeat=deep)]
PATHS = PATHS[:132] + PATHS[132::7]
PIECES = st.sampled_from(["a", "b", "*", "**", "/", "/", "?", "[ab]", "[!a]", "[b-y]", ".", "\\*", "a/", "/**/", "**/"])
GLOB = st.builds(lambda no, all_: no + "".join(all_), st.sampled_from(["", "", "", "!"]), st.lists(PIECES, max_size=5))
GLOBS = st.lists(GLOB, min_size=1, max_size=3)


def read(globs: Sequence[str]) -> Callable[[str], bool] | None:
    """None where they are no globs."""
    try:
        return matcher(globs)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (["/api/"], ["/web/"], None),
        (["/api/"], ["/api/v1/**"], "api/v1/x"),
        (["api/"], ["web/"], "api/web/x"),  # without a slash at its beginning a folder may be anywhere
        (["/api/"], ["README.md"], "api/README.md"),
        (["/api/"], ["/README.md"], None),
        (["/api/", "!/api/README.md"], ["README.md", "!/api/"], "api/x/README.md"),
        (["/api/", "!README.md"], ["README.md"], None),
        (["*.py"], ["*.js"], ".js/.py"),
        (["/src/*.py"], ["/src/*.js"], None),
        (["/src/*.py"], ["/src/*.p?"], "src/.py"),
        (["/src/**/test_*"], ["/src/a/*_x"], "src/a/test_x"),
        (["/src/[a-m]*/"], ["/src/[k-z]*/"], "src/k/x"),
        (["/src/[a-m]*/"], ["/src/[n-z]*/"], None),
        (["/src/[!a-m]*/"], ["/src/[a-m]*/"], None),
        (["/[!a]"], ["/[!b-z]"], "-"),
        (["*", "!/docs/**"], ["/docs/"], None),
        (["*", "!/docs/**", "/docs/x"], ["/docs/"], "docs/x"),
        (["/a/./b", "//a", "a//b", "/"], ["*"], None),  # no path of a repository
        (["# a", "", "!a"], ["*"], None),
        (["/ü/**"], ["/?/*"], "ü/x"),
        (["/api"], ["/apis/"], None),
    ],
)
def test_what_two_lists_share_is_told_by_an_example(one: list[str], other: list[str], shared: str | None) -> None:
    assert overlap(one, other) == shared
    found = overlap(other, one)
    assert (found is None) == (shared is None)
    for path in filter(None, (shared, found)):
        assert matcher(one)(path)
        assert matcher(other)(path)


@example(["a"], ["a?"])  # which a line break at the end of a name fits, too
@example(["[!a]"], ["[!b-y]"])
@example(["*/"], ["**"])
@example(["*", "!**/b"], ["*/b"])  # no star takes a line break above a name
@example(["**/a/**", "!b"], ["/**", "!a/"])
@settings(max_examples=100, deadline=None)
@given(GLOBS, GLOBS)
def test_there_is_an_example_exactly_where_a_path_fits_both(one: list[str], other: list[str]) -> None:
    fits, fits_too = read(one), read(other)
    if fits is None or fits_too is None:
        with pytest.raises(ValueError, match="no globs"):
            Owners({"one": one, "other": other}).conflicts()
        return
    found = common(Language(one), Language(other))[0]
    assert (overlap(one, other) is None) == (found is None)
    if found is None:
        assert [path for path in PATHS if fits(path) and fits_too(path)] == []
    else:
        assert fits(found)
        assert fits_too(found)
        assert not {"", ".", ".."} & set(found.split("/"))


def test_what_is_read_letter_by_letter_fits_as_it_does_at_once() -> None:
    for globs in (["a"], ["a/"], ["*/"], ["/a", "!a/b"], ["**/a/**/b", "!*x"], ["[!a]*", "a/**"], ["!a", "b", "a"]):
        fits, language = matcher(globs), Language(globs)
        for path in PATHS[:200]:
            number = 0
            for letter in path:
                number = language.step(number, letter)
            assert language.waits(number).fits == fits(path)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(GLOB.map(lambda glob: f"/{glob}"), max_size=2), max_size=5))
def test_no_path_has_two_owners_where_no_two_conflict(rows: list[list[str]]) -> None:
    owned = {str(number): globs for number, globs in enumerate(rows) if read(globs) is not None}
    owners, fits = Owners(owned), {job: matcher(globs) for job, globs in owned.items()}
    conflicts = owners.conflicts()
    for one, other, path in conflicts:
        assert fits[one](path)
        assert fits[other](path)
    among = {(one, other) for one, other, _ in conflicts}
    for path in PATHS[::3]:
        whose = [job for job in owned if fits[job](path)]
        assert among.issuperset(itertools.combinations(whose, 2))
        assert owners.of(path) == (whose[0] if whose else None)
        for job, globs in owned.items():
            assert owners.may(job, path) == (job in whose if globs else not whose)


def test_a_job_changes_its_own_and_without_globs_what_nobody_owns() -> None:
    owners = Owners({"api": ["/api/", "!/api/types.ts"], "types": ["/api/types.ts"], "rest": []})
    paths = ["api/a.py", "api/types.ts", "README.md"]
    assert owners.outside("api", paths) == {"api/types.ts": "types", "README.md": None}
    assert owners.outside("types", paths) == {"api/a.py": "api", "README.md": None}
    assert owners.outside("rest", paths) == owners.outside("nobody", paths)
    assert owners.outside("rest", paths) == {"api/a.py": "api", "api/types.ts": "types"}
    assert owners.conflicts() == []
    assert Owners({}).outside("any", paths) == {}


def many(glob: str, count: int) -> Mapping[str, Sequence[str]]:
    return {f"job-{number}": [glob.format(number=number)] for number in range(count)}


def test_conflicts_of_many_jobs_are_found_without_a_look_at_each_two() -> None:
    owners = Owners({**many("/components/c{number}/", 200), "late": ["/components/c17/**/*.md"]})
    assert owners.conflicts() == [("job-17", "late", "components/c17/.md")]
    assert owners.of("components/c199/x") == "job-199"
    assert len(Owners(many("**/x{number}/", 16)).conflicts()) == MOST


def test_what_agents_name_is_compared_without_a_glob_being_read() -> None:
    components = {f"c{number}": [f"/*{number}/[id]/{file}" for file in range(30)] for number in range(300)}
    owned = {name: [f"/{literal(path[1:])}" for path in paths] for name, paths in components.items()}
    read_before = reader.cache_info().misses
    owners = Owners(owned)
    assert owners.conflicts() == []
    assert owners.outside("c1", ["*1/[id]/7", "*1/[id]/7/x", "*2/[id]/7", "x1/[id]/7"]) == {
        "*2/[id]/7": "c2",
        "x1/[id]/7": None,
    }
    late = {**owned, "late": [f"/{literal('*17')}/"], "later": [f"/{literal('*17')}"]}
    assert Owners(late).conflicts(["late"]) == [("c17", "late", "*17/[id]/0"), ("late", "later", "*17/x")]
    assert reader.cache_info().misses == read_before


def test_globs_that_cannot_meet_are_not_read_and_those_that_can_are_each_by_itself() -> None:
    owned = {f"s{number}": [f"/s{number}/{kind}*.py" for kind in range(8)] for number in range(200)}
    read_before = reader.cache_info().misses
    assert Owners(owned).conflicts() == []
    assert reader.cache_info().misses == read_before
    many_kinds = {kind: [f"/s{number}/*.{kind}" for number in range(50)] for kind in ("py", "js")}
    assert Owners(many_kinds).conflicts() == []
    assert Owners({**many_kinds, "all": ["/s49/*.*"]}).conflicts(["all"]) == [
        ("py", "all", "s49/.py"),
        ("js", "all", "s49/.js"),
    ]


def test_most_globs_are_seen_to_fit_something_as_they_are_written() -> None:
    read_before = reader.cache_info().misses
    assert not any(barren((glob,)) for glob in ("*.seen", "/seen/**", "**/seen?/", "seen*/x", "**", "/*/"))
    assert reader.cache_info().misses == read_before
    assert all(barren((glob,)) for glob in ("", "/", "../x", "a/./b*", "a//b", ".git/*", "# a"))
    assert barren(("/docs/*", "!/docs/**"))
    assert not barren(("/docs/", "!/docs/x"))


def test_jobs_that_were_looked_at_are_not_looked_at_again() -> None:
    owners = Owners({"a": ["/a/"], "b": ["/a/*.md"], "c": ["/c/"]})
    assert owners.conflicts(["a"]) == owners.conflicts(["b"]) == [("a", "b", "a/.md")]
    assert owners.conflicts(["c"]) == []


@pytest.mark.parametrize(
    ("owned", "why"),
    [
        ({"a": [f"/{number}" for number in range(EACH + 1)]}, f"a job would own 201 globs, and {EACH} are the most"),
        (many("/x/{number}", ALL + 1), f"10001 globs of 68898 characters in all, and {ALL} of {LETTERS}"),
        (many("/" + "x" * 900 + "/{number}", 1200), "1200 globs of 1086090 characters in all"),
    ],
)
def test_more_globs_than_can_be_looked_at_are_refused(owned: Mapping[str, Sequence[str]], why: str) -> None:
    with pytest.raises(ValueError, match="name folders, and not each file") as error:
        Owners(owned).conflicts()
    assert why in str(error.value)


def test_who_is_first_is_reported_first_however_many_own_the_same() -> None:
    assert Owners(many("/docs/", 5_000)).conflicts() == [("job-0", f"job-{n}", "docs/x") for n in range(1, MOST + 1)]


NASTY = ["*{name}" + "?" * 40, "*[!x]*[!y]*[!z]" * 10 + "{name}", "**/a/" * 20 + "*{name}*a?" * 5]


@pytest.mark.parametrize("glob", NASTY)
def test_globs_that_were_made_to_take_long_are_given_up_and_never_called_apart(glob: str) -> None:
    one, other = Language([glob.format(name="a")]), Language([glob.format(name="b")])
    assert common(one, other, 3_000)[0] == one.globs[0]
    assert one.effort < EFFORT
    assert overlap(one.globs, [*other.globs, "!*"]) is None


@pytest.mark.parametrize("around", ["/{}", "{}/", "/{}/**", "src/{}/x", "*{}*", "!{}", "{}", "a{}"])
@pytest.mark.parametrize(
    "value", ["*", "**", "!a", "#a", "a b ", " a", "[ab]", "a\\", "\\", "?", "a/b", "", "/", "..", "\n"]
)
def test_what_somebody_said_is_no_glob(value: str, around: str) -> None:
    globs = ["*", around.format(literal(value))] if around.startswith("!") else [around.format(literal(value))]
    meant = [path for path in PATHS if (value and value in path)]
    fits = matcher(globs)
    alien = [path for path in PATHS if path not in meant and fits(path) != around.startswith("!")]
    assert alien == []


@pytest.mark.parametrize("value", ["*", "a b ", "[ab]", "a\\", "!x", "#x", "app/[id]/page (1).tsx", "grün.txt"])
def test_a_path_that_somebody_named_fits_whatever_stands_in_it(value: str) -> None:
    fits = matcher([f"/{literal(value)}"])
    assert fits(value)
    assert not fits(f"x{value}")
    assert not matcher([f"/{literal(NOBODY)}"])(value)
