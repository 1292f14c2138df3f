"""The cases of the review benchmark: pull requests with recorded answers, read from `bench/corpus` and checked."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.review.finding import Remark, Severity, Side

CORPUS = Path(__file__).parent / "corpus"
AGENTS = ("correctness", "performance", "security", "style", "tests")
Tree = Mapping[str, str]  # path to content
Why = Literal[
    "hallucinated",
    "pre-existing",
    "linter",
    "refuted",
    "low-confidence",
    "style",
    "praise",
    "question",
    "invalid",
    "cap",
    "wrong",
]
_TITLE = re.compile(r"""["']title["']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
_Named = TypeVar("_Named", "Unwanted", "Ruling")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Findings(_Strict):
    findings: tuple[dict[str, Any], ...]


class _Entry(_Strict):
    words: str | None = None
    findings: tuple[dict[str, Any], ...] | None = None
    again: str | _Findings | None = None
    means: tuple[str, ...] = ()


_Answers = dict[str, tuple[_Entry, ...]]


class _Expected(_Strict):
    id: str
    path: str
    lines: tuple[int, int]
    quote: str
    severity: Severity
    side: Side = "new"
    place: Literal["inline", "body"] = "inline"


class _Unwanted(_Strict):
    match: str
    why: Why
    outside_diff: bool = False


class _Ruling(_Strict):
    match: str
    refuted: bool
    reason: str


class _Push(_Strict):
    changes: dict[str, str | None] = {}
    rebase: bool = False
    base: dict[str, str | None] = {}
    answers: _Answers = {}
    expected: tuple[_Expected, ...] = ()
    expected_fixed: tuple[str, ...] = ()


class _File(_Strict):
    title: str
    language: str
    author: str = "contributor"
    base: dict[str, str]
    changes: dict[str, str | None] = Field(min_length=1)
    expected: tuple[_Expected, ...] = ()
    answers: _Answers = {}
    judge: tuple[_Ruling, ...] = ()
    unwanted: tuple[_Unwanted, ...] = ()
    pushes: tuple[_Push, ...] = ()


@dataclass(frozen=True)
class Expected:
    """A planted defect. Its comment belongs on `lines` (first and last, from 1) of `side`; `quote` stands there."""

    id: str
    path: str
    lines: tuple[int, int]
    quote: str
    severity: Severity
    side: Side = "new"
    place: Literal["inline", "body"] = "inline"


@dataclass(frozen=True)
class Unwanted:
    """What must not be said inline: recorded findings whose title holds `match` (any case), and why not.

    `outside_diff`: they name lines that no hunk of the pull request shows, or a file that it does not have.
    """

    match: str
    why: Why
    outside_diff: bool = False


@dataclass(frozen=True)
class Ruling:
    """What the judge says of candidates whose title holds `match` (any case); what no ruling fits stands."""

    match: str
    refuted: bool
    reason: str


@dataclass(frozen=True)
class Answer:
    """An agent's whole last words, and those it has when it is asked once more ("": it is not asked)."""

    words: str
    again: str = ""


@dataclass(frozen=True)
class Said:
    """One recorded finding: the id of the defect it means, or "" for an unwanted one.

    `remark` is None where the answer was recorded as raw words, whose form is the point.
    """

    agent: str
    title: str
    means: str
    remark: Remark | None = None


@dataclass(frozen=True)
class Round:
    """The pull request as it is opened, or after one push: whole trees of both branches and what agents answer to it.

    `rebased`: the branch is to be made anew upon `base`, which is the round's own default branch. `expected` are the
    defects that are new in this round, `fixed` the ids of earlier ones that are gone since.
    """

    base: Tree
    head: Tree
    answers: Mapping[str, tuple[Answer, ...]]
    said: tuple[Said, ...]
    expected: tuple[Expected, ...] = ()
    fixed: tuple[str, ...] = ()
    rebased: bool = False


@dataclass(frozen=True)
class Case:
    """One pull request of the corpus. The first round opens it, each further one is a push."""

    name: str
    title: str
    language: str
    author: str
    rounds: tuple[Round, ...]
    judge: tuple[Ruling, ...] = ()
    unwanted: tuple[Unwanted, ...] = ()
    expected: tuple[Expected, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "expected", tuple(one for round_ in self.rounds for one in round_.expected))

    @property
    def said(self) -> tuple[Said, ...]:
        return tuple(one for round_ in self.rounds for one in round_.said)


def load(folder: Path = CORPUS) -> list[Case]:
    """Every case of a folder by name. ValueError names the file and the entry that is not right."""
    return [_case(path) for path in sorted(folder.glob("*.yml"))]


def fits(named: Unwanted | Ruling, title: str) -> bool:
    """Whether an entry is about findings of this title."""
    return named.match.casefold() in title.casefold()


def _case(path: Path) -> Case:
    try:
        given = _File.model_validate(yaml.load(path.read_text(encoding="utf-8"), _Loader))
        case = Case(
            path.stem,
            given.title,
            given.language,
            given.author,
            tuple(_rounds(given)),
            tuple(Ruling(**one.model_dump()) for one in given.judge),
            tuple(Unwanted(**one.model_dump()) for one in given.unwanted),
        )
        _accounted(case)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    return case


class _Loader(yaml.CSafeLoader):
    """Refuses a key that is given twice, which YAML's own loader would let win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ValueError(f"line {node.start_mark.line + 1}: {min(twice)!r} is given twice")
        return super().construct_mapping(node, deep)


def _rounds(given: _File) -> Iterator[Round]:
    """The opening and every push, each with the trees that the ones before it left."""
    base: Tree = given.base
    changes: dict[str, str | None] = {}
    pushes = (_Push(changes=given.changes, answers=given.answers, expected=given.expected), *given.pushes)
    for number, push in enumerate(pushes):
        where = f"pushes.{number - 1}." if number else ""
        if push.base and not push.rebase:
            raise ValueError(f"{where}base: only a rebase moves the default branch")
        base = _with(base, push.base, f"{where}base")
        before = _with(base, changes, "")
        head = _with(before, push.changes, f"{where}changes")
        changes |= push.changes
        said = tuple(_said(push.answers, f"{where}answers"))
        expected = tuple(_planted(one, base, head, f"{where}expected") for one in push.expected)
        answers = {agent: tuple(map(_answer, entries)) for agent, entries in push.answers.items()}
        yield Round(base, head, answers, said, expected, push.expected_fixed, push.rebase)


def _with(tree: Tree, changes: Mapping[str, str | None], where: str) -> Tree:
    result = dict(tree)
    for path, content in changes.items():
        if content is None and where and path not in tree:
            raise ValueError(f"{where}.{path}: cannot be deleted, it is not there")
        if where.endswith("changes") and content is not None and tree.get(path) == content:
            raise ValueError(f"{where}.{path}: changes nothing")
        result.pop(path, None)
        if content is not None:
            result[path] = content
    return result


def _planted(given: _Expected, base: Tree, head: Tree, where: str) -> Expected:
    """The defect, once its quote is seen to stand at its lines."""
    where = f"{where}.{given.id}"
    tree = base if given.side == "old" else head
    if given.path not in tree:
        raise ValueError(f"{where}: there is no file {given.path}")
    first, last = given.lines
    lines = lines_of(tree[given.path])
    if not 1 <= first <= last <= len(lines) or not any(given.quote in line for line in lines[first - 1 : last]):
        stands = [number for number, line in enumerate(lines, 1) if given.quote in line]
        raise ValueError(f"{where}: the quote does not stand at lines {first} to {last} but at {stands or 'none'}")
    return Expected(**given.model_dump())


def lines_of(content: str) -> list[str]:
    """A file's lines without their ends, as git counts them."""
    lines = content.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _answer(entry: _Entry) -> Answer:
    words = entry.words if entry.findings is None else _rendered(entry.findings)
    again = entry.again if isinstance(entry.again, str | None) else _rendered(entry.again.findings)
    return Answer(words or "", again or "")


def _rendered(findings: tuple[dict[str, Any], ...]) -> str:
    """Findings as an agent that keeps to its orders gives them."""
    plain = [{key: value for key, value in one.items() if key != "means"} for one in findings]
    return f"I have read the change.\n\n```json\n{json.dumps({'findings': plain}, indent=2)}\n```\n"


def _said(answers: _Answers, where: str) -> Iterator[Said]:
    for agent, entries in answers.items():
        if agent not in AGENTS:
            raise ValueError(f"{where}.{agent}: there is no such agent")
        for number, entry in enumerate(entries):
            at = f"{where}.{agent}.{number}"
            if (entry.words is None) == (entry.findings is None):
                raise ValueError(f"{at}: needs either words or findings")
            again = entry.again.findings if isinstance(entry.again, _Findings) else ()
            for index, one in enumerate((*(entry.findings or ()), *again)):
                yield _structured(agent, one, f"{at}.findings.{index}")
            raw = "\n".join(part for part in (entry.words, entry.again) if isinstance(part, str))
            yield from _raw(agent, raw, entry.means, at)


def _structured(agent: str, given: dict[str, Any], where: str) -> Said:
    try:
        remark = Remark.model_validate({key: value for key, value in given.items() if key != "means"})
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{where}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return Said(agent, remark.title, str(given.get("means", "")), remark)


def _raw(agent: str, words: str, means: tuple[str, ...], where: str) -> Iterator[Said]:
    """The titles in raw words, in order; `means` has one entry for each, "" for an unwanted one."""
    titles = list(dict.fromkeys(re.sub(r"\\(.)", r"\1", one or other) for one, other in _TITLE.findall(words)))
    if len(titles) != len(means):
        raise ValueError(f"{where}.means: has {len(means)} entries for the titles {titles}")
    for title, meaning in zip(titles, means, strict=True):
        yield Said(agent, title, meaning)


def _accounted(case: Case) -> None:
    """Holds every recorded finding, planted defect, unwanted remark and ruling against the others."""
    open_: dict[str, Expected] = {}
    for number, round_ in enumerate(case.rounds):
        for gone in round_.fixed:
            one = open_.pop(gone, None)
            if one is None or any(one.quote in content for content in round_.head.values()):
                state = "still stands" if one else "was not open"
                raise ValueError(f"pushes.{number - 1}.expected_fixed: {gone} {state}")
        for one in round_.expected:
            if one.id in [known.id for known in case.expected if known is not one]:
                raise ValueError(f"expected.{one.id}: the id is given twice")
            if one.id not in [said.means for said in round_.said]:
                raise ValueError(f"expected.{one.id}: nobody finds it in the round it is new in")
            open_[one.id] = one
        for said in round_.said:
            _covered(case, said, open_)
        for one in open_.values():
            tree = round_.base if one.side == "old" else round_.head
            if not any(one.quote in content for content in tree.values()):  # of any file: it may have been renamed
                raise ValueError(f"expected.{one.id}: its quote is gone in round {number}, and it is not said fixed")
    _used(case.unwanted, case, "unwanted")
    _used(case.judge, case, "judge")
    for said in case.said:
        if said.means and any(ruling.refuted and fits(ruling, said.title) for ruling in case.judge):
            raise ValueError(f"judge: refutes {said.title!r}, which means {said.means}")


def _covered(case: Case, said: Said, known: Mapping[str, Expected]) -> None:
    unwanted = [one for one in case.unwanted if fits(one, said.title)]
    if said.means and said.means not in known:
        raise ValueError(f"answers.{said.agent}: {said.title!r} means {said.means}, which is not planted or was fixed")
    if bool(said.means) == bool(unwanted):
        state = "means a defect and is unwanted" if unwanted else "is neither unwanted nor means a defect"
        raise ValueError(f"answers.{said.agent}: {said.title!r} {state}")


def _used(entries: tuple[_Named, ...], case: Case, where: str) -> None:
    for entry in entries:
        if not any(fits(entry, said.title) for said in case.said):
            raise ValueError(f"{where}: nobody says {entry.match!r}")
