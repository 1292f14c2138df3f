"""A rehearsal's script as a file: what each job's agent does, try by try, so that a workflow plays without a model."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

from bot.agents.task import Outcome, Task
from bot.backends.rehearsal import Act, Append, Delete, Fail, Plan, Rehearsal, Run, Say, Wait, Write
from bot.document import Document, Strict, load, validate
from bot.errors import UserError

BACKEND, SUFFIX = "rehearsal", ".rehearsal.yml"
# Steps in which an agent does a job's own work: the job's name stands for them. Its conflicts are a step apart.
_OWN = frozenset({"agent", "plan", "read", "review"})


def _inside(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or not PurePosixPath(path).name:
        raise ValueError("a path below the top of the repository is needed")
    return path


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _some(value: Any) -> Any:
    if value == []:
        raise ValueError("a job is played at least once")
    return value


Target = Annotated[str, AfterValidator(_inside)]
Lines = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Turn(Strict):
    """What an agent does when it is asked once, in the order in which it is written.

    `write_from` names files beside the script; `answer` is said as a JSON block, at the end of what `say` has.
    """

    write: dict[Target, str] = Field(default_factory=dict)
    write_from: dict[Target, Target] = Field(default_factory=dict)
    append: dict[Target, str] = Field(default_factory=dict)
    delete: Annotated[tuple[Target, ...], BeforeValidator(_listed)] = ()
    run: Lines = ()
    wait: Annotated[float, Field(gt=0, le=600)] = 0.0
    plan: Lines = ()
    say: str = ""
    answer: dict[str, Any] = Field(default_factory=dict)
    fail: str = ""
    _order: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _as_written(cls, data: Any, handler: ModelWrapValidatorHandler["Turn"]) -> "Turn":
        made = handler(data)
        made._order = tuple(data)
        if not made._order:
            raise ValueError("a try does something, and be it to `say` why it does nothing")
        return made

    @property
    def words(self) -> str:
        """The agent's last words."""
        block = f"```json\n{json.dumps(self.answer, indent=2, ensure_ascii=False)}\n```" if self.answer else ""
        return "\n\n".join(part for part in (self.say.strip(), block) if part)

    def acts(self, texts: Mapping[str, str]) -> Iterator[Act]:
        """The acts; `texts` are those of the files beside the script, by name."""
        last = next((key for key in reversed(self._order) if key in ("say", "answer")), "")
        for key in self._order:
            yield from [Say(self.words)] if key == last else self._of(key, texts)

    def _of(self, key: str, texts: Mapping[str, str]) -> Iterator[Act]:
        match key:
            case "write":
                yield from (Write(path, text) for path, text in self.write.items())
            case "write-from":
                yield from (Write(path, texts[file]) for path, file in self.write_from.items())
            case "append":
                yield from (Append(path, text) for path, text in self.append.items())
            case "delete":
                yield from map(Delete, self.delete)
            case "run":
                yield from map(Run, self.run)
            case "wait":
                yield Wait(self.wait)
            case "plan":
                yield Plan(self.plan)
            case "fail":
                yield Fail(Outcome("error", "", problem=self.fail))


class Jobs(Strict):
    """The file: turns by the name of a job (`build/api`), by globs (`build/*`), or by a step (`lead.review`)."""

    jobs: dict[str, Annotated[tuple[Turn, ...], BeforeValidator(_some)]]


class Scripted(Rehearsal):
    """The backend that plays a file: the nth time that a job or step is asked, the nth of its turns.

    `file` is what it is called where the script has nothing for a step, which fails that step.
    """

    def __init__(self, file: str, turns: Mapping[str, Sequence[Sequence[Act]]]) -> None:
        super().__init__()
        self._file, self._turns = file, turns
        self._asked = Counter[tuple[str, str]]()

    def acts(self, task: Task) -> Sequence[Act]:
        name = entry(task.key, list(self._turns))
        if name is None:
            return self._nothing(f"the script {self._file} has nothing for {task.key}{self._meant(task.key)}")
        mine = name, task.run + task.key.partition(".")[0]
        self._asked[mine] += 1
        turns, nth = self._turns[name], self._asked[mine]
        if nth > len(turns):
            return self._nothing(f"the script {self._file} has no try {nth} for {name}, and {task.key} asks for it")
        return turns[nth - 1]

    def _meant(self, key: str) -> str:
        close = get_close_matches(key.partition(".")[0], self._turns, n=1, cutoff=0.6)
        return f" (did you mean {close[0]}?)" if close else ""

    def _nothing(self, problem: str) -> Sequence[Act]:
        return (Fail(Outcome("error", "", problem=problem)),)


def entry(key: str, names: Sequence[str]) -> str | None:
    """Which of these names of a script is that of the step `key`: the exact one, or the first glob that fits.

    A name with a `.` is a step's, without its number or with it; one without is a job's.
    """
    job, _, step = key.partition(".")
    stem = key.rpartition(".")[0] if key.rpartition(".")[2].isdigit() else key
    wanted = [*dict.fromkeys([key, stem]), *([job] if step.partition(".")[0] in _OWN else [])]
    if exact := next((one for one in wanted if one in names), None):
        return exact
    return next(
        (name for name in names if any(("." in name) == ("." in one) and fnmatchcase(one, name) for one in wanted)),
        None,
    )


def parse(path: Path) -> Scripted:
    """The script at `path`, with the files that it takes text from. Raises UserError, ConfigError."""
    document = load(str(path), _text(path))
    script = validate(document, Jobs)
    texts = dict(_beside(path, document, script))
    turns = {name: [tuple(turn.acts(texts)) for turn in turns] for name, turns in script.jobs.items()}
    return Scripted(path.name, turns)


def _beside(path: Path, document: Document, script: Jobs) -> Iterator[tuple[str, str]]:
    """The texts of the files beside the script, by the names that it gives them."""
    for name, turns in script.jobs.items():
        for number, turn in enumerate(turns):
            for target, file in turn.write_from.items():
                try:
                    yield file, _text(path.parent / file)
                except UserError as unread:
                    raise document.error(("jobs", name, number, "write-from", target), str(unread)) from unread


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"The file {path} cannot be read: {problem}") from problem
