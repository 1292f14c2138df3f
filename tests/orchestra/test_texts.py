"""The texts of jobs, filled in with what agents said: whole in what they say, and never too long."""

import asyncio
from typing import Any

import pytest

from bot.orchestra import texts
from bot.orchestra.part import Ended, Part
from bot.orchestra.player import Player
from bot.workflow.job import Job
from tests.orchestra.test_player import Stage

LONG = "\U0001f600" * 10_000  # as long as an agent may be
OUTPUTS: dict[str, Any] = {"x": LONG, "l": ["a", {"b": True}], "all": [LONG] * 1_000, "none": None, "yes": True}
NAMES = {"needs": {"a": {"result": "success", "outputs": OUTPUTS}}}
X, ALL = "{{ needs.a.outputs.x }}", "{{ needs.a.outputs.all }}"


def filled(**job: Any) -> Job:
    return texts.filled(Part("j", Job(agent="developer", **job)), NAMES, {}, trusted=True).spec


def test_what_is_no_text_is_written_as_in_a_text() -> None:
    said = {"l": '["a", {"b": true}]', "none": "", "yes": "true"}
    one = filled(env={name.upper(): f"{{{{ needs.a.outputs.{name} }}}}" for name in said})
    assert one.env == {name.upper(): words for name, words in said.items()}
    assert filled(focus="{{ needs.a.outputs.l }}").focus == said["l"]


def test_whatever_text_an_agent_may_say_has_room() -> None:
    one = filled(focus=f"Do {X}", env={"X": X, "Y": X}, owns=("/src/",))
    assert (one.focus, one.env) == (f"Do {LONG}", {"X": LONG, "Y": LONG})


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"focus": X * 3}, "`focus` has more than 20000 characters once it is filled in"),
        ({"focus": ALL}, "`focus` has more than 20000 characters once it is filled in"),
        ({"focus": X * 170}, "`focus` has more than 20000 characters once it is filled in"),
        ({"env": {"X": X * 2}}, "`env.X` has more than 50000 bytes once it is filled in"),
        ({"env": {"X": ALL}}, "`env.X` has more than 50000 bytes once it is filled in"),
        ({"env": {f"V{n}": X for n in range(9)}}, "`env` has more than 200000 bytes in all once it is filled in"),
        ({"env": {"X": "a\0b"}}, "`env.X` holds what no variable can"),
        ({"owns": ("{{ needs.a.outputs.x }}",)}, "is no path of a file or folder"),
    ],
)
def test_a_text_that_is_too_long_is_refused_by_its_name(job: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        filled(**job)


def test_all_the_texts_of_a_run_are_held_to_one_measure() -> None:
    """What is refused takes none of it, and those after it may be played."""
    each = {"agent": "developer", "focus": X + X, "strategy": {"matrix": {"n": [*range(600)]}, "fail-fast": False}}
    last = {"agent": "developer", "focus": X, "needs": "b"}
    said = {"b": each, "c": {**each, "needs": "b"}, "d": last}
    stage, jobs = Stage(frozenset()), {name: Job.model_validate(one) for name, one in said.items()}
    stage.ended["a"] = "done"
    ended = asyncio.run(Player(stage, 8).play(jobs, {"a": Ended("done", outputs=OUTPUTS)}))
    assert [one.state for one in ended.values()] == ["done", "failed", "done"]
    assert "more than 20000000 characters in all" in ended["c"].reason
    assert [one for one in stage.begun if not one.startswith("b/")] == ["d"]
