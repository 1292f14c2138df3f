"""Where the tasks of a swarm come from: given, files found by glob or by what they hold, or planned by an agent."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bot.agents.prompt import fence
from bot.git.command import GitError
from bot.git.mirror import Mirror
from bot.graph.ownership import Owners
from bot.invisible import cleaned
from bot.orchestra.part import Ended, Part
from bot.orchestra.stage import Stage
from bot.orchestra.texts import Texts
from bot.publish import graph_text, swarm_text
from bot.review import answer, glob
from bot.workflow.job import Job, Tasks

LONGEST = 1_000  # characters of a task
_FILES = frozenset({"100644", "100755"})
_SHARE = 0.2  # of the run's money: what the agent that plans may use
_SCHEMA = {
    "type": "object",
    "properties": {"tasks": {"type": "array", "items": {"type": "string"}}},
    "required": ["tasks"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Found:
    """The tasks, as many as may be; `cut`, `left` and `none` are what is to be said of those that are not there.

    `trusted`: they stand in the workflow's file. `wrong` says how finding them ended, where that was not well.
    """

    tasks: tuple[str, ...] = ()
    trusted: bool = False
    cut: str = ""
    left: str = ""
    none: str = ""
    wrong: Ended | None = None


async def find(stage: Stage, wanted: Tasks, name: str, job: Job) -> Found:
    """The tasks for the job `name`, each of them once, in their order, without those that cannot be done beside others.

    Raises Stop where the run ends.
    """
    found = await _every(stage, wanted, name, job)
    try:
        unfit = _unfit(stage, job, found.tasks, trusted=found.trusted)
    except ValueError as wrong:
        return Found(wrong=Ended("failed", graph_text.not_filled(str(wrong))))
    if not unfit:
        return found
    told = "\n\n".join(part for part in (found.left, swarm_text.unfit(unfit)) if part)
    fit = tuple(task for task in found.tasks if task not in unfit)
    return replace(found, tasks=fit, left=told if fit else "", none=told)


def _unfit(stage: Stage, job: Job, tasks: Sequence[str], *, trusted: bool = False) -> dict[str, str]:
    """The tasks that cannot be done beside those before them, for what they own, and why.

    Raises ValueError where they own too much to be told apart.
    """
    unfit, fit, texts = dict[str, str](), list[Part](), Texts({**stage.names, "needs": {}})
    for task in tasks if job.owns else ():
        try:
            fit.append(texts.part(Part(task, job), {"task": task}, trusted=trusted))
        except ValueError as wrong:
            unfit[task] = str(wrong)
    owned = {part.name: part.spec.owns for part in fit}
    while found := Owners(owned).conflicts():
        for one, other, path in found:
            if one in owned and other in owned:
                unfit[other] = graph_text.two_owners(one, other, path)
                del owned[other]
    return unfit


async def _every(stage: Stage, wanted: Tasks, name: str, job: Job) -> Found:
    mirror, tree = stage.order.mirror, stage.order.base_tree
    if wanted.given:
        return _taken(wanted.given, wanted.max, trusted=True)
    if wanted.agent:
        return await _planned(stage, wanted, name, job)
    try:
        if wanted.glob:
            none = swarm_text.no_file_fits(wanted.glob)
            return _named(sorted(await fitting(mirror, tree, wanted.glob)), wanted.max, none)
        none = swarm_text.no_file_holds(wanted.grep)
        return _named(await holding(mirror, tree, wanted.grep, wanted.within), wanted.max, none)
    except ValueError as wrong:
        return Found(wrong=Ended("failed", str(wrong)))


async def fitting(mirror: Mirror, tree: str, globs: Sequence[str]) -> frozenset[str]:
    """The files of a tree that fit one of the globs. Raises ValueError for no glob."""
    return glob.among(globs, await _files(mirror, tree))


async def _files(mirror: Mirror, tree: str) -> list[str]:
    """Every file, but no link and no submodule."""
    return [entry.path for entry in await mirror.listing(tree) if entry.mode in _FILES]


async def holding(mirror: Mirror, tree: str, text: str, globs: Sequence[str] = ()) -> list[str]:
    """The text files of a tree with a line that holds this text, of those that fit the globs where there are some.

    Raises ValueError where it is no line of text.
    """
    if not text.strip() or len(text.splitlines()) > 1:
        raise ValueError(swarm_text.one_line(text))
    args = ("grep", "--fixed-strings", "--files-with-matches", "--null", "-I", "-e", text, tree)
    said = await mirror.answer(*args)
    if said.code > 1:
        raise GitError(args, said.code, said.stderr)
    words = said.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    found = {word.removeprefix(f"{tree}:") for word in words}
    paths = [path for path in await _files(mirror, tree) if path in found]
    fits = glob.among(globs, paths) if globs else found
    return [path for path in paths if path in fits]


def _named(paths: Iterable[str], most: int, none: str) -> Found:
    """Files as tasks; one whose name nobody could be shown is none."""
    every = list(paths)
    plain = [path for path in every if path.isprintable() and len(path) <= LONGEST]
    left = swarm_text.unnamed(len(every) - len(plain)) if len(plain) < len(every) else ""
    return _taken(plain, most, none=none, left=left)


def _taken(tasks: Iterable[str], most: int, **more: Any) -> Found:
    every = list(dict.fromkeys(tasks))
    cut = swarm_text.cut(len(every), most) if len(every) > most else ""
    return Found(tuple(every[:most]), cut=cut, **more)


# ---- planned by an agent ---------------------------------------------------------------------------------------------


async def _planned(stage: Stage, wanted: Tasks, name: str, job: Job) -> Found:
    """What an agent says that reads the repository and changes nothing."""
    part = Part("tasks" if name != "tasks" else "scout", Job(agent=wanted.agent))
    await stage.announce([part])
    await stage.score.begin(part)
    share = stage.shares.take(stage.order.usd * _SHARE)
    salvage = partial(read, stage.shop.clean)
    parse = partial(salvage, unfit=partial(_unfit, stage, job))
    told = {"instructions": _instructions(wanted, job)}
    made = await stage.ask(part, share, "read", parse, _SCHEMA, swarm_text.planning(wanted.agent), salvage, **told)
    stage.shares.settle(share, made.counted)
    wrong = Ended("failed", swarm_text.no_plan(wanted.agent, made.problem)) if made.failed else None
    await stage.finish(part, wrong or Ended("done"))
    if wrong:
        return Found(wrong=wrong)
    return _taken(made.said[0]["tasks"], wanted.max, none=swarm_text.nothing_planned(wanted.agent))


def _instructions(wanted: Tasks, job: Job) -> str:
    each = fence("what each agent is told, with its task in the place of `{{ matrix.task }}`", job.focus)
    return "\n\n".join([swarm_text.to_plan(wanted.max), *([each] if job.focus else [])])


def read(
    clean: Any, words: str, unfit: Callable[[Sequence[str]], Mapping[str, str]] = lambda tasks: {}
) -> tuple[list[dict[str, Any]], list[str]]:
    """The tasks in an agent's last words, one answer at most; and what is wrong with it, `unfit` telling of each."""
    given = answer.object_in(words)
    if given is None:
        return [], [answer.NO_ANSWER]
    tasks = given.get("tasks")
    if not isinstance(tasks, list):
        return [], ["tasks: a list of texts is needed"]
    wrong = [f"tasks.{number}: {problem}" for number, task in enumerate(tasks) if (problem := _problem(task))]
    if wrong:
        return [], wrong[: answer.LISTED]
    found = [clean(cleaned(task)).strip() for task in tasks]
    try:
        odd = [f"tasks: {why}" for why in unfit(list(dict.fromkeys(found))).values()]
    except ValueError as too_much:
        odd = [f"tasks: {too_much}"]
    return ([] if odd else [{"tasks": found}]), odd[: answer.LISTED]


def _problem(task: object) -> str:
    if not isinstance(task, str) or not cleaned(task).strip():
        return "a text is needed"
    return f"a task has at most {LONGEST} characters" if len(task) > LONGEST else ""
