"""The jobs of a workflow: who does what on which paths, after which others, under which condition, how often."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from bot.document import Strict, kebab
from bot.graph.outputs import Kind

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
LONGEST_JOB = 60
RESERVED = frozenset({"prepare", "publish", "slice", "trunk"})  # steps of every run
_OF_AGENTS = frozenset({"owns", "outside", "focus", "usd", "tests"})  # keys that do nothing for command lines
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_KEPT = re.compile(  # what leads programs elsewhere, or the agent away from its only way out
    r"(PATH|HOME|TMPDIR|LANG|SHELL|IFS|ENV|BASH_ENV|RUBYOPT|RUBYLIB|PERL5OPT|PERL5LIB|NODE_OPTIONS|NODE_PATH)$"
    r"|(LD|DYLD|TUTTI|GIT|ANTHROPIC|CLAUDE)_|PYTHON|.*(_PROXY|JAVA_OPTIONS|JAVA_TOOL_OPTIONS)$",
    re.IGNORECASE,
)


def named(name: str) -> str:
    """A job's name as it may be written: in the keys of steps `.` and `/` part what belongs to whom."""
    if name in RESERVED:
        raise ValueError(f"`{name}` is a step of every run")
    if not NAME.fullmatch(name) or len(name) > LONGEST_JOB:
        raise ValueError(
            f"a job's name has at most {LONGEST_JOB} letters, digits, `-` and `_`, and begins with no digit"
        )
    return name


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("the name of a variable has letters, digits and `_`, and begins with no digit")
    if _KEPT.match(name):
        raise ValueError("this variable is the bot's own")
    return name


def _listed(value: Any) -> Any:
    if not isinstance(value, str | list | tuple):
        raise ValueError("one word or a list of words is needed")
    return (value,) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # which is 1 or 0 in Python
        raise ValueError("a number is needed")
    return value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


NUMBER = BeforeValidator(_number)
Words = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]
Line = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Lines = Annotated[tuple[Line, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])]
Name = Annotated[str, AfterValidator(named)]
Environment = dict[
    Annotated[str, AfterValidator(_variable)],
    Annotated[str, BeforeValidator(_text, json_schema_input_type=str | float), Field(max_length=1000)],
]
Focus = Annotated[str, StringConstraints(max_length=4000)]


class Tests(Strict):
    """Whether the repository's own tests are run on a job's work, and how often the agent may try.

    `each` false: they are run on what the jobs made together, and not on what each made alone.
    """

    tries: Annotated[int, Field(ge=1, le=10), NUMBER] = 3
    each: bool = True


class Strategy(Strict):
    """`matrix` as in Actions: values by key, or one expression that an earlier job's output fills."""

    matrix: dict[str, Any] | str = Field(default_factory=dict)
    max_parallel: Annotated[int, Field(ge=1, le=100), NUMBER] | None = None
    fail_fast: bool = True

    @field_validator("matrix", mode="before")
    @classmethod
    def _is_a_matrix(cls, matrix: Any) -> Any:
        if not isinstance(matrix, str | Mapping):
            raise ValueError("a matrix has lists by key, or is one expression")
        return matrix


class Job(Strict):
    """One node of a workflow's graph: an agent, command lines, or another workflow.

    In a review `agent` may name a folder of agents, `review/*`. `owns`: globs as in a `.gitignore`; none: every path
    that no other job owns. `outside`: what becomes of a change elsewhere.
    """

    agent: str = ""
    run: Lines = ()
    uses: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict, alias="with")
    needs: Words = ()
    condition: str = Field(default="", alias="if")
    strategy: Strategy = Strategy()
    focus: Focus = ""
    owns: Words = ()
    outside: Literal["return", "refuse", "request"] = "return"
    outputs: dict[Name, Kind] = Field(default_factory=dict)
    env: Environment = Field(default_factory=dict)
    usd: Annotated[float, Field(gt=0, le=1000), NUMBER] | None = None
    timeout_minutes: Annotated[float, Field(gt=0, le=24 * 60), NUMBER] | None = None
    retries: Annotated[int, Field(ge=0, le=5), NUMBER] = 0
    tests: Tests = Tests()

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Job":
        if sum(map(bool, (self.agent, self.run, self.uses))) != 1:
            raise ValueError("a job has one of `agent`, `run` and `uses`")
        if self.inputs and not self.uses:
            raise ValueError("`with` goes with `uses`")
        if self.uses and (stray := self._said(_OF_AGENTS | {"outputs", "env", "timeout_minutes", "retries"})):
            raise ValueError(f"`{stray}` is said by the jobs of the workflow that is used")
        if self.run and (stray := self._said(_OF_AGENTS)):
            raise ValueError(f"`{stray}` is for agents: what `run` changes is not kept, and costs nothing")
        return self

    def _said(self, names: Iterable[str]) -> str:
        """The first of these keys, as it is written, that has another value than it has by itself."""
        own = {name: field.get_default(call_default_factory=True) for name, field in type(self).model_fields.items()}
        return kebab(next((name for name in sorted(names) if getattr(self, name) != own[name]), ""))

    @property
    def templates(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every text of it in which `{{ ... }}` is filled in, but for `if`, with its place."""
        if isinstance(self.strategy.matrix, str):
            yield ("strategy", "matrix"), self.strategy.matrix
        else:
            yield from _texts(("strategy", "matrix"), self.strategy.matrix)
        yield ("focus",), self.focus
        yield from ((("owns", number), glob) for number, glob in enumerate(self.owns))
        yield from ((("env", name), value) for name, value in self.env.items())
        yield from _texts(("with",), self.inputs)


def _texts(place: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts((*place, key), one)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _texts((*place, number), one)


class Phase(Strict):
    """Jobs side by side; the next phase begins once all of them have ended and what they made passes the tests."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    jobs: dict[Name, Job] = Field(min_length=1)
    tests: bool = True


class Tasks(Strict):
    """Where the tasks of a swarm come from: one of these. `within` narrows `grep` to these globs."""

    given: tuple[Annotated[str, StringConstraints(min_length=1, max_length=1000)], ...] = Field(
        default=(), alias="list"
    )
    glob: Words = ()
    grep: str = Field(default="", max_length=200)
    within: Words = Field(default=(), alias="in")
    agent: str = ""
    max: Annotated[int, Field(ge=1, le=5000), NUMBER] = 50

    @model_validator(mode="after")
    def _come_from_one_place(self) -> "Tasks":
        if sum(map(bool, (self.given, self.glob, self.grep, self.agent))) != 1:
            raise ValueError("name one of `list`, `glob`, `grep` and `agent`")
        if self.within and not self.grep:
            raise ValueError("`in` goes with `grep`")
        return self


class Member(Strict):
    """Somebody of a team, who does a part of its task."""

    agent: str
    focus: Focus = ""
    responsibilities: Lines = ()
    owns: Words = ()
    usd: Annotated[float, Field(gt=0, le=1000), NUMBER] | None = None
    tests: Tests = Tests()


class Team(Strict):
    """A lead, who splits a task and reviews what comes of it, and whoever does the parts: members, or teams again.

    Where neither is named the lead decides who is needed: at most `breadth` of them, whose `agent` does the work.
    """

    lead: str
    focus: Focus = ""
    responsibilities: Lines = ()
    owns: Words = ()
    agent: str = ""
    breadth: Annotated[int, Field(ge=1, le=20), NUMBER] = 5
    depth: Annotated[int, Field(ge=1, le=5), NUMBER] = 3
    members: dict[Name, Member] = Field(default_factory=dict)
    teams: dict[Name, "Team"] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_somebody(self) -> "Team":
        if not (self.members or self.teams or self.agent):
            raise ValueError("name `members`, `teams`, or the `agent` of those that the lead decides on")
        if twice := set(self.members) & set(self.teams):
            raise ValueError(f"`{min(twice)}` is a member and a team")
        return self

    def everybody(self, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
        """Who there is: the place in the file, and the agent's name."""
        yield (*place, "lead"), self.lead
        if self.agent:
            yield (*place, "agent"), self.agent
        for name, member in self.members.items():
            yield (*place, "members", name, "agent"), member.agent
        for name, team in self.teams.items():
            yield from team.everybody((*place, "teams", name))
