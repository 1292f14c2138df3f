"""A clone on this machine as the place where a run comes from: what it makes becomes a branch, or else a patch."""

import getpass
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from bot.agents import answer, composition
from bot.agents.custom import Custom, custom
from bot.agents.job import Product, Step
from bot.agents.prompt import Asked
from bot.app import Bench
from bot.errors import Stop, TryAgain, UserError
from bot.git import changes
from bot.git.command import GitError, Identity, git
from bot.git.mirror import Head, Mirror
from bot.git.slug import branch_name
from bot.operate import salvage
from bot.operate.choice import own_workflows
from bot.publish import parts_text, staged_text, text, verdict
from bot.publish.ground import Ground
from bot.publish.offer import agent_of
from bot.publish.scrutiny import scrutinise, wish
from bot.settings import Settings
from bot.store.runs import Run
from bot.workflow import configuration, override
from bot.workflow.bounds import Bounds, Permitted, lowered
from bot.workflow.configuration import Configuration, WorkflowSettings
from bot.workflow.library import Library, shipped
from bot.workflow.spec import Workflow

IDENTITY = Identity("Tutti", "tutti@localhost")
LISTED = 3_000  # characters about jobs at the terminal
LISTED_JOBS = 10
log = structlog.get_logger(__name__)


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


class CloneHost:
    """A clone as the place where a run comes from and its result goes."""

    def __init__(self, bench: Bench, clone: Path, wish: Wish) -> None:
        self._bench, self._clone, self._wish = bench, clone, wish
        told = bench.settings
        permitted = Permitted(told.models, told.setup_hosts, told.repo_usd_a_day, told.repo_runs_a_day)
        self._library = Library(bench.db, shipped(), frozenset(bench.shop.backends), most(told), permitted)
        self._base = ""

    async def mirror(self, run: Run) -> Mirror:
        return await self._bench.mirrors.local(self._clone)

    async def ground(self, run: Run, workflow: Workflow) -> Ground:
        experiment = workflow.worktrees == "experiment"
        await self._bench.board.note(run.id, "publish", title=text.local_branch(experiment=experiment))
        mirror = await self.mirror(run)
        head, settings = await self._read(mirror)
        self._base = head.sha
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
        """The newest commit of what is checked out, and the configuration there. Raises Stop without either."""
        head = await self._head(mirror)
        if head is None:
            raise Stop("refused", text.empty())
        data, name = await mirror.read(head.sha, configuration.PATH), self._clone.name
        wanted = configuration.stored(data.decode("utf-8", "replace")) if data is not None else None
        if wanted is not None and wanted.workflows:  # it may name the clone's own
            for path, words in (await own_workflows(mirror, head.sha)).items():
                await self._library.adopt(name, path, head.sha, words)
        return head, await self._library.configuration(name, head.sha, data)

    async def _head(self, mirror: Mirror) -> Head | None:
        """What is checked out; as machines that test do, it may be a commit of no branch, without those before it."""
        await mirror.fetch()
        head = await mirror.default_head()
        if head is None:
            told = await mirror.git("ls-remote", mirror.url, "HEAD", protocol=mirror.protocol, timeout=120)
            head = Head("HEAD", told.decode().split("\t")[0]) if told else None
        if head is not None and not await mirror.has(head.sha):
            options = ("--no-tags", "--no-write-fetch-head", "--quiet", "--update-shallow")
            async with mirror.lock():
                await mirror.git("fetch", *options, mirror.url, "HEAD", protocol=mirror.protocol, timeout=3600)
        return head

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
        try:
            return await self._offered(run, workflow, ground, product)
        except Stop:
            raise
        except Exception as problem:  # whatever it is, the work was paid for
            why = _why(problem, run)
            await self._bench.board.end(run.id, "publish", "failed", why)
            parts = (why, product.reason, await self._as_file(run, ground, product))
            raise Stop("failed", "\n\n".join(part for part in parts if part)) from problem

    async def _offered(self, run: Run, workflow: Workflow, ground: Ground, product: Product) -> str:
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
            groups = self._groups(workflow, ground, one, await changes.diff(mirror, ground.base, one.tree))
            head = await changes.commits(mirror, ground.base, one.tree, groups, int(run.created_at), IDENTITY)
            names.append(await self._branch(mirror, workflow, head))
        return names

    async def _branch(self, mirror: Mirror, workflow: Workflow, head: str) -> str:
        """Make a branch at `head`; its name, the first that is free: another run may have made one meanwhile."""
        await mirror.fetch()
        while True:
            name = await self._new_branch(mirror, workflow)
            try:
                await changes.push(mirror, head, name, None, None)
            except changes.PushRefused:
                await mirror.fetch()
                if await mirror.resolve(name) is None:
                    raise
            else:
                return name

    async def _as_file(self, run: Run, ground: Ground, product: Product) -> str:
        """Keep the work as a patch in the clone's own git folder; the sentence that says where."""
        patch = await changes.patch(await self.mirror(run), ground.base, product.tree)
        return verdict.patch_in(await keep(self._clone, f"{run.id}.patch", patch))

    async def salvage(self, run: Run) -> str:
        """Keep what a run had made that ended early, each as a patch; the sentences that say where."""
        if not self._base:
            return ""
        mirror = await self.mirror(run)
        found = await salvage.left(self._bench.db, mirror, run.id, await mirror.tree(self._base))
        jobs, said = dict[str, Path](), list[str]()
        for one in found:
            patch = await changes.patch(mirror, one.start, one.tree)
            name = f"{run.id}/{one.job.replace('/', '--')}.patch" if one.job else f"{run.id}.patch"
            file = await keep(self._clone, name, patch)
            if one.job:
                jobs[one.job] = file
            else:
                said.append(verdict.patch_in(file))
        return "\n\n".join([*said, *([_apart(jobs)] if jobs else [])]) or "No agent had made anything yet."


async def keep(clone: Path, name: str, data: bytes) -> Path:
    """Write a file below a clone's own git folder or, where that takes nothing, in a new folder; its path."""
    try:
        said = await git("rev-parse", "--git-common-dir", git_dir=clone / ".git")
        return _written(Path("/", said.decode().rstrip("\n"), "tutti", name), data)
    except (OSError, GitError) as problem:
        log.warning("not kept in the clone", clone=str(clone), problem=str(problem))
        return _written(Path(tempfile.mkdtemp(prefix="tutti-patch-"), name), data)


def _written(file: Path, data: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def _why(problem: Exception, run: Run) -> str:
    """The sentence for work that could not be made a branch; git's own words, for there is no GitHub here."""
    words = str(problem)
    if isinstance(problem, changes.PushRefused):
        words = words.partition("`: ")[2] or words
    elif not isinstance(problem, UserError | TryAgain | GitError):
        log.error("branch not made", run=run.id, exc_info=problem)
        words = text.unforeseen(type(problem).__name__)
    return f"Failed: no branch could be made of the work: {words.rstrip('.')}."


def _apart(jobs: Mapping[str, Path]) -> str:
    """Where the work of jobs is that was not merged yet: a few of them by name."""
    some = [f"{job}: `git apply {file}` takes it" for job, file in list(jobs.items())[:LISTED_JOBS]]
    more = [f"{len(jobs) - len(some)} more in {next(iter(jobs.values())).parent}"] if len(jobs) > len(some) else []
    return "\n".join(["Not merged with the rest yet, each a patch:\n", *(f"- {line}" for line in (*some, *more))])


def most(told: Settings) -> Bounds:
    """What the operator lets any run use."""
    return Bounds(told.max_usd, told.max_minutes, told.max_agents)
