"""A finding: one remark of a reviewing agent, as the agent gives it and as the bot keeps it. Pure."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Severity = Literal["critical", "major", "minor", "nit"]
Side = Literal["new", "old"]
SEVERITIES: tuple[Severity, ...] = ("critical", "major", "minor", "nit")  # the gravest first
MOST = 50  # findings of one agent in one part of a change

_Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Remark(BaseModel):
    """One finding as an agent has to give it. Lines are those of the file as the pull request has it, from 1.

    `side` is `old` for lines that the pull request takes away; `evidence` is the code at these lines, word for word;
    `suggestion` replaces exactly these lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    start_line: Annotated[int, Field(ge=1, le=10_000_000)]
    end_line: Annotated[int, Field(ge=1, le=10_000_000)]
    side: Side = "new"
    severity: Severity
    confidence: Annotated[float, Field(ge=0, le=1)]
    category: _Word
    title: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    body: Annotated[str, StringConstraints(max_length=6_000)] = ""
    evidence: Annotated[str, StringConstraints(max_length=6_000)] = ""
    suggestion: Annotated[str, StringConstraints(max_length=10_000)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Remark":
        if self.end_line < self.start_line:
            raise ValueError("end_line is before start_line")
        return self


class Report(BaseModel):
    """All that one agent found in what it read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: Annotated[tuple[Remark, ...], Field(max_length=MOST)] = ()


@dataclass(frozen=True)
class Finding:
    """A finding as the bot handles it; `agents` are the names of all that found it, the first one's words stand.

    `start` and `end` are lines of `side`, counted from 1. `id` is given by the ledger and empty before.
    """

    path: str
    start: int
    end: int
    severity: Severity
    confidence: float
    category: str
    title: str
    body: str = ""
    evidence: str = ""
    suggestion: str | None = None
    side: Side = "new"
    agents: tuple[str, ...] = field(default=())
    id: str = ""


def found(agent: str, remark: Remark) -> Finding:
    """The remark of an agent as a finding."""
    given = remark.model_dump()
    return Finding(start=given.pop("start_line"), end=given.pop("end_line"), agents=(agent,), **given)


def graver(one: Severity, other: Severity) -> Severity:
    return min(one, other, key=SEVERITIES.index)


def at_least(severity: Severity, bar: Severity) -> bool:
    """Whether a severity is as grave as the bar, or graver."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(bar)
