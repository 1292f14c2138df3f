"""What `/config` answers: the settings in force in a repository, and where each comes from. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from bot.document import Strict
from bot.github.harmless import code
from bot.workflow.configuration import PATH
from bot.workflow.effective import DEFAULT, INSTALLATION, ORGANISATION, Effective, Row

LONGEST_VALUE = 200
LONGEST = 50_000  # characters of both tables together: a comment may have 65,536
# The organisation's file may lie in a private repository, and the answer in a public one: of its values only such are
# shown that can hold nothing of its own but names of labels, branches and models.
_SHOWN = frozenset({"language", "backend", "model", "base", "on", "labels", "requires", "approval", "event", "fail-on"})
HIDDEN = "set by the organisation"
_UNSET = {
    "language": "English",
    "setup-hosts": "those that this installation allows",
    "test": "those that are found",
    "base": "the default branch",
    "draft": "what the workflow says",
    "owns": "every path",
    "model": "what the backend chooses",
}


def explained(effective: Effective) -> str:
    """The answer: what is wrong, then what somebody set, then, folded, everything else."""
    rows = effective.rows
    follows = {row.key for row in rows if _follows(row, rows)}
    chosen = [row for row in rows if row.source not in (DEFAULT, INSTALLATION) and row.key not in follows]
    chosen += [row for row in rows if row.source == INSTALLATION]
    rest = [row for row in rows if row.source == DEFAULT or row.key in follows]
    first = _table(chosen, LONGEST) if chosen else "Nothing is set here: everything is as this installation gives it."
    folded = f"<details><summary>{len(rest)} settings that follow from these, or that nobody set</summary>\n\n"
    folded += f"{_table(rest, LONGEST - len(first))}\n\n</details>"
    return "\n\n".join(["### Settings in force", *_wrong(effective), first, folded])


def _follows(row: Row, rows: Sequence[Row]) -> bool:
    """Whether one agent's or workflow's setting is what stands above it for all of them."""
    whose, _, key = row.key.partition(".")
    if whose not in ("agents", "workflows"):
        return False
    said = [one for one in rows if key.endswith(f".{one.key}") and one.line is not None]
    return any((one.value, one.source, one.line) == (row.value, row.source, row.line) for one in said)


def _wrong(effective: Effective) -> list[str]:
    said = []
    if effective.problem:
        then = (
            "The last good copy of it is in force."
            if effective.good
            else ("There is no good copy of it, so runs are refused until it is mended.")
        )
        said.append(f"**The newest `{PATH}` has a mistake:** {code(effective.problem, 1_000)}. {then}")
    if effective.organisation_wrong:
        said.append(
            f"The newest configuration of the {ORGANISATION} has a mistake, which a check run on its commit names; "
            "the last good copy of it is in force, if there is one."
        )
    return said


def _table(rows: Sequence[Row], room: int) -> str:
    """The rows that fit, and how many do not."""
    lines = ["| setting | value | from |", "|---|---|---|"]
    for number, row in enumerate(rows):
        line = f"| {_cell(row.key)} | {_cell(_value(row))} | {_source(row)} |"
        room -= len(line) + 1
        if room < 100:
            return "\n".join([*lines, "", f"{len(rows) - number} more do not fit here."])
        lines.append(line)
    return "\n".join(lines)


def _source(row: Row) -> str:
    where = f"{row.source}:{row.line}" if row.line is not None and row.source != ORGANISATION else row.source
    return where if row.source in (DEFAULT, INSTALLATION, ORGANISATION) else _cell(where)


def _cell(words: str) -> str:
    return code(words, LONGEST_VALUE).replace("|", "\\|")


def _value(row: Row) -> str:
    plain = row.value is None or isinstance(row.value, bool | int | float)
    if row.source == ORGANISATION and not plain and row.key.rpartition(".")[2] not in _SHOWN:
        return HIDDEN
    if row.value is None or (row.value == () and row.source == DEFAULT):
        return _UNSET.get(row.key.rpartition(".")[2] if row.key.startswith("agents.") else row.key, "none")
    if row.key in ("review.tiers", "review.instructions") or isinstance(row.value, Strict):
        return json.dumps(_plain(row.value), ensure_ascii=False)
    if isinstance(row.value, tuple):
        return ", ".join(map(str, row.value)) or "none"
    if isinstance(row.value, bool):
        return str(row.value).lower()
    return f"{row.value:g}" if isinstance(row.value, float) else str(row.value)


def _plain(value: Any) -> Any:
    if isinstance(value, Strict):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [_plain(one) for one in value]
