"""Runs the measurements (all, or those named), prints a table and writes `build/bench.json`."""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import structlog
from rich.console import Console
from rich.table import Column, Table

import bench
from bench.figure import Figure

Measure = Callable[[], Awaitable[list[Figure]]]
REPORT = Path("build/bench.json")


def measures() -> dict[str, Measure]:
    """Every measurement by its module's name."""
    names = [info.name for info in iter_modules(bench.__path__) if info.name not in {"__main__", "figure"}]
    modules = {name: import_module(f"bench.{name}") for name in names}
    return {name: module.measure for name, module in modules.items() if hasattr(module, "measure")}


def table(figures: list[Figure]) -> Table:
    made = Table(Column("figure", no_wrap=True), Column("value", justify="right", no_wrap=True), "", box=None)
    for figure in figures:
        ratio = f"of {figure.ratio_to}" if figure.ratio_to else figure.unit
        made.add_row(figure.name, f"{figure.value:,.3g}", "; ".join(part for part in (ratio, figure.note) if part))
    return made


def report(figures: list[Figure], kept: dict[str, object]) -> None:
    new = {f.name: {"value": f.value, "unit": f.unit, "ratio_to": f.ratio_to} for f in figures}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(kept | new, indent=2) + "\n", encoding="utf-8")


def main(names: list[str]) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = measures()
    console = Console()
    if unknown := sorted(set(names) - set(found)):
        console.print(f"There is no measurement named {', '.join(unknown)}; there are: {', '.join(found)}.")
        return 2
    figures: list[Figure] = []
    for name in names or found:
        with console.status(f"measuring: {name}"):
            figures += asyncio.run(found[name]())  # type: ignore[arg-type]
    kept = json.loads(REPORT.read_text(encoding="utf-8")) if names and REPORT.exists() else {}
    report(figures, kept)
    console.print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
