"""Every sentence of reviews: inline comments, the review's text, the summary, the check run. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from bot.github.harmless import HOST, as_it_is, bounded, cell, code, harmless, inert, phrase, plain
from bot.publish import text
from bot.review.finding import SEVERITIES, Finding, Severity
from bot.review.reading import ITS_WORD, NO_ROOM, TOO_LARGE
from bot.review.said import Said

LISTED, NAMED = 40, 10  # rows of a table; paths in a sentence
BODY_LIMIT = 50_000
ROOM = 60_000  # of a summary: GitHub takes 65,536 characters, and a secret that is hidden may become longer
WHY_LIMIT = 500
_PLURAL = {"finding": "findings", "file": "files"}


@dataclass(frozen=True)
class Silent:
    """A finding that is not said, and the half sentence that says why."""

    finding: Finding
    why: str


@dataclass(frozen=True)
class Coverage:
    """How many of the changed files were read, and which were not: (path, why)."""

    read: int = 0
    total: int = 0
    left: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Agent:
    """A reviewing agent: how many findings it gave, and a sentence where it failed."""

    name: str
    found: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Story:
    """All that a review tells. `known` is the ledger as it stands now; `new`, `fixed` are numbers of this push."""

    head: str
    url: str
    known: Sequence[Said] = ()
    new: frozenset[int] = frozenset()
    fixed: frozenset[int] = frozenset()
    silent: Sequence[Silent] = ()
    agents: Sequence[Agent] = ()
    coverage: Coverage = field(default_factory=Coverage)
    why: str = ""
    notes: Sequence[str] = ()
    quiet: bool = False
    refused: str = ""
    page: str = ""
    cost: float | None = 0.0
    seconds: float = 0.0
    fail_on: Severity | None = None
    event: str = ""  # the newest verdict that was given in form: APPROVE or REQUEST_CHANGES

    @property
    def open(self) -> list[Said]:
        """The gravest first."""
        found = [one for one in self.known if one.state == "open"]
        return sorted(found, key=lambda one: (SEVERITIES.index(one.finding.severity), one.number))

    @property
    def failed(self) -> list[Agent]:
        return [agent for agent in self.agents if agent.problem]

    @property
    def partial(self) -> bool:
        """Whether something that should have been read was not, or that only the change itself says need not be."""
        readers = [agent for agent in self.failed if agent.name != JUDGE]
        return bool(readers) or any(why.startswith((NO_ROOM, TOO_LARGE, ITS_WORD)) for _, why in self.coverage.left)


STORY: TypeAdapter[Story] = TypeAdapter(Story)
JUDGE = "judge"

# ---- why there is no review ------------------------------------------------------------------------------------------


def closed() -> str:
    return "Not reviewed: the pull request is closed."


def unrelated() -> str:
    return "Not reviewed: the pull request has no commit in common with its base branch."


def skipped_all() -> str:
    return "Not reviewed: in this repository a review has to be asked for, with `/review`."


def skipped_own() -> str:
    return "Not reviewed: pull requests of Tutti's own are left out by the configuration."


def skipped_draft() -> str:
    return "Not reviewed: this is a draft, which is read once it is ready. `/review` has it read now."


def skipped_bot(login: str) -> str:
    return f"Not reviewed: {code(login)} is a bot. Say `/review` to have it read all the same."


def skipped_author(login: str) -> str:
    return f"Not reviewed: pull requests of {code(login)} are left out by the configuration."


def skipped_title(words: str) -> str:
    return f"Not reviewed: the configuration leaves out titles with {code(words)}."


def skipped_label(name: str) -> str:
    return f"Not reviewed: it has the label {code(name)}."


def skipped_branch(branch: str) -> str:
    return f"Not reviewed: the configuration leaves out the base branch {code(branch)}."


def nobody_answered() -> str:
    return "Failed: no agent gave an answer that could be used."


# ---- words for several places ----------------------------------------------------------------------------------------


def count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else _PLURAL[noun]}"


def by_severity(findings: Sequence[Said]) -> str:
    """`1 major, 2 minor`."""
    counts = {severity: sum(one.finding.severity == severity for one in findings) for severity in SEVERITIES}
    return ", ".join(f"{number} {severity}" for severity, number in counts.items() if number)


def names(agents: Sequence[str]) -> str:
    *most, last = agents or ("an agent",)
    return f"{', '.join(most)} and {last}" if most else last


def place(finding: Finding) -> str:
    lines = f"{finding.start}" if finding.start == finding.end else f"{finding.start}-{finding.end}"
    return f"{finding.path}:{lines}"


def own_settings(paths: Sequence[str]) -> str:
    """For a change of what configures reviews: it does not yet, so it cannot turn them off for itself."""
    shown = ", ".join(map(code, paths[:NAMED])) + (f" and {len(paths) - NAMED} more" if len(paths) > NAMED else "")
    return f"{shown}: for this review the default branch's copy held; what is changed there holds once it is merged."


# ---- one finding -----------------------------------------------------------------------------------------------------


def remark(number: int, finding: Finding, suggestion: str | None, host: str = HOST) -> str:
    """The body of an inline comment. `suggestion` is what GitHub may put in the place of these lines.

    One that holds what nobody sees, or an order to another bot, is shown without a button.
    """
    parts = [f"**{phrase(finding.title, host=host)}**", harmless(finding.body.strip(), host)]
    if suggestion is not None and as_it_is(suggestion):
        parts.append(suggested(suggestion))
    elif finding.suggestion:
        parts.append(f"Instead, perhaps:\n\n{text.fence(finding.suggestion, 'text')}")
    parts.append(_about(number, finding))
    return "\n\n".join(part for part in parts if part)


def suggested(words: str) -> str:
    """A suggestion block, in a fence that nothing in it can close. Its text is code: it stays as it is."""
    ticks = "```"
    while ticks in words:
        ticks += "`"
    return f"{ticks}suggestion\n{words}{'' if words.endswith(chr(10)) or not words else chr(10)}{ticks}"


def _about(number: int, finding: Finding) -> str:
    """Severity, category, who found it unless that says the same, and the number that `/fix` takes."""
    found = names([code(agent).strip("`") for agent in finding.agents])
    who = [f"{found} agree"] if len(finding.agents) > 1 else [f"by {found}"] * (found != finding.category)
    return f"<sub>{' · '.join([finding.severity, finding.category, *who, f'finding {number}'])}</sub>"


def in_body(number: int, finding: Finding, room: int = BODY_LIMIT, host: str = HOST) -> str:
    """A finding that has no line of the diff, for the review's text, in which it has so much room."""
    head = f"**{phrase(finding.title, host=host)}** ({code(place(finding))})"
    foot = _about(number, finding)
    said = bounded(finding.body, max(room - len(head) - len(foot) - 10, 200), host)
    return "\n\n".join(part for part in (head, said, foot) if part)


def review_body(new: Sequence[Said], leftovers: Sequence[str], refused: str = "") -> str:
    """The text of a review: what it brings, and the findings that no line could take."""
    said = f"{count(len(new), 'finding')} ({by_severity(new)})." if new else ""
    words = phrase(refused, WHY_LIMIT)
    why = f"GitHub did not take the comments at their lines, so they stand here: {words}" if words else ""
    return "\n\n".join(part for part in (said, why, *leftovers) if part)


# ---- the summary -----------------------------------------------------------------------------------------------------


def summary(story: Story) -> str:
    """The one summary comment of a pull request, edited after every push.

    Each of its lists takes at most half of the room that is left, so that none is cut in its midst and the foot stands.
    """
    parts, foot = [f"### {headline(story)}", _counts(story)], _foot(story)
    for listed in (_table, _honest, _unsaid, _gone, _reasons):
        parts += listed(story, (ROOM - len(foot) - sum(map(len, parts))) // 2)
    return "\n\n".join(part for part in [*parts, foot] if part)


def _fitting(lines: Sequence[str], room: int, most: int = LISTED) -> list[str]:
    """The first of the lines: at most so many, in so many characters with their ends."""
    kept = list[str]()
    for line in lines[:most]:
        room -= len(line) + 2
        if room < 0:
            break
        kept.append(line)
    return kept


def headline(story: Story) -> str:
    """A title that does not lie: what is open, what was not read."""
    found = story.open
    if found:
        said = f"{count(len(found), 'finding')} open: {by_severity(found)}"
        return f"{said}, read in part only" if story.partial else said
    if story.partial:
        return f"Nothing {'to say of' if story.silent else 'found in'} what was read"
    return "Nothing to say"


def _counts(story: Story) -> str:
    new = sum(one.number in story.new for one in story.open)
    states = {state: sum(one.state == state for one in story.known) for state in ("fixed", "declined", "outdated")}
    facts = [f"{new} new", f"{len(story.open) - new} still open", f"{states['fixed']} fixed"]
    facts += [f"{states[state]} {state}" for state in ("declined", "outdated") if states[state]]
    same = ", which changes nothing that had to be read again" if story.quiet else ""
    return f"{' · '.join(facts)}, at {code(story.head[:10])}{same}."


def _table(story: Story, room: int) -> list[str]:
    if not story.open:
        return []
    rows = _fitting([_row(story, one) for one in story.open], room)
    left = len(story.open) - len(rows)
    table = "\n".join(["| | severity | what | where |", "|---|---|---|---|", *rows])
    return [table, f"And {left} more."] if left else [table]


def _row(story: Story, one: Said) -> str:
    title, where = cell(phrase(one.finding.title)), cell(code(place(one.finding)))
    link = f"[{where}]({story.url}#discussion_r{one.comment})" if one.comment else where
    new = " (new)" if one.number in story.new else ""
    return f"| {one.number} | {one.finding.severity} | {title}{new} | {link} |"


def _honest(story: Story, room: int) -> list[str]:
    """What was not read, and who failed: never folded away; what finds no room is counted."""
    parts = [read(story.coverage)] if story.coverage.total else []
    parts += [f"The agent {code(agent.name)} failed: {phrase(agent.problem, WHY_LIMIT)}" for agent in story.failed]
    words = phrase(story.refused, WHY_LIMIT)
    parts += [f"GitHub did not take comments at lines, so they stand in the review's text: {words}"] * bool(words)
    parts += story.notes
    kept = _fitting(parts, room, len(parts))
    left = len(parts) - len(kept)
    return [*kept, f"And {left} more, on the run's page."] if left else kept


def read(coverage: Coverage) -> str:
    """`Reviewed 41 of 44 files; not read: ...`."""
    if not coverage.left:
        return f"Reviewed {count(coverage.total, 'file')}, all that changed."
    shown = ", ".join(f"{code(path)} ({why})" for path, why in coverage.left[:NAMED])
    more = f" and {len(coverage.left) - NAMED} more" if len(coverage.left) > NAMED else ""
    return f"Reviewed {coverage.read} of {coverage.total} files; not read: {shown}{more}."


def _unsaid(story: Story, room: int) -> list[str]:
    if not story.silent:
        return []
    lines = _fitting([_unsaid_line(one) for one in story.silent], room)
    left = len(story.silent) - len(lines)
    lines += [f"- and {left} more, on the run's page"] * bool(left)
    return [text.folded(f"Not said: {count(len(story.silent), 'finding')}", "\n".join(lines))]


def _unsaid_line(one: Silent) -> str:
    who = names([code(agent).strip("`") for agent in one.finding.agents])
    return f"- {phrase(one.finding.title)} ({code(place(one.finding))}, {who}): {phrase(one.why, WHY_LIMIT)}"


def _gone(story: Story, room: int) -> list[str]:
    """The newest of what is over."""
    gone = [one for one in story.known if one.state != "open"]
    if not gone:
        return []
    lines = _fitting([_gone_line(one) for one in reversed(gone)], room)
    left = len(gone) - len(lines)
    shown = [*[f"- and {left} more, from before"] * bool(left), *reversed(lines)]
    return [text.folded("Fixed, declined and outdated", "\n".join(shown))]


def _gone_line(one: Said) -> str:
    why = f", {phrase(one.why, WHY_LIMIT)}" if one.why else ""
    return f"- {one.number}: {phrase(one.finding.title)} ({code(place(one.finding))}): {one.state}{why}"


def _reasons(story: Story, room: int) -> list[str]:
    return [text.folded("Why these reviewers", why(story, room))] if story.why or story.agents else []


def why(story: Story, room: int = ROOM // 4) -> str:
    lines = [f"This change {story.why}."] if story.why else []
    lines += [f"- {code(agent.name)}: {_brought(agent)}" for agent in story.agents]
    kept = _fitting(lines, room, len(lines))
    left = len(lines) - len(kept)
    return "\n".join([*kept, f"- and {left} more"] if left else kept)


def _brought(agent: Agent) -> str:
    return phrase(agent.problem, WHY_LIMIT) or count(agent.found, "finding")


def unsaid(silent: Sequence[Silent]) -> str:
    """What is not said, a line each, for the run's own page."""
    return "\n".join(f"{plain(one.finding.title)} ({place(one.finding)}): {one.why}" for one in silent)


def _foot(story: Story) -> str:
    ways = ["`/review` reads it again"]
    if story.open:
        ways += ["`/fix` has an agent mend what is open (`/fix 1` some of it)", 'answer "won\'t fix" to decline']
    facts = [text.duration(story.seconds), text.money(story.cost)] if story.agents else []
    facts += [f"[run]({story.page})"] if story.page else []
    return f"<sub>{' · '.join([', '.join(ways), *facts])}</sub>"


# ---- the check run ---------------------------------------------------------------------------------------------------


def under_way() -> str:
    return "Reading the change"


def annotation(finding: Finding) -> str:
    return inert(f"{plain(finding.title)}\n\n{finding.body.strip()}")[:8_000]


LEVELS: Mapping[Severity, str] = {"critical": "failure", "major": "warning", "minor": "warning", "nit": "notice"}
AGAIN = ("Review again", "Read the whole pull request once more", "review")
FIX = ("Fix these", "Have an agent mend what is open", "fix")
