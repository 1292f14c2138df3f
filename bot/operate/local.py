"""A workflow on a clone on this machine, without GitHub: what it makes becomes a branch of that clone."""

import getpass
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bot.agents import answer, composition
from bot.agents.custom import Custom, custom
from bot.agents.job import Product, Step
from bot.agents.prompt import Asked
from bot.agents.task import Backend
from bot.app import Bench, Seams, patterns, workbench
from bot.errors import ConfigError, State, Stop, TryAgain, UserError
from bot.git import changes
from bot.git.command import Identity
from bot.git.mirror import Head, Mirror
from bot.git.slug import branch_name
from bot.operate import check, script
from bot.operate.screen import Screen
from bot.publish import parts_text, staged_text, text, verdict
from bot.publish.ground import Ground
from bot.publish.offer import agent_of
from bot.publish.scrutiny import scrutinise, wish
from bot.settings import Settings
from bot.store import runs
from bot.store.runs import Run
from bot.workflow import configuration, override, reuse
from bot.workflow.bounds import Bounds, Permitted, held, lowered
from bot.workflow.conduct import Conductor
from bot.workflow.configuration import Configuration, WorkflowSettings
from bot.workflow.library import SHIPPED, Library, shipped
from bot.workflow.spec import Workflow, parse_workflow, workflow_id

IDENTITY = Identity("Tutti", "tutti@localhost")
LISTED = 3_000  # characters about jobs at the terminal


@dataclass(frozen=True)
class Wish:
    """What is wanted of a local run, as an issue would say it. `bare`: without a sandbox where there is none.

    `script`: what the backend `rehearsal` plays; without it the file beside the workflow's.
    """

    title: str
    body: str
    number: int = 0
    backend: str | None = None
    bare: bool = False
    script: Path | None = None


@dataclass(frozen=True)
class Result:
    """How a local run ended: its state word, the sentence, and the branch where its work is (empty: none)."""

    state: State
    reason: str
    branch: str


class CloneHost:
    """A clone as the place where a run comes from and its result goes."""

    def __init__(self, bench: Bench, clone: Path, wish: Wish) -> None:
        self._bench, self._clone, self._wish = bench, clone, wish
        told = bench.settings
        permitted = Permitted(told.models, told.setup_hosts, told.repo_usd_a_day, told.repo_runs_a_day)
        self._library = Library(bench.db, shipped(), frozenset(bench.shop.backends), _most(told), permitted)

    async def mirror(self, run: Run) -> Mirror:
        return await self._bench.mirrors.local(self._clone)

    async def ground(self, run: Run, workflow: Workflow) -> Ground:
        experiment = workflow.worktrees == "experiment"
        await self._bench.board.note(run.id, "publish", title=text.local_branch(experiment=experiment))
        mirror = await self.mirror(run)
        head, settings = await self._read(mirror)
        limits = lowered(workflow.limits, settings.limits, self._library.most)
        traits = await mirror.traits(head.sha)
        return Ground(
            base=head.sha,
            base_tree=await mirror.tree(head.sha),
            base_branch=head.branch,
            branch=await self._new_branch(mirror, workflow),
            expected=None,
            pull=None,
            setup=settings.setup,
            test=settings.test,
            backend=self._wish.backend or settings.backend,
            usd=limits.usd,
            minutes=limits.minutes,
            silence=limits.silence_minutes * 60,
            draft=False,
            notes=text.notes(traits.submodules, lfs=traits.lfs),
            custom=self._custom(settings),
        )

    async def configured(self, workflow: Workflow, called: str, used: Collection[str]) -> Workflow:
        """The workflow, which is `called` so and uses those others, as the clone's configuration has it.

        Raises UserError where that lets one of them not start. What is wrong with the clone itself the run will say.
        """
        try:
            head, settings = await self._read(await self._bench.mirrors.local(self._clone))
        except (Stop, TryAgain, UserError):
            return workflow
        for name in (called, *used):
            if not settings.workflows.get(name, WorkflowSettings()).enabled:
                where = f"{configuration.PATH} on {head.branch} says workflows.{name}.enabled: false"
                raise UserError(f"The workflow {name} is disabled: {where}.")
        return override.changed(workflow, settings.workflows.get(called, WorkflowSettings()))

    async def _read(self, mirror: Mirror) -> tuple[Head, Configuration]:
        """The newest commit of the default branch, and the configuration there. Raises Stop without either."""
        await mirror.fetch()
        head = await mirror.default_head()
        if head is None:
            raise Stop("refused", text.empty())
        data, name = await mirror.read(head.sha, configuration.PATH), self._clone.name
        wanted = configuration.stored(data.decode("utf-8", "replace")) if data is not None else None
        if wanted is not None and wanted.workflows:  # it may name the clone's own
            for path, words in (await _own_workflows(mirror, head.sha)).items():
                await self._library.adopt(name, path, head.sha, words)
        return head, await self._library.configuration(name, head.sha, data)

    def _custom(self, settings: Configuration) -> Custom:
        """What the repository wants; a backend that is named at the terminal comes before those of its agents."""
        wanted = custom(settings)
        if self._wish.backend is None:
            return wanted
        return replace(wanted, agents={name: replace(one, backend=None) for name, one in wanted.agents.items()})

    async def _new_branch(self, mirror: Mirror, workflow: Workflow) -> str:
        prefix, attempt = workflow.branch_prefix, 1
        while await mirror.resolve(name := branch_name(prefix, self._wish.title, self._wish.number, attempt)):
            attempt += 1
        return name

    async def fetch(self, run: Run, ground: Ground) -> None:
        await (await self.mirror(run)).fetch([ground.base])

    async def show(self, run_id: str) -> None:
        """Nobody reads comments here: the terminal shows the run."""

    def payer(self, run: Run) -> tuple[int, str]:
        """Whoever sits at the terminal."""
        return 0, getpass.getuser()

    def asked(self, run: Run, ground: Ground) -> Asked:
        return Asked(self._clone.name, self._wish.number, self._wish.title, self._wish.body, getpass.getuser())

    async def offer(self, run: Run, workflow: Workflow, ground: Ground, product: Product, step: Step) -> str:
        mirror = await self.mirror(run)
        changed = await changes.diff(mirror, ground.base, product.tree)
        groups = self._groups(workflow, ground, product, changed)
        title = answer.title(answer.read(product.words), self._wish.title)
        words = {"title": title, "commit messages": "\n".join(message for message, _ in groups)}
        shop = self._bench.shop
        commands = (product.verdict.command,)
        owns, smallest = workflow.owns, workflow.worktrees == "hot-fix"
        by_policies = await scrutinise(
            mirror, product.tree, changed, words, owns, commands, shop.secrets, ground.custom, smallest
        )
        found = [*wish(workflow), *by_policies]
        if refused := [finding for finding in found if finding.level == "refuse"]:
            raise Stop("refused", f"{verdict.refused(refused)}\n\n{await self._as_file(run, ground, product)}")
        if product.held:
            raise Stop("refused", f"{product.held}\n\n{await self._as_file(run, ground, product)}")
        seen = [verdict.to_look_at(found)] if found else []
        if ground.custom.staged:
            await self._bench.board.end(run.id, "publish", "skipped")
            file = await self._as_file(run, ground, product)
            return "\n\n".join([staged_text.no_branch(ground.branch), file, *seen])
        branches = await self._branches(run, workflow, ground, product)
        await self._bench.board.learn(run.id, branch=branches[0])
        await self._bench.board.end(run.id, "publish", "done")
        where = text.on_branch(branches[0]) if len(branches) == 1 else parts_text.on_branches(branches)
        jobs = [composition.listed(product.parts, LISTED)] if product.parts else []
        return "\n\n".join([where, *jobs, *seen])

    def _groups(
        self, workflow: Workflow, ground: Ground, product: Product, changed: Sequence[changes.Change]
    ) -> list[tuple[str, list[str]]]:
        """(message, paths) of each commit."""
        said, paths = answer.read(product.words), [change.path for change in changed]
        title, fix = answer.title(said, self._wish.title), workflow.worktrees == "hot-fix"
        made = composition.commits(product.parts, said, agent_of(workflow), paths, title, fix=fix)
        return [(one.message(co_authors=ground.custom.co_authors), list(one.paths)) for one in made]

    async def _branches(self, run: Run, workflow: Workflow, ground: Ground, product: Product) -> list[str]:
        """Make a branch of the work, or one of each part of it; their names."""
        mirror, names = await self.mirror(run), list[str]()
        for one in composition.parted(product):
            name, number = ground.branch, len(names) + 1
            while name in names or await mirror.resolve(name):
                name, number = f"{ground.branch}-{number}", number + 1
            groups = self._groups(workflow, ground, one, await changes.diff(mirror, ground.base, one.tree))
            head = await changes.commits(mirror, ground.base, one.tree, groups, int(run.created_at), IDENTITY)
            await changes.push(mirror, head, name, None, None)
            names.append(name)
        return names

    async def _as_file(self, run: Run, ground: Ground, product: Product) -> str:
        """Keep the work as a patch in the clone's own git folder; the sentence that says where."""
        patch = await changes.patch(await self.mirror(run), ground.base, product.tree)
        file = self._clone / ".git/tutti" / f"{run.id}.patch"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(patch)
        return verdict.patch_in(file)


async def _own_workflows(mirror: Mirror, commit: str) -> dict[str, str | ConfigError]:
    """The text of each of a clone's own workflow files, by path."""
    listed = await mirror.listing(commit, configuration.WORKFLOWS)
    entries = {one.path: one for one in listed if configuration.is_ours(one.path) and one.path.isprintable()}
    words = await mirror.blobs([one.oid for one in entries.values() if one.mode.startswith("100")])
    return {
        path: words[one.oid].decode("utf-8", "replace") if one.oid in words else configuration.no_file(path)
        for path, one in entries.items()
    }


def _most(told: Settings) -> Bounds:
    return Bounds(told.max_usd, told.max_minutes, told.max_agents)


def file_of(name: str) -> Path:
    """The file of that name here or, wherever one stands, among those that are shipped, as `workflows/examples/...`."""
    here, ours = Path(name), SHIPPED.parent / name
    return here if here.is_file() or here.parts[:1] != (SHIPPED.name,) or not ours.is_file() else ours


def workflow_of(name: str) -> Workflow:
    """A shipped workflow by its id, or a file. Raises UserError or ConfigError."""
    offered = shipped()
    if name in offered.workflows:
        return offered.workflows[name]
    path = file_of(name)
    if not path.is_file():
        known = ", ".join(sorted(offered.workflows))
        raise UserError(f"There is no workflow {name}: neither a file nor one of {known}.")
    try:
        words = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"The file {name} cannot be read: {problem}.") from problem
    return parse_workflow(name, words, dict(offered.agents))


def rehearsed(name: str, wish: Wish) -> dict[str, Backend]:
    """The backend that plays a script, where that is wanted. Raises UserError where there is none, or ConfigError."""
    if wish.script is not None and wish.backend != script.BACKEND:
        raise UserError(f"A script is played with --backend {script.BACKEND}, and by no other.")
    if wish.backend != script.BACKEND:
        return {}
    beside = file_of(name).with_suffix(script.SUFFIX)
    if wish.script is None and not beside.is_file():
        raise UserError(f"There is nothing to rehearse: no file {beside} beside the workflow; name one with --script.")
    return {script.BACKEND: script.parse(wish.script or beside)}


def _titled(wish: Wish, workflow: Workflow, name: str) -> Wish:
    """What is wanted; a workflow in a file of its own may say that by itself, and then its name is the title."""
    if not wish.title and not file_of(name).is_file():
        raise UserError(f"Say what is wanted of {name} with --title.")
    return wish if wish.title else replace(wish, title=workflow.name)


async def execute(
    settings: Settings,
    workflow: Workflow,
    clone: Path,
    wish: Wish,
    seams: Seams,
    watched: Callable[[Bench, str], None],
    known: Mapping[str, Workflow] | None = None,
    called: str = "",
) -> Result:
    """Do the workflow on the clone; `watched` is called with the parts and the run's id before it begins.

    `known` are the workflows that it may use: without it ours. `called` is its id, by which the clone's configuration
    may lower what it may use, or let it not start.
    """
    if workflow.opens is not workflow.outputs.pull_request:
        raise UserError(f"The workflow {workflow.name} works on a pull request, and a clone has none.")
    if not (clone / ".git").exists():
        raise UserError(f"{clone} is not the top of a git clone.")
    async with workbench(settings, seams) as bench:
        if wish.backend is not None and wish.backend not in bench.shop.backends:
            raise UserError(f"There is no backend {wish.backend}; known are {', '.join(sorted(bench.shop.backends))}.")
        host, used = CloneHost(bench, clone, wish), _used(workflow, known if known is not None else shipped().workflows)
        workflow = held(await host.configured(workflow, called, used), _most(settings))
        run = _run(clone, workflow, used)
        await bench.db.write(lambda conn: runs.create(conn, run))
        watched(bench, run.id)
        await Conductor(bench.shop, host, patterns(), lambda _run: None).execute(run.id, _once)
        await bench.board.settled()
        ended = await bench.db.read(lambda conn: runs.get(conn, run.id))
        assert ended is not None
        return Result(ended.state, ended.reason, str(ended.facts.get("branch", "")))


async def _once(_key: str, effect: Callable[[], Any]) -> Any:
    """A step of a run that nobody will resume."""
    return await effect()


def _used(workflow: Workflow, known: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """Raises UserError where it uses a workflow that is not there."""
    try:
        return reuse.used(workflow, known)
    except ValueError as wrong:
        raise UserError(f"{workflow.name} cannot be played: {wrong}.") from wrong


def _run(clone: Path, workflow: Workflow, used: Mapping[str, Workflow]) -> Run:
    now = time.time()
    name = str(uuid.uuid4())
    context: dict[str, Any] = {"workflow": workflow.record()}
    context["used"] = {name: one.record() for name, one in used.items()}
    return Run(name, name, workflow.name[:100], clone.name, str(clone), "running", now, context, started_at=now)


async def show(
    settings: Settings, console: Console, name: str, clone: Path, wish: Wish, seams: Seams | None = None
) -> Result:
    """Do a workflow on a clone with the run shown in the terminal, in a data folder that goes away afterwards."""
    workflow, screen, file = workflow_of(name), Screen(console), file_of(name)
    known, called = check.usable(file), workflow_id(str(file))
    wish, played = _titled(wish, workflow, name), rehearsed(name, wish)
    with tempfile.TemporaryDirectory(prefix="tutti-run-") as folder:
        private = settings.model_copy(update={"data_dir": Path(folder), "database_url": ""})
        seams = replace(seams or Seams(), backends=played, heard=screen.heard, bare=wish.bare)
        with screen:
            result = await execute(
                private,
                workflow,
                clone,
                wish,
                seams,
                lambda bench, _run: screen.watch(bench.db, bench.board),
                known,
                called,
            )
    console.print(escape(result.reason), style="green" if result.state == "done" else "red")
    if result.branch:
        console.print(escape(f"Look at it: git -C {clone} log -p {result.branch}"), soft_wrap=True)
    return result
