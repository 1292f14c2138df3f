"""A repository changes the rules of its reviews by what it names, and by nothing else."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.review.rules import Bars, ReviewRules, Skip, merged, tiers_of

KEYS: dict[str, st.SearchStrategy[object]] = {
    "tiers": st.sampled_from([(), ({"name": "a", "any": ["*.py"]},), ({"name": "b", "agents": "none"},)]),
    "skip": st.fixed_dictionaries(
        {}, optional={"drafts": st.booleans(), "labels": st.sampled_from([(), ("x",)]), "branches": st.just(("a*",))}
    ),
    "reading": st.fixed_dictionaries({}, optional={"parts": st.integers(1, 20), "ignore": st.just(("gen/",))}),
    "caps": st.fixed_dictionaries({}, optional={"major": st.integers(0, 50), "nit": st.integers(0, 50)}),
    "bars": st.fixed_dictionaries({}, optional={"minor": st.floats(0, 1), "style": st.just(0.9)}),
    "guidelines": st.sampled_from([(), ("A.md",)]),
    "language": st.sampled_from(["English", "German"]),
    "event": st.sampled_from(["comment", "approve"]),
    "fail-on": st.sampled_from([None, "major"]),
}
SAID = st.fixed_dictionaries({}, optional=KEYS)


def together(ours: Mapping[str, object], theirs: Mapping[str, object]) -> dict[str, object]:
    """Both as plain data, theirs on top, one level down."""
    below = {
        key: {**here, **there}
        for key, there in theirs.items()
        if isinstance(there, dict) and isinstance(here := ours.get(key, {}), dict)
    }
    return {**ours, **theirs, **below}


@settings(max_examples=60, deadline=None)
@given(SAID, SAID, SAID)
def test_what_a_repository_says_is_put_upon_what_the_workflow_says_key_by_key(
    ours: dict[str, object], theirs: dict[str, object], more: dict[str, object]
) -> None:
    one, two, three = (ReviewRules.model_validate(said) for said in (ours, theirs, more))
    before = one.model_dump()
    assert merged(one, two) == ReviewRules.model_validate(together(ours, theirs))
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert one.model_dump() == before


def test_a_repository_without_rules_leaves_them_as_they_are() -> None:
    ours = ReviewRules(skip=Skip(drafts=False), bars=Bars(major=0.8))
    assert merged(ours, None) is ours
    assert merged(ours, ReviewRules()) == ours


def test_what_is_named_counts_even_where_it_is_the_default() -> None:
    ours = ReviewRules.model_validate({"skip": {"drafts": False, "bots": False}, "fail-on": "major"})
    theirs = ReviewRules.model_validate({"skip": {"drafts": True}, "fail-on": None})
    both = merged(ours, theirs)
    assert (both.skip.drafts, both.skip.bots, both.fail_on) == (True, False, None)


def test_without_tiers_everybody_reads_everything() -> None:
    (usual,) = tiers_of(ReviewRules())
    assert (usual.agents, usual.any, usual.all, usual.most_lines) == ("all", (), (), None)
    named = ReviewRules.model_validate({"tiers": [{"name": "a"}]})
    assert tiers_of(named) == named.tiers


@pytest.mark.parametrize(
    "said",
    [
        {"tiers": [{"name": "a", "any": ["*.py", "[z-a]"]}]},
        {"tiers": [{"name": "a", "all": ["!"]}]},
        {"reading": {"ignore": ["a\\"]}},
        {"skip": {"branches": ["[z-a]"]}},
        {"instructions": [{"paths": ["!"], "text": "x"}]},
    ],
)
def test_what_is_no_glob_is_refused_before_any_review(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="is no glob"):
        ReviewRules.model_validate(said)
