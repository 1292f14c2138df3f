"""A run drawn in the terminal: its jobs by layers, how each stands, what it needs or why it is not done, time, cost."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.text import Text

from bot.errors import State
from bot.github.harmless import code
from bot.invisible import cleaned
from bot.publish import text
from bot.publish.graph_view import Job, View, counted, layers, named, view
from bot.publish.step_text import titled
from bot.store.record import Node, Run, busy, total_cost

COLOURS = {"done": "green", "failed": "red", "running": "cyan", "timed out": "red", "over budget": "yellow"}
_DIM = frozenset({"queued", "skipped"})
_NEEDS, _LONGEST = 3, 36  # jobs that are named, and cells for the name of one
_AROUND = 3  # lines beside those of the jobs: headline, what is left out, the cursor's
_GIVEN_UP = ("done", "no change", "skipped", "queued", "waiting")  # which rows go first where there is no room


@dataclass(frozen=True)
class Line:
    """A row of the drawing; one that is no job's has no state that it could be counted by.

    `why`: all that there is to say of a job that did not end well, of which `said` may be the beginning.
    """

    name: str
    state: State | None
    time: str = ""
    cost: str = ""
    said: str = ""
    layer: str = ""
    depth: int = 0
    why: str = ""


def drawing(run: Run, rows: Sequence[Node], now: float, height: int = 0) -> RenderableType:
    """The whole run; of `height` lines at most (0: as many as it takes), for which what is done is counted first.

    Where the height is free, why a job did not end well stands below in full, if there was no room for it beside.
    """
    seen = view(run.facts.get("graph", ()), rows, active=run.active)
    lines = list(_lines(seen, now))
    kept, left = fitting(lines, height - _AROUND) if height else (lines, "")
    said = [Text(left, style="dim")] if left else []
    shown = list(_set(kept))
    whys = [] if height else [_Whys(run.reason, [*zip(kept, shown, strict=True)])]
    return Group(headline(run, rows, now), *shown, *said, *whys)


@dataclass(frozen=True)
class _Whys:
    """The reasons that a terminal is too narrow for, but for those that the run's own reason, shown below, gives."""

    told: str
    rows: Sequence[tuple[Line, Text]]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for line, shown in self.rows:
            whole = line.said == line.why and cell_len(shown.plain) <= options.max_width
            if line.why and not whole and f"- {code(line.name)}: " not in self.told:
                yield Text.assemble((cleaned(line.name), COLOURS.get(line.state or "", "")), f": {cleaned(line.why)}")


def headline(run: Run, rows: Sequence[Node], now: float) -> Text:
    """What the run is, how it stands, how long it has taken, what it has cost."""
    words = [one_line(run.context["workflow"]["name"]), run.target, run.state, text.duration(seconds(run, rows, now))]
    words += [text.money(run.cost_usd if not run.active else total_cost(rows))]
    return Text(" · ".join(words), style="bold", no_wrap=True, overflow="ellipsis")


def seconds(run: Run, rows: Sequence[Node], now: float) -> float:
    """How long a run took, or has taken until now; what it rested does not count. On a clone it is its steps' time."""
    if run.started_at is None or run.life > 1 or run.state == "waiting":
        return busy(rows)
    return (run.ended_at or now) - run.started_at


def fitting(lines: Sequence[Line], room: int) -> tuple[list[Line], str]:
    """As many lines as there is room for, those that run or failed before others, and words about the rest."""
    kept, gone = list(lines), Counter[str]()
    for state in _GIVEN_UP:
        for line in [one for one in kept if one.state == state]:
            if len(kept) <= room:
                break
            kept.remove(line)
            gone[state] += 1
    more = len(kept) - max(room, 1)
    if more > 0:
        gone.update(line.state or "" for line in kept[-more:])
        kept = kept[:-more]
    said = ", ".join(f"{count} {state}".rstrip() for state, count in gone.items())
    return kept, f"and {sum(gone.values())} more: {said}" if gone else ""


def _lines(seen: View, now: float) -> Iterator[Line]:
    yield from (_of_step(step, now) for step in seen.before)
    for number, layer in enumerate(layers(seen.jobs), start=1):
        for place, line in enumerate(_level(layer, now, 0)):
            yield line if place else _numbered(line, number)
    yield from (_of_step(step, now) for step in seen.after)


def _level(jobs: Sequence[Job], now: float, depth: int) -> Iterator[Line]:
    shown, left = named(jobs)
    if depth == 0 and len(shown) < len(jobs):
        yield Line(counted(jobs), None)
    for job in shown:
        yield _of_job(job, now, depth)
        yield from _level(job.below, now, depth + 1)
    yield from (Line(f"and {words}", None, depth=depth) for words in left)


def _numbered(line: Line, number: int) -> Line:
    return replace(line, layer=str(number))


def _of_job(job: Job, now: float, depth: int) -> Line:
    took = job.seconds(now) if job.state != "skipped" else None
    time = text.duration(took) if took is not None else ""
    why = "" if job.joins or not (job.bad or job.state == "skipped") else plain(job.reason, whole=True)
    return Line(job.name, job.state, time, _cost(job.cost_usd), _said(job), depth=depth, why=why)


def _said(job: Job) -> str:
    if job.below:
        return counted(job.below)
    if job.reason:
        return plain(job.reason)
    if job.state == "running" and (steps := [step for step in job.steps if step.state == "running"]):
        return plain(steps[-1].title)
    more = f" and {len(job.needs) - _NEEDS} more" if len(job.needs) > _NEEDS else ""
    return f"needs {', '.join(job.needs[:_NEEDS])}{more}" if job.needs and job.state == "queued" else ""


def _of_step(step: Node, now: float) -> Line:
    time = text.duration((step.ended_at or now) - step.started_at) if step.started_at is not None else ""
    return Line(plain(titled(step)), step.state, time, _cost(step.cost_usd), plain(step.reason))


def _cost(usd: float | None) -> str:
    return text.money(usd) if usd != 0 else ""


def plain(words: str, *, whole: bool = False) -> str:
    """Our Markdown, or its first line, as the terminal shows it; nothing in it gives orders to that."""
    words = words.strip().replace("`", "")
    return cleaned(words if whole else words.split("\n")[0])


def one_line(words: str) -> str:
    """Words of others, such as a name, in one line for the terminal."""
    return " ".join(cleaned(words).split())


def _set(lines: Sequence[Line]) -> Iterator[Text]:
    """The lines in columns as wide as they need; what a line says ends where the terminal does."""
    columns = [("  " * line.depth + cleaned(line.name), line.state or "", line.time, line.cost) for line in lines]
    widths = [max((cell_len(row[number]) for row in columns), default=0) for number in range(4)]
    widths[0] = min(widths[0], _LONGEST)
    layer = max((len(line.layer) for line in lines), default=0)
    for line, (name, state, time, cost) in zip(lines, columns, strict=True):
        dim = "dim" if line.state in _DIM or not line.state else ""
        shown = Text(no_wrap=True, overflow="ellipsis")
        shown.append(f"{line.layer:>{layer}}  " if layer else "", style="dim")
        shown.append(_fit(name, widths[0]) if line.state else name, style=dim)
        shown.append(f"  {state:<{widths[1]}}", style=COLOURS.get(state, dim))
        shown.append(f"  {time:>{widths[2]}}  {cost:>{widths[3]}}  ")
        shown.append(cleaned(line.said), style="dim")
        shown.rstrip()
        yield shown


def _fit(name: str, width: int) -> str:
    return set_cell_size(name, width) if cell_len(name) <= width else set_cell_size(name, width - 1) + "…"
