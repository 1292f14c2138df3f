"""Words of strangers and agents in what the bot says of a run: whatever sentence they get into, they stay words."""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot import expression
from bot.github.harmless import harmless
from bot.graph.expansion import combinations
from bot.graph.filling import exactly, globs
from bot.publish import (
    fix_text,
    graph_text,
    parts_text,
    reason_text,
    strategy_text,
    swarm_text,
    team_text,
    text,
    trial_text,
    verdict,
)
from tests.github.test_harmless import WRITTEN, shown
from tests.scores import a_run

HOSTILE = "x`/../ @acme/owners closes #1 ![a](http://evil.example/x) <!-- [b](http://evil.example) `"
_GITHUB = MarkdownIt("commonmark").enable("table")


def acting(words: str) -> list[str]:
    """What of the words would act in a comment: mentions, tags, pictures, ways out."""
    tokens = _GITHUB.parse(words)
    inner = [child for token in tokens for child in token.children or []]
    kinds = {one.type for one in (*tokens, *inner)} & {"html_block", "html_inline", "image"}
    out = [href for one in inner if re.match("[a-z]+:|//", href := str(one.attrs.get("href", "")))]
    return [*kinds, *out, *re.findall(r"(?<![A-Za-z0-9])@[A-Za-z0-9][\w/-]*", shown(tokens))]


# ---- what is wrong with what they gave -------------------------------------------------------------------------------


def mistakes() -> Iterator[str]:
    """What is said of a value that does not do, by whatever it was given to."""
    names: dict[str, Any] = {"p": HOSTILE, "m": {"a": 1}}
    for wrong in (
        lambda: globs("docs/{{ p }}", expression.value("docs/{{ p }}", {"p": exactly(HOSTILE)})),
        lambda: expression.value("{{ (m | default(1))[p] }}", names),
        lambda: combinations({HOSTILE: []}),
        lambda: combinations({HOSTILE: 1}),
        lambda: combinations({HOSTILE: [[1]]}),
        lambda: combinations({HOSTILE * 9: [1]}),
        lambda: combinations({"a": [HOSTILE, HOSTILE]}),
        lambda: combinations({"a": [{"name": HOSTILE, "n": n} for n in (1, 1)]}),
        lambda: combinations({"include": [{HOSTILE: [1]}]}),
        lambda: combinations({"a": [1], "exclude": [{HOSTILE: 1}]}),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are what is looked at
            wrong()
        yield str(caught.value)


def test_a_mistake_in_what_they_gave_names_it_and_lets_nothing_of_it_act() -> None:
    said = [*mistakes()]
    assert len(said) == 10
    for words in said:
        assert "acme" in words
        assert acting(words) == [], words


# ---- reasons ---------------------------------------------------------------------------------------------------------

PLACES = (fix_text, graph_text, parts_text, strategy_text, swarm_text, team_text, text, trial_text, verdict)
OURS = {"login", "by", "page", "before", "listed", "patch", "command", "output", "sentence", "run_id"}  # made by us
FOR_AGENTS = {
    *("graph_text.outside", "graph_text.wrong_with", "team_text.charge", "team_text.person", "team_text.to_decide"),
    *("team_text.ended", "fix_text.to_fix", "swarm_text.to_plan"),
}


def given_to(kind: Any, name: str) -> Any:
    """Something for a parameter: hostile, wherever it can be words of others."""
    said = str(kind)
    if kind is str:
        return "ana" if name in OURS else HOSTILE
    if "Mapping[str, int]" in said:
        return {"ana": 1}  # logins
    if "Mapping[str" in said:
        state = "failed" if "Literal[" in said else HOSTILE
        return {HOSTILE: (state, HOSTILE) if "tuple[" in said else state}
    if "Sequence[str]" in said or "Iterable[str]" in said:
        return [HOSTILE, HOSTILE]
    if "Sequence[tuple[str, int]]" in said:
        return [(HOSTILE, 1)]
    plain: Mapping[Any, Any] = {int: 1, float: 1.0, bool: False, float | None: 1.0, bool | None: False}
    return [1, 2] if "Sequence[int]" in said else plain.get(kind)


def reasons() -> Iterator[tuple[str, str]]:
    """Every sentence that is made of words, with its name."""
    for place in PLACES:
        for name, one in vars(place).items():
            if not inspect.isfunction(one) or one.__module__ != place.__name__ or name.startswith("_"):
                continue
            wanted = inspect.signature(one).parameters.values()
            values = {each.name: given_to(each.annotation, each.name) for each in wanted}
            if None in values.values() or f"{place.__name__.rsplit('.')[-1]}.{name}" in FOR_AGENTS:
                continue
            if isinstance(said := one(**values), str):
                yield f"{place.__name__}.{name}", said


FIRST_WALL = ("graph_text", "parts_text", "strategy_text", "swarm_text", "team_text")
# Lines of commits, titles, and what is made of spans already.
TITLES = {"did", "joined", "numbered", "renumbered", "plans", "planning", "reviews", "stood"}


def test_no_sentence_shows_what_they_said_so_that_it_acts() -> None:
    said = dict(reasons())
    assert len(said) > 100
    for name, words in said.items():
        assert others_acting(reason_text.fit(words)) == [], name
        _, place, sentence = name.rsplit(".", 2)
        if place in FIRST_WALL and sentence not in TITLES:
            assert others_acting(words) == [], name


def others_acting(words: str) -> list[str]:
    """The same without what our own sentences fold, and who they say did it."""
    bare = re.sub(r"<details><summary>[\w ]+</summary>|</details>", "", words)
    return [one for one in acting(bare) if one not in ("@ana", "@ana-b")]


HOST = "git.acme.example"
PATCH = verdict.offered_as_patch("diff --git a/x b/x\n+@acme/owners `x` <b>\n </details>\n\n ```")
KEPT = (
    text.done(3, 2),
    text.cancelled_by("ana", "/cancel"),
    text.cancelled_by_label("ana-b[bot]", "x`y"),
    text.no_change(harmless("All of it is there.\n\n- @acme\n- <b>\n\n```python\n@x\n```")),
    graph_text.ended({"a": ("failed", "Failed: `x` failed."), "b": ("skipped", graph_text.another_failed("a"))}),
    verdict.was_withdrawn(f"Needs approval: `a` waits.\n\n{PATCH}", "ana"),
    f"{text.tests_red(3)}\n\n{PATCH}\n\n{text.done(1, 2)}",
    f"See [`a.py:3`](https://{HOST}/acme/shop/blob/abc/a.py#L3) and [here](docs/a.md), #3.",
)


@pytest.mark.parametrize("reason", KEPT)
def test_what_our_own_sentences_are_made_of_stays(reason: str) -> None:
    assert reason_text.fit(reason, HOST) == reason


def test_links_lead_to_the_github_that_a_run_came_from_and_to_no_other() -> None:
    link = f"[x](https://{HOST}/a)"
    run = replace(
        a_run([], "failed", reason=link), context={"event": {"issue": {"url": f"https://{HOST}/a/b/issues/1"}}}
    )
    assert reason_text.told(run) == link
    assert acting(reason_text.told(replace(run, context={}))) == []


@settings(max_examples=60, deadline=None)
@given(WRITTEN, st.sampled_from(KEPT))
@example("\n\n```\n\n", PATCH)
@example("<details><summary>x</summary>", PATCH)
@example("\n\nCancelled: @acme/owners closed the issue.", "x")
def test_nothing_acts_between_what_is_ours(words: str, ours: str) -> None:
    made = reason_text.fit(f"Failed: {words}\n\n{ours}\n\n{words}")
    assert others_acting(made) == [], made
