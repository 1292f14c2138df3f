"""What can be done with check runs: find ours by its external id, create, begin and finish."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bot.github.entity import read_number
from bot.github.shape import number, text
from bot.github.wire import Wire, segment
from bot.github.writing import SUMMARY_LIMIT, clipped
from bot.github.writing import title as one_line

Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]
Grade = Literal["notice", "warning", "failure"]

MOST_ANNOTATIONS = 200
MOST_BUTTONS = 3
_A_REQUEST = 50  # annotations
_MESSAGE_LIMIT = 16_000  # characters: whatever they are, not more than GitHub's 64 KB
_TITLE_LIMIT = 255


@dataclass(frozen=True)
class Check:
    """A check run of ours; `conclusion` is empty until it is completed."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str
    external_id: str
    url: str


@dataclass(frozen=True)
class Annotation:
    """A remark that a check run shows at lines of a file of its commit, counted from 1; plain text, no Markdown."""

    path: str
    start_line: int
    end_line: int
    level: Grade
    title: str
    message: str


@dataclass(frozen=True)
class Button:
    """A button on a check run; pressing it tells us `identifier`. ValueError for words that are too long or missing."""

    label: str
    description: str
    identifier: str

    def __post_init__(self) -> None:
        for name, most in (("label", 20), ("description", 40), ("identifier", 20)):
            if not 0 < len(said := getattr(self, name)) <= most:
                raise ValueError(f"a button's {name} has 1 to {most} characters: {said!r}")


class Checks:
    """Verbs over `/check-runs`; `app_id` is ours: other Apps' check runs are never looked at."""

    def __init__(self, wire: Wire, app_id: int) -> None:
        self._wire, self._app_id = wire, app_id

    async def find_check(self, sha: str, external_id: str) -> Check | None:
        path = f"/commits/{segment(sha)}/check-runs"
        found = await self._wire.pages(path, _read_check, key="check_runs", filter="all", app_id=self._app_id)
        return next((check for check in found if check.external_id == external_id), None)

    async def create_check(
        self,
        sha: str,
        name: str,
        external_id: str,
        *,
        title: str,
        summary: str,
        conclusion: Conclusion,
        details_url: str | None = None,
    ) -> Check:
        """Creates a completed check run on a commit; one that is there with that external id is answered instead."""
        if found := await self.find_check(sha, external_id):
            return found
        about = {"name": name, "head_sha": sha, "external_id": external_id, **_link(details_url)}
        state = {"status": "completed", "conclusion": conclusion, "output": _output(title, summary)}
        return await self._wire.send("POST", "/check-runs", _read_check, **about, **state)

    async def begin_check(
        self,
        sha: str,
        name: str,
        external_id: str,
        *,
        title: str,
        summary: str,
        details_url: str | None = None,
        look: bool = False,
    ) -> Check:
        """Creates a check run that is in progress; with `look`, one that is there with that id is answered instead."""
        if look and (found := await self.find_check(sha, external_id)):
            return found
        about = {"name": name, "head_sha": sha, "external_id": external_id, **_link(details_url)}
        state = {"status": "in_progress", "output": _output(title, summary)}
        return await self._wire.send("POST", "/check-runs", _read_check, **about, **state)

    async def retitle_check(self, check: int, *, title: str, summary: str) -> None:
        """What a check run says that is in progress, or is so again."""
        about = {"status": "in_progress", "output": _output(title, summary)}
        await self._wire.send("PATCH", f"/check-runs/{check}", _read_check, **about)

    async def finish_check(
        self,
        check: int,
        *,
        title: str,
        summary: str,
        conclusion: Conclusion,
        annotations: Sequence[Annotation] = (),
        actions: Sequence[Button] = (),
        details_url: str | None = None,
        look: bool = False,
    ) -> Check:
        """Completes a check run; 50 annotations go with a request, and those beyond 200 are left out.

        GitHub adds annotations to those that are there: with `look` it is asked first how many of these they are, so
        that a step may be repeated. ValueError for more than three buttons.
        """
        if len(actions) > MOST_BUTTONS:
            raise ValueError(f"a check run has at most {MOST_BUTTONS} buttons, not {len(actions)}")
        path = f"/check-runs/{check}"
        there = await self._wire.get(path, _count) if look else 0
        shown = [_annotation(one) for one in annotations[there:MOST_ANNOTATIONS]]
        state = {"status": "completed", "conclusion": conclusion, "actions": [asdict(button) for button in actions]}
        output = _output(title, summary)
        done = await self._wire.send(
            "PATCH", path, _read_check, **state, output=_with(output, shown[:_A_REQUEST]), **_link(details_url)
        )
        for start in range(_A_REQUEST, len(shown), _A_REQUEST):
            more = _with(output, shown[start : start + _A_REQUEST])
            done = await self._wire.send("PATCH", path, _read_check, output=more)
        return done


def _output(title: str, summary: str) -> dict[str, Any]:
    return {"title": one_line(title), "summary": clipped(summary, SUMMARY_LIMIT)}


def _with(output: dict[str, Any], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return output | {"annotations": annotations} if annotations else output


def _link(url: str | None) -> dict[str, str]:
    return {"details_url": url} if url else {}


def _annotation(one: Annotation) -> dict[str, Any]:
    lines = {"path": one.path, "start_line": one.start_line, "end_line": one.end_line}
    headed = {"title": said[:_TITLE_LIMIT]} if (said := one_line(one.title)) else {}
    return lines | {"annotation_level": one.level, "message": clipped(one.message, _MESSAGE_LIMIT)} | headed


def _count(data: object) -> int:
    return read_number(data, "output", "annotations_count") or 0


def _read_check(data: object) -> Check:
    return Check(
        id=number(data, "id"),
        name=text(data, "name"),
        head_sha=text(data, "head_sha"),
        status=text(data, "status"),
        conclusion=text(data, "conclusion"),
        external_id=text(data, "external_id"),
        url=text(data, "html_url"),
    )
