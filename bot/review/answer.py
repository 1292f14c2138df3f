"""What reviewing agents and the judge say at their end, as data, with problems in words for them. Pure."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.review.finding import MOST, SEVERITIES, Finding, Remark, Report, found
from bot.storable import storable

LISTED = 20  # problems that an agent is told
NO_ANSWER = "there is no JSON object: answer with one block ```json { ... } ```"
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})[ \t]*(\w*)[ \t]*\r?")
_TRIES = 1_000  # places at which an object may seem to begin
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one candidate."""

    refuted: bool
    reason: str = ""


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


# For backends that hold a model to a schema. These allow no limits of lengths and numbers: `Report` has them.
SCHEMA = _object(
    findings={
        "type": "array",
        "items": _object(
            path={"type": "string"},
            start_line={"type": "integer"},
            end_line={"type": "integer"},
            side={"type": "string", "enum": ["new", "old"]},
            severity={"type": "string", "enum": list(SEVERITIES)},
            confidence={"type": "number"},
            category={"type": "string"},
            title={"type": "string"},
            body={"type": "string"},
            evidence={"type": "string"},
            suggestion={"type": ["string", "null"]},
        ),
    }
)
JUDGE_SCHEMA = _object(
    verdicts={
        "type": "array",
        "items": _object(id={"type": "string"}, refuted={"type": "boolean"}, reason={"type": "string"}),
    }
)


def read(agent: str, words: str) -> tuple[list[Finding], list[str]]:
    """The findings in an agent's last words, and what is not valid in them, one line a problem.

    A report with a problem gives no findings, so that the agent is asked once more; `salvaged` takes what is valid.
    """
    given = object_in(words)
    if given is None:
        return [], [NO_ANSWER]
    try:
        report = Report.model_validate(_without_nulls(given))
    except ValidationError as error:
        return [], complaints(error)
    return [found(agent, remark) for remark in report.findings], []


def salvaged(agent: str, words: str) -> tuple[list[Finding], list[str]]:
    """What is valid in an answer that as a whole is not, also where it is cut off or no JSON; and the problems."""
    given = object_in(words)
    items = given.get("findings") if given is not None else list(_pieces(words))
    if not isinstance(items, list):
        return [], ["findings: a list is needed"]
    findings, problems = list[Finding](), [] if given is not None else [NO_ANSWER]
    for number, item in enumerate(items):
        try:
            remark = Remark.model_validate(_known(item))
        except ValidationError as error:
            problems += complaints(error, f"findings.{number}.")
        else:
            findings.append(found(agent, remark))
    if len(findings) > MOST:
        problems.append(f"findings: {len(findings)} of them, of which the first {MOST} are taken")
    return findings[:MOST], problems[:LISTED]


def verdicts(words: str, ids: Collection[str]) -> tuple[dict[str, Verdict], list[str]]:
    """The judge's verdicts by id, of those that were asked for; a finding without a verdict is not refuted."""
    given = object_in(words)
    items = given.get("verdicts") if given is not None else None
    if not isinstance(items, list):
        return {}, [NO_ANSWER if given is None else "verdicts: a list is needed"]
    said, problems = dict[str, Verdict](), list[str]()
    for number, item in enumerate(items):
        name = _id(item)
        if name not in ids:
            continue
        refuted, reason = item.get("refuted"), item.get("reason")
        if not isinstance(refuted, bool):
            problems.append(f"verdicts.{number}.refuted: true or false is needed")
        elif refuted and not (isinstance(reason, str) and reason.strip()):
            problems.append(f"verdicts.{number}.reason: say what refutes it")
        else:
            said[name] = Verdict(refuted, reason.strip() if isinstance(reason, str) else "")
    missing = [name for name in ids if name not in said]
    if missing:
        problems.append(f"verdicts: nothing valid on {', '.join(missing[:LISTED])}")
    return said, problems[:LISTED]


def _id(item: object) -> str:
    given = item.get("id") if isinstance(item, dict) else None
    return str(given) if isinstance(given, str | int) else ""


# ---- JSON in words ---------------------------------------------------------------------------------------------------


def object_in(words: str) -> dict[str, Any] | None:
    """The object in the last block that is called JSON; without one in the last block, or in the text itself.

    A block before the last is none: it may be a draft, or what the agent has read.
    """
    blocks = list(_blocks(words))
    called = [text for name, text in blocks if name == "json"]
    for text in (called or [text for _, text in blocks])[-1:] or [words, words[words.find("{") : words.rfind("}") + 1]]:
        value = _loaded(text)
        if isinstance(value, dict):
            return value
        if isinstance(value, list):  # the list alone, which the object was to hold
            return {"findings": value}
    return None


def _blocks(words: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a text: their language and what they hold."""
    mark, name, held = "", "", list[str]()
    for line in words.split("\n"):
        fence = _FENCE.fullmatch(line)
        if fence and not mark:
            mark, name, held = fence[1], fence[2].lower(), []
        elif fence and not fence[2] and fence[1].startswith(mark):
            yield name, "\n".join(held)
            mark = ""
        elif mark:
            held.append(line)


def _loaded(text: str) -> object:
    try:
        return _stored(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _pieces(words: str) -> Iterator[object]:
    """Every object with a path in a text that is no JSON as a whole: one that is cut off, or has a comma too many."""
    at, failed = words.find("{"), 0
    while at >= 0 and failed < _TRIES:
        try:
            value, end = _DECODER.raw_decode(words, at)
        except (ValueError, RecursionError):
            value, end = None, at + 1
            failed += 1
        if isinstance(value, dict) and "path" in value:
            yield _stored(value)
        else:
            end = at + 1
        at = words.find("{", end)


def _stored(value: object) -> object:
    """The value with words that a database can hold."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_stored(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _stored(item) for key, item in value.items()}
    return value


# ---- being lenient, and saying what is wrong -------------------------------------------------------------------------


def _without_nulls(given: Mapping[str, Any]) -> dict[str, Any]:
    """A null in the place of what may be left out is no reason to ask again."""
    items = given.get("findings")
    if not isinstance(items, list):
        return dict(given)
    return {**given, "findings": [_dense(item) for item in items]}


def _dense(item: object) -> object:
    return {key: value for key, value in item.items() if value is not None} if isinstance(item, dict) else item


def _known(item: object) -> object:
    """The item without keys that nobody asked for: what it says beside them is not lost for their sake."""
    dense = _dense(item)
    return {key: dense[key] for key in Remark.model_fields if key in dense} if isinstance(dense, dict) else dense


def complaints(error: ValidationError, before: str = "") -> list[str]:
    """One short line a problem: where, and what is wrong."""
    lines = []
    for one in error.errors(include_url=False, include_input=False, include_context=False)[:LISTED]:
        where = before + ".".join(str(part) for part in one["loc"])
        lines.append(f"{where.rstrip('.') or 'answer'}: {one['msg'].removeprefix('Value error, ')}"[:300])
    return lines
