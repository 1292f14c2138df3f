"""Whatever the graph: every job is played after its needs, exactly once, and no path has two owners."""

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.orchestra.claims import Claims
from bot.orchestra.part import Ended, Part
from bot.orchestra.player import Player
from bot.review.glob import matcher
from bot.workflow.job import Job

PATHS = ("a", "a/b", "a/b/c", "d", "d/e", "f.py")


class Stage:
    """Notes what happens; jobs whose names are in `failing` fail."""

    def __init__(self, failing: frozenset[str]) -> None:
        self.failing, self.claims = failing, Claims({})
        self.own: dict[str, tuple[str, ...]] = {}
        self.begun: list[str] = []
        self.ended: dict[str, str] = {}
        self.at_work = self.most = 0

    async def announce(self, parts: Sequence[Part]) -> None: ...

    async def expand(self, whole: Part, parts: Sequence[Part]) -> None:
        self.claims.take(parts)
        self.own |= {part.name: part.spec.owns for part in parts if part.spec.owns}

    async def perform(self, part: Part) -> Ended:
        assert part.name not in self.begun
        self.begun.append(part.name)
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        for need in part.needs:
            assert self.ended[need] in ("done", "skipped"), (part.name, need)
        await asyncio.sleep(0)
        self.at_work -= 1
        state = "failed" if part.name in self.failing else "done"
        self.ended[part.name] = state
        return Ended(state)  # type: ignore[arg-type]

    def fate(self, part: Part) -> str:
        return ""

    def fits(self, parts: Sequence[Part]) -> None: ...

    async def ask_again(self, name: str, why: str) -> Ended | None:
        return None

    async def refuse(self, part: Part, ended: Ended) -> None:
        self.ended[part.name] = ended.state

    async def skip(self, part: Part, why: str) -> None:
        self.ended[part.name] = "skipped"

    async def conclude(self, whole: Part, ended: Ended) -> None:
        self.ended[whole.name] = ended.state


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Job]:
    count = draw(st.integers(1, 8))
    jobs = {}
    for number in range(count):
        needs = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        owns = draw(st.lists(st.sampled_from(PATHS), unique=True, max_size=2))
        areas = draw(st.lists(st.sampled_from(PATHS), unique=True, max_size=3))
        matrix = {"x": areas} if areas else {}
        owns = [*draw(st.sampled_from(([], ["{{ matrix.x }}"])))] if areas else owns
        said = {"agent": "developer", "needs": [f"j{need}" for need in needs], "owns": owns}
        jobs[f"j{number}"] = Job.model_validate({**said, "strategy": {"matrix": matrix, "fail-fast": False}})
    return jobs


@settings(max_examples=100, deadline=None)
@given(graphs(), st.frozensets(st.sampled_from([f"j{n}" for n in range(8)]), max_size=2), st.integers(1, 4))
def test_every_job_of_a_graph_is_played_once_after_its_needs(
    jobs: dict[str, Job], failing: frozenset[str], agents: int
) -> None:
    stage = Stage(failing)
    ended = asyncio.run(Player(stage, agents).play(jobs))
    assert set(ended) == set(jobs)
    assert stage.most <= agents
    for name, job in jobs.items():
        results = {need: ended[need].result for need in job.needs}
        if any(result != "success" for result in results.values()):
            assert ended[name].state == "skipped"
            assert not [one for one in stage.begun if one == name or one.startswith(f"{name}/")]
        elif "both own" not in ended[name].reason:
            wanted = len(job.strategy.matrix["x"]) if job.strategy.matrix else 1  # type: ignore[index]
            played = [one for one in stage.begun if one == name or one.startswith(f"{name}/")]
            assert len(played) == wanted
    fits = [matcher(globs) for globs in stage.own.values()]
    for path in PATHS:
        assert sum(fit(path) for fit in fits) <= 1
