"""Files people write: every mistake is a ConfigError with its line and a hint, and no text is anything worse."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import template
from bot.agents.spec import parse_agent
from bot.document import MAX_BYTES, load
from bot.errors import ConfigError
from bot.workflow import known
from bot.workflow.known import Known
from bot.workflow.library import SHIPPED, shipped
from bot.workflow.spec import parse_workflow

AGENTS = dict(shipped().agents)
KNOWN = Known(("claude", "command", "rehearsal"), tuple(AGENTS), shipped().workflows)
GOOD = """# A label starts it, an agent writes the change, the repository's tests judge it, a pull request offers it.
name: Implement an issue

on:
  issues:
    types: [labeled]
    labels: [auto-implement]

cancel-on:
  issues:
    types: [unlabeled, closed]
    labels: [auto-implement]

requires: write # the right in the repository that whoever sets the label must have

limits:
  usd: 5
  minutes: 60
  silence-minutes: 10

pattern: pipeline

jobs:
  implement:
    agent: developer
    tests:
      tries: 3

outputs:
  pull-request:
    max: 1
    branch-prefix: feature/auto
    title: "{{ change.title }}"
    labels: [automated-pr, needs-review]
"""
AGENT = (SHIPPED / "agents/developer.md").read_text(encoding="utf-8")

_PIECES = """on : - [ ] { } &a *a !!python/object:os.system !x ? | > ' " # % @ ` --- ... << ~ 1e999 0o9 2024-13-45 yes é
🎉 version limits usd 1:60 0x .inf ="""
yamlish = st.lists(
    st.sampled_from([*_PIECES.split(), " ", "  ", "\n", "\n  ", ": ", "- ", "\t", "\0", "\ud800", "\ufeff", "\x85"]),
    max_size=40,
).map("".join)


def refused(parse: object, *args: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(*args)  # type: ignore[operator]
    return str(caught.value)


@settings(deadline=None)
@given(st.text() | yamlish)
def test_no_text_makes_a_parser_raise_anything_but_a_configuration_error(words: str) -> None:
    for parse in (
        lambda: load("f.yml", words),
        lambda: known.parse(words, KNOWN),
        lambda: parse_workflow("w.yml", words, AGENTS),
        lambda: parse_agent("a.md", words),
        lambda: parse_agent("a.md", f"---\n{words}\n---\nDo it."),
        lambda: parse_agent("a.md", f"---\n---\n{words}"),
    ):
        with contextlib.suppress(ConfigError):
            parse()


@settings(deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 30), yamlish)
def test_a_damaged_workflow_is_refused_with_a_line_of_the_file_or_still_valid(at: int, cut: int, words: str) -> None:
    damaged = GOOD[:at] + words + GOOD[at + cut :]
    try:
        parse_workflow("w.yml", damaged, AGENTS)
        line = 1
    except ConfigError as error:
        line = error.line
    assert 1 <= line <= len(damaged.splitlines()) + 1


MISTAKES = {
    "version: 1\ntset: x": ".github/tutti.yml:2: unknown key `tset` (did you mean `test`?)",
    "version: 1\nlimits:\n  minuts: 5": ".github/tutti.yml:3: unknown key `limits.minuts` (did you mean `minutes`?)",
    "version: 1\nzebra: 1": (
        ".github/tutti.yml:2: unknown key `zebra` (known here: agents, backend, base, bots, co-authors, draft, "
        "language, layers, limits, lint, owns, protected, review, services, setup, setup-hosts, staged, test, "
        "version, workflows)"
    ),
    "version: 1\nbackend: cluade": ".github/tutti.yml:2: there is no backend `cluade` (did you mean `claude`?)",
    "version: 1\nversion: 1": ".github/tutti.yml:2: the key `version` is here twice",
    "test: x": ".github/tutti.yml:1: `version`: field required",
    "": ".github/tutti.yml:1: `version`: field required",
    "- a": ".github/tutti.yml:1: must be a mapping of keys to values",
    "version: 1\ndraft: maybe": (
        ".github/tutti.yml:2: `draft`: input should be a valid boolean, unable to interpret input"
    ),
    "version: 1\nschedule: daily": ".github/tutti.yml:2: `schedule` is not available yet",
    "version: 1\nworkflows:\n  review:\n    owns: [src]": (
        ".github/tutti.yml:4: unknown key `workflows.review.owns` "
        "(known here: approval, enabled, labels, limits, requires)"
    ),
    "version: 1\nsetup: &x [a]\ntest: *x": ".github/tutti.yml:3: aliases (*name) are not supported",
    "version: 1\ntest: !ruby/object x": ".github/tutti.yml:2: the tag !ruby/object is not supported",
    "version: 1\ntest: !!python/name:os.system x": ".github/tutti.yml:2: 'x' is not a valid value",
    "version: 1\ntest: [a": ".github/tutti.yml:2: not valid YAML: expected ',' or ']', but got '<stream end>'",
}


@pytest.mark.parametrize(("words", "said"), MISTAKES.items())
def test_a_mistake_in_the_configuration_is_named_with_its_line(words: str, said: str) -> None:
    assert refused(known.parse, words, KNOWN) == said


WORKFLOW_MISTAKES = {
    ("labels: [auto-implement]", "lables: [auto-implement]"): (
        "w.yml:7: unknown key `on.issues.lables` (did you mean `labels`?)"
    ),
    ("types: [labeled]", "types: [labelled]"): "w.yml:6: `on.issues.types.0`: ",
    ("agent: developer", "agent: develper"): (
        "w.yml:25: there is no agent `develper` (known: " + ", ".join(sorted(AGENTS)) + ")"
    ),
    ("    agent: developer", "    agent: developer\n    needs: [build]"): (
        "w.yml:26: the job `implement` needs `build`, which is not a job of this workflow"
    ),
    ("branch-prefix: feature/auto", "branch-prefix: ../x"): "w.yml:32: `outputs.pull-request.branch-prefix`: ",
    ("{{ change.title }}", "{{ chnge.title }}"): "the template uses unknown names: chnge",
    ("{{ change.title }}", "{{ change.titel }}"): "w.yml:33: `outputs.pull-request.title`: template: ",
    ("max: 1", "max: 21"): "w.yml:31: `outputs.pull-request.max`: ",
    ("labels: [auto-implement]\n\ncancel", "labels: [TUTTI-approved]\n\ncancel"): (
        "w.yml:7: `on.issues.labels.0`: the label `tutti-approved` approves of what waits"
    ),
    ("pattern: pipeline", "review: {tiers: [{name: x, agents: [stile]}]}"): (
        "w.yml:21: there is no agent `stile` that reads reviews (did you mean `style`?)"
    ),
    ("usd: 5", "usd: nan"): "`limits.usd`: ",
    ("requires: write", "requires: everybody"): "`requires`: ",
}


@pytest.mark.parametrize(("change", "said"), WORKFLOW_MISTAKES.items())
def test_a_mistake_in_a_workflow_is_named_with_its_line(change: tuple[str, str], said: str) -> None:
    assert change[0] in GOOD
    assert said in refused(parse_workflow, "w.yml", GOOD.replace(*change), AGENTS)


BUSY = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}x",
    "{{ range(99999) | sum }}",
    "{{ change.title | upper }}",
    "{{ change.title.upper() }}",
    "{{ change.title.a.b }}",
    "{{ change.title ~ 'x' }}",
    "{{ 'x' }}",
    "{% if change %}x{% endif %}",
    "{% set x = 1 %}",
    "{% macro m() %}{% endmacro %}",
    "{{ change[('title')] }}",
]


@pytest.mark.parametrize("title", BUSY)
def test_a_title_is_words_and_names_for_it_is_tried_wherever_its_workflow_is_read(title: str) -> None:
    said = refused(parse_workflow, "w.yml", GOOD.replace("{{ change.title }}", title), AGENTS)
    assert "w.yml:33: `outputs.pull-request.title`: line 1 of the template holds more than words and names" in said


def test_a_title_that_is_nested_deeper_than_python_can_follow_is_a_mistake_too() -> None:
    deep = "{{ " + "(" * 20_000 + "change.title" + ")" * 20_000 + " }}"
    assert "not a valid template" in refused(parse_workflow, "w.yml", GOOD.replace("{{ change.title }}", deep), AGENTS)


def test_a_title_may_name_all_there_is_between_words() -> None:
    title = "#{{ issue.number }} {{ issue.title }}: {{change.title}} ({{ repo.name }})"
    found = parse_workflow("w.yml", GOOD.replace("{{ change.title }}", title), AGENTS)
    assert found.opens.title == title


AGENT_MISTAKES = {
    "Do it.": "a.md:1: an agent file begins with `---`, its settings, and `---`",
    "---\nmodle: opus\n---\nDo it.": "a.md:2: unknown key `modle` (did you mean `model`?)",
    "---\nbackend: claude\nmax-turns: 0\n---\nDo it.": "a.md:3: `max-turns`: input should be greater than or equal",
    "---\n---\n{{ issue.title }": "not a valid template: ",
    "---\n---\n{{ environ }}": "the template uses unknown names: environ",
}


@pytest.mark.parametrize(("words", "said"), AGENT_MISTAKES.items())
def test_a_mistake_in_an_agent_file_is_named_with_its_line(words: str, said: str) -> None:
    assert said in refused(parse_agent, "a.md", words)


def test_the_key_on_stays_a_word_and_times_stay_text() -> None:
    data = load("f", "on: off\nyes: 2024-01-01\nflag: true\n").data
    assert data == {"on": "off", "yes": "2024-01-01", "flag": True}


def test_bombs_do_not_go_off() -> None:
    assert "larger than 64 KB" in refused(load, "f", "x" * (MAX_BYTES + 1))
    assert "nested deeper than 30 levels" in refused(load, "f", "[" * 40 + "]" * 40)
    for start in ("[", "{", "{a: ", "- ", "? "):
        assert "nested deeper than 30 levels" in refused(load, "f", start * 10_000)


def test_what_we_ship_is_valid() -> None:
    assert shipped().problems == ()
    assert set(shipped().workflows) == {path.stem for path in SHIPPED.glob("*.yml")}


# ---- templates ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ issue.__class__ }}",
        "{{ ''.format.__globals__ }}",
        "{{ '{0.__class__}'.format(issue) }}",
        "{{ names.append(1) }}",
        "{{ missing }}",
        "{{ issue.missing }}",
        "{{ 1 / 0 }}",
        "{{ 'x' * 10**12 }}",
        "{% for x in range(10**9) %}x{% endfor %}",
        "{% include 'etc/passwd' %}",
        "{{ issue['title' }}",
    ],
)
def test_a_template_cannot_leave_its_names_and_says_so_as_a_value_error(hostile: str) -> None:
    with pytest.raises(ValueError, match="template"):
        template.render(hostile, {"issue": {"title": "T"}, "names": []})


def test_data_in_a_template_stays_data() -> None:
    assert template.render("{{ issue.title }}", {"issue": {"title": "{{ 7 * 7 }}"}}) == "{{ 7 * 7 }}"
