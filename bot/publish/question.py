"""What an answering agent is given: the question, what it is about, who said what; each of it fenced as data."""

from collections.abc import Iterable
from typing import Any

from bot.agents.hidden import visible
from bot.agents.prompt import fence, issue_given, pull_given
from bot.publish.answer_ground import AnswerGround, Change, Spot
from bot.publish.writers import Comments
from bot.review.name import shown

LONGEST = 20_000  # characters of a question
NAMED = 100  # files


def given(repo: str, ground: AnswerGround, change: Change | None) -> dict[str, Any]:
    """The names of an agent file's prompt; those that are not here are empty."""
    about = pull_given if ground.is_pull else issue_given
    return {
        **about(repo, ground.number, ground.title, ground.body, ground.author),
        "question": fence("question", visible(ground.question).text, LONGEST) if ground.question else "",
        "thread": _thread(ground.thread) if ground.thread else "",
        "comments": _said(ground.comments),
        "diff": fence("diff", change.text, len(change.text)) if change and change.text else "",
        "left": _left(change) if change else "",
        "guidelines": _joined(fence(shown(path), words) for path, words in ground.guidelines),
        "language": ground.language,
    }


def _thread(spot: Spot) -> str:
    line = f", line {spot.line}" if spot.line is not None else ", a line that is not in the change any more"
    place = fence("where it was asked", f"{shown(spot.path)}{line}\n\n{spot.hunk}")
    return _joined([place, _said(spot.said)])


def _said(comments: Comments) -> str:
    return _joined(fence(f"comment by {one['author']}", visible(one["body"]).text) for one in comments)


def _left(change: Change) -> str:
    """The changed files that the diff does not show."""
    left = change.coverage.left
    rows = [f"{shown(path)} ({why})" for path, why in left[:NAMED]]
    more = [f"and {len(left) - NAMED} more"] if len(left) > NAMED else []
    return fence("files that are not shown", "\n".join([*rows, *more])) if rows else ""


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)
