"""Verbs on check runs and commit statuses."""

from collections.abc import Sequence
from datetime import datetime

from bot.emulator.problem import Invalid, Problem
from bot.emulator.reviewing import ReviewVerbs
from bot.emulator.world import CheckRun, Json, Repo, Status, User

SUMMARY_LIMIT = 65535
ANNOTATION_LIMIT = 50
STATES = ("error", "failure", "pending", "success")
CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required")
PROGRESS = ("queued", "in_progress", "completed")
ACTION_LIMIT = 3
BUTTON = {"label": 20, "description": 40, "identifier": 20}
"""How many characters each part of an action may have."""
LEVELS = ("notice", "warning", "failure")


class CheckVerbs(ReviewVerbs):
    async def create_check(self, repo: Repo, asked: Json) -> CheckRun:
        """The App's check run on a commit, from a request's body."""
        sha = await repo.git.sha(str(asked.get("head_sha", "")))
        if sha is None or sha != asked.get("head_sha"):
            raise Problem(422, f"No commit found for SHA: {asked.get('head_sha')}")
        if not asked.get("name"):
            raise Invalid("CheckRun", "name", "missing_field")
        suite = next((each.suite for each in repo.checks if each.head_sha == sha), None) or self.world.id()
        run = CheckRun(self.world.id(), suite, repo, asked["name"], sha, "queued", self.now())
        self._change_check(run, asked)
        repo.checks.append(run)
        self.emit_check("created", run)
        if run.status == "completed":
            self.emit_check("completed", run)
        return run

    async def update_check(self, run: CheckRun, asked: Json) -> None:
        was = run.status
        self._change_check(run, asked)
        if run.status == "completed" != was:
            self.emit_check("completed", run)

    async def rerequest_check(self, run: CheckRun, *, by: str | User = "maintainer") -> None:
        """Somebody presses "Re-run" on the check."""
        run.status, run.conclusion, run.completed = "queued", None, None
        self.emit_check("rerequested", run, by=by)

    async def press(self, run: CheckRun, identifier: str, *, by: str | User = "maintainer") -> None:
        """Somebody presses a button of the check run."""
        self.emit_check("requested_action", run, by=by, requested_action={"identifier": identifier})

    def emit_check(self, action: str, run: CheckRun, *, by: str | User | None = None, **details: object) -> None:
        app = self.app_json()
        shown = self.shape.check(run, app) | {"check_suite": self.shape.suite(run, app)}
        self.emit("check_run", action, run.repo, self.who(by or self.bot), check_run=shown, **details)

    def _change_check(self, run: CheckRun, asked: Json) -> None:
        """Checks everything first, then changes: a refused request changes nothing."""
        output = _checked_output(asked.get("output"))
        status, conclusion = asked.get("status", run.status), asked.get("conclusion", run.conclusion)
        status = "completed" if asked.get("conclusion") else status
        if status not in PROGRESS:
            raise Invalid("CheckRun", "status")
        if status == "completed" and conclusion not in CONCLUSIONS:
            raise Invalid("CheckRun", "conclusion", "missing_field" if conclusion is None else "invalid")
        _check_actions(asked.get("actions") or ())
        done = status == "completed"
        run.status, run.conclusion = status, conclusion if done else None
        run.completed = _when(asked.get("completed_at")) or run.completed or self.now() if done else None
        run.started = _when(asked.get("started_at")) or run.started
        for field in ("name", "external_id", "details_url", "actions"):
            setattr(run, field, asked.get(field, getattr(run, field)))
        for field in ("title", "summary", "text"):
            setattr(run, field, output.get(field, getattr(run, field)))
        run.annotations += output.get("annotations", [])

    async def set_status(self, repo: Repo, sha: str, asked: Json, by: User) -> Status:
        if asked.get("state") not in STATES:
            raise Invalid("Status", "state")
        if len(asked.get("description") or "") > 140:
            raise Invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
        if await repo.git.sha(sha) != sha:
            raise Problem(422, f"No commit found for SHA: {sha}")
        context, about = asked.get("context", "default"), (asked.get("description"), asked.get("target_url"))
        made = Status(self.world.id(), sha, asked["state"], context, *about, by, self.now())
        repo.statuses.append(made)
        return made


def _checked_output(output: Json | None) -> Json:
    if output is None:
        return {}
    for field in ("summary", "text"):
        _check_length(output.get(field) or "", SUMMARY_LIMIT)
    if not output.get("summary"):
        raise Invalid("CheckRun", "summary", "missing_field")
    annotations = output.get("annotations") or ()
    _check_count(annotations, ANNOTATION_LIMIT)
    for each in annotations:
        _check_there(each, "path", "start_line", "end_line", "annotation_level", "message")
        if each["annotation_level"] not in LEVELS:
            raise _refused(f"{each['annotation_level']} is not a member of {list(LEVELS)}.")
    return output


def _check_actions(actions: Sequence[Json]) -> None:
    _check_count(actions, ACTION_LIMIT)
    for each in actions:
        _check_there(each, *BUTTON)
        for field, most in BUTTON.items():
            _check_length(each[field], most)


def _check_there(given: Json, *fields: str) -> None:
    missing = [field for field in fields if given.get(field) is None]
    if missing:
        raise _refused(f'"{missing[0]}" wasn\'t supplied.')


def _check_length(text: str, most: int) -> None:
    if len(text) > most:
        raise _refused(f"Only {most} characters are allowed; {len(text)} were supplied.")


def _check_count(items: Sequence[Json], most: int) -> None:
    if len(items) > most:
        raise _refused(f"No more than {most} items are allowed; {len(items)} were supplied.")


def _refused(why: str) -> Problem:
    return Problem(422, f"Invalid request.\n\n{why}")


def _when(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
