"""One measured figure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `ratio_to` says what it is a ratio to, where it is one; `note` is for the table only."""

    name: str
    value: float
    unit: str
    ratio_to: str = ""
    note: str = ""
