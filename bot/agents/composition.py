"""The words of a run that many agents made together: commits of one concern each, and a section for each job. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bot.agents import answer
from bot.agents.job import Portion, Product
from bot.github.harmless import bounded, code, headings, phrase, plain
from bot.publish import parts_text, text

SECTIONS = 20  # that stand open; more jobs than that are a list
ROOM, LEAST = 20_000, 200  # characters of all sections, and of what an agent said in one
MERGER = "merger"  # the agent that resolves conflicts
_DOMAIN = "agents.tutti.invalid"  # of addresses that nobody has
_LONGEST_SCOPE = 30


@dataclass(frozen=True)
class Commit:
    """One commit to be made: its subject is one line, and `agents` are those whose work it holds.

    `jobs` says of each of several jobs in a line what it did.
    """

    subject: str
    paths: tuple[str, ...]
    agents: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()

    def message(self, *, co_authors: bool) -> str:
        """With `co_authors` the agents are named at its end, as git's trailers are; no other line is one or orders."""
        names = [_name(agent) for agent in dict.fromkeys(self.agents)] if co_authors else []
        trailers = [f"Co-authored-by: Tutti {name} <{name.replace('/', '-')}@{_DOMAIN}>" for name in names if name]
        parts = ("\n".join(lines) for lines in (map(plain, self.jobs), trailers))
        return "\n\n".join(part for part in (plain(self.subject), *parts) if part)


def _name(agent: str) -> str:
    """The name of an agent file, as far as it can stand in an address."""
    return re.sub(r"[^a-z0-9_/-]+", "-", agent.lower()).strip("-/")


@lru_cache(maxsize=2048)
def _read(words: str) -> answer.Answer:
    """The same words are asked for by commits and sections, and making them harmless takes its time."""
    return answer.read(words)


# ---- commits ---------------------------------------------------------------------------------------------------------


def commits(
    portions: Sequence[Portion], said: answer.Answer, agent: str, paths: Sequence[str], title: str, *, fix: bool
) -> list[Commit]:
    """The commits of a run: of many jobs, by what each gave, or of one alone (no portions), by what its `agent` said.

    `fix`: what nobody worded mends something.
    """
    if portions:
        return of_many(portions, paths, title, fix=fix)
    return [Commit(message, tuple(mine), (agent,)) for message, mine in answer.commits(said, paths, title, fix=fix)]


def of_many(portions: Sequence[Portion], paths: Sequence[str], title: str, *, fix: bool) -> list[Commit]:
    """Commits that together have each of the paths once: those of each job in the order given, then what is of no job.

    A path that several jobs changed is no job's alone: a commit joins what they did to it.
    """
    owner = {path: number for number, portion in enumerate(portions) for path in portion.paths}
    times = Counter(path for portion in portions for path in portion.paths)
    met = {path for portion in portions for path in portion.resolved} | {path for path in times if times[path] > 1}
    changed = set(paths)
    made: list[Commit] = []
    for number, portion in enumerate(portions):
        mine = sorted(path for path in changed - met if owner.get(path) == number)
        made += [_of(portions, one, mine_) for one, mine_ in _own(portion, mine, title, fix=fix)]
    for together in _groups(portions, sorted(changed & met)):
        made += _joined(portions, together, title, fix=fix)
    return made + _rest(portions, sorted(changed - met - owner.keys()), title, fix=fix)


def _own(portion: Portion, paths: Sequence[str], title: str, *, fix: bool) -> list[tuple[str, list[str]]]:
    return answer.commits(_read(portion.words), paths, _heading(portion) or title, fix=fix, scope=_scope(portion.job))


def _heading(portion: Portion) -> str:
    """What a job did, by what its agent or else its file says; empty where neither does."""
    focus = next(iter(portion.focus.strip().splitlines()), "")
    return _read(portion.words).title or plain(focus).rstrip(".")


def _joined(portions: Sequence[Portion], paths: Sequence[str], title: str, *, fix: bool) -> list[Commit]:
    """What several jobs did to the same paths; with the agent that resolved conflicts, where one did."""
    touching = _touching(portions, paths)
    resolved = any(path in portion.resolved for portion in portions for path in paths)
    if len(touching) < 2:
        return _rest(portions, paths, title, fix=fix, more=(MERGER,))
    subject = parts_text.joined([portion.job for portion in touching])
    jobs = tuple(parts_text.did(portion.job, _heading(portion)) for portion in touching if _heading(portion))
    made = _rest(portions, paths, subject, fix=fix, more=(MERGER,) if resolved else ())
    return [replace(one, jobs=jobs) for one in made]


def _of(portions: Sequence[Portion], subject: str, paths: Sequence[str], more: Sequence[str] = ()) -> Commit:
    agents = [portion.agent for portion in _touching(portions, paths)]
    return Commit(subject, tuple(paths), (*agents, *more))


def _rest(
    portions: Sequence[Portion], paths: Sequence[str], title: str, *, fix: bool, more: Sequence[str] = ()
) -> list[Commit]:
    made = answer.commits(answer.Answer(), paths, title, fix=fix)
    return [_of(portions, message, mine, more) for message, mine in made]


def _touching(portions: Sequence[Portion], paths: Iterable[str]) -> list[Portion]:
    wanted = frozenset(paths)
    return [portion for portion in portions if not wanted.isdisjoint(portion.paths)]


def _groups(portions: Sequence[Portion], paths: Sequence[str]) -> list[list[str]]:
    """The paths by who changed them, and whether conflicts were resolved there."""
    groups: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    for path in paths:
        jobs = tuple(portion.job for portion in _touching(portions, [path]))
        groups.setdefault((any(path in one.resolved for one in portions), jobs), []).append(path)
    return list(groups.values())


def _scope(job: str) -> str:
    """What a job is about, for its commits: the last part of its path that is short enough for that."""
    parts = [part for part in map(_undigested, reversed(job.split("/"))) if len(part) <= _LONGEST_SCOPE]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", parts[0] if parts else job[:_LONGEST_SCOPE])


def parted(product: Product) -> list[Product]:
    """Each part that is published by itself as a product of its own; the product where it is not cut."""
    if not product.slices:
        return [product]
    return [
        replace(
            product,
            tree=one.tree,
            words=one.words,
            verdict=one.verdict or product.verdict,
            parts=tuple(portion for portion in product.parts if portion.job in one.jobs),
            slices=(),
        )
        for one in product.slices
    ]


def _undigested(part: str) -> str:
    """Without what tells names apart that would be the same."""
    return re.sub(r"(?<=.)-[0-9a-f]{8}$", "", part)


# ---- sections --------------------------------------------------------------------------------------------------------


def words(portions: Sequence[Portion]) -> str:
    """Last words as of one agent, for whoever judges what would be published."""
    return "\n\n".join(f"### {portion.job}\n\n{_read(portion.words).summary}" for portion in portions)


def sections(portions: Sequence[Portion]) -> str:
    """Markdown with a section for each job in the order given, its headings below the second level.

    It is about `ROOM` characters long at most, however many jobs there are: many are a list that is folded.
    """
    if len(portions) > SECTIONS:
        return _folded(portions)
    marks = _marks(portions)
    return "\n\n".join(_section(portion, marks[portion.job], ROOM // len(portions)) for portion in portions)


def _section(portion: Portion, marks: Sequence[str], limit: int) -> str:
    head = f"### {portion.job}"
    room = max(LEAST, limit - len("".join([head, *marks])) - 10)
    said = _lowered(bounded(_cut(_read(portion.words).summary, room), room))
    return "\n\n".join([head, said or parts_text.changed(portion.paths), *marks])


def _cut(said: str, limit: int) -> str:
    """The beginning of what an agent said, to the end of a line where one is near."""
    if len(said) <= limit:
        return said
    kept = said[: limit - len(parts_text.CUT) - 10]
    line = kept.rfind("\n")
    kept = kept[:line] if line > len(kept) // 2 else kept
    fence = "\n```" if len(re.findall(r"^```", kept, re.MULTILINE)) % 2 else ""
    return f"{kept.rstrip()}{fence}\n\n{parts_text.CUT}"


def _lowered(said: str) -> str:
    """Markdown none of whose headings is above the fourth level: the others are those of the text around it."""
    lines, found = said.split("\n"), headings(said)
    for number in found:
        line = lines[number].lstrip()
        level = len(line) - len(line.lstrip("#"))
        lines[number] = f"{'#' * min(6, max(4, level + 2))} {line.lstrip('#').strip()}" if level else ""
    return "\n".join(lines)


def _marks(portions: Sequence[Portion]) -> dict[str, list[str]]:
    """Where an agent resolved the conflicts of jobs, by the last of those that had them: each path is told once."""
    last = {path: portion.job for portion in portions for path in portion.resolved}
    made: dict[str, dict[tuple[str, ...], list[str]]] = {portion.job: {} for portion in portions}
    for path, job in last.items():
        jobs = dict.fromkeys(one.job for one in portions if path in one.paths or path in one.resolved)
        made[job].setdefault(tuple(jobs), []).append(path)
    told = {job: list(found.items())[:3] for job, found in made.items()}
    return {job: [parts_text.resolved(paths, jobs) for jobs, paths in found] for job, found in told.items()}


def _folded(portions: Sequence[Portion]) -> str:
    """The jobs as a list that is folded; above it stand what is said of all, and what people have to look at."""
    leads = portions[:1] if not portions[0].paths else ()
    heads, gave = [_section(lead, [], ROOM // SECTIONS) for lead in leads], portions[len(leads) :]
    marks = [f"- {mark}" for told in _marks(portions).values() for mark in told]
    if len(marks) > SECTIONS:
        marks = [*marks[:SECTIONS], f"- {parts_text.more_conflicts(len(marks) - SECTIONS)}"]
    room = ROOM - len("\n".join([*heads, *marks]))
    said = [*heads, parts_text.many(len(gave)), *["\n".join(marks)] * bool(marks)]
    return "\n\n".join([*said, text.folded("The jobs", listed(gave, room))])


def listed(portions: Sequence[Portion], room: int = ROOM) -> str:
    """A line for each job, with the first that its agent said; as many as `room` characters hold."""
    lines: list[str] = []
    for number, portion in enumerate(portions):
        said = phrase(_first(_read(portion.words).summary), 150)
        line = f"- {code(portion.job)}: {said or parts_text.changed(portion.paths)}"
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*lines, f"- and {len(portions) - number} more"])
        lines.append(line)
    return "\n".join(lines)


def _first(said: str) -> str:
    """The first line that says something; a heading only where there is nothing below it."""
    lines = [line.strip() for line in said.splitlines() if line.strip("#-*=`> ")]
    return next((line for line in lines if not line.startswith("#")), lines[0].lstrip("# ") if lines else "")
