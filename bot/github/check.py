"""What can be done with check runs: find ours by its external id, create."""

from dataclasses import dataclass
from typing import Literal

from bot.github.shape import number, text
from bot.github.wire import Wire, segment
from bot.github.writing import SUMMARY_LIMIT, clipped
from bot.github.writing import title as one_line

Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]


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
        output = {"title": one_line(title), "summary": clipped(summary, SUMMARY_LIMIT)}
        state = {"status": "completed", "conclusion": conclusion, "output": output}
        link = {"details_url": details_url} if details_url else {}
        return await self._wire.send(
            "POST", "/check-runs", _read_check, name=name, head_sha=sha, external_id=external_id, **state, **link
        )


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
