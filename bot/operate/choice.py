"""Which workflow a name at the terminal means: one of the clone's own, as its newest commit has it, ours, or a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ConfigError, UserError
from bot.git.command import Transport
from bot.git.mirror import Mirror
from bot.operate import check
from bot.workflow import configuration
from bot.workflow.bounds import DEFAULT, Bounds, parse_owned
from bot.workflow.library import SHIPPED, Shipped, shipped
from bot.workflow.spec import Workflow, parse_workflow, workflow_id


@dataclass(frozen=True)
class Choice:
    """The workflow that is meant, its id, and those that it may use, by id.

    `file` is where it stands on this machine, None for one of ours by its id. `said`: which was taken, where a name
    might have meant another.
    """

    workflow: Workflow
    called: str
    known: Mapping[str, Workflow]
    file: Path | None = None
    said: str = ""


async def choose(name: str, clone: Path, most: Bounds = DEFAULT) -> Choice:
    """What `name` means for a clone: an id, or a file. An own workflow of the clone goes before ours, as on a server.

    `most` is what the operator lets any run use. Raises UserError where there is none, ConfigError for a bad file.
    """
    ours, (commit, own) = shipped(), await _committed(clone)
    paths = {workflow_id(path): path for path in own}
    if name in paths:
        return _own(name, clone, commit, paths[name], own, most)
    if name in ours.workflows:
        return Choice(ours.workflows[name], name, _usable(ours, own))
    path = file_of(name)
    if path.is_file():
        return Choice(_in_file(path, ours), workflow_id(str(path)), check.usable(path), path)
    if stray := next((one for one in _possible(name) if (clone / one).is_file()), None):
        raise UserError(f"The workflow {name} is not committed in {clone}: name its file, {stray}, to try it.")
    known = ", ".join(sorted({*ours.workflows, *paths}))
    raise UserError(f"There is no workflow {name}: neither a file nor one of {known}.")


def file_of(name: str) -> Path:
    """The file of that name here or, wherever one stands, among those that are shipped, as `workflows/examples/...`."""
    here, ours = Path(name), SHIPPED.parent / name
    return here if here.is_file() or here.parts[:1] != (SHIPPED.name,) or not ours.is_file() else ours


async def own_workflows(mirror: Mirror, commit: str) -> dict[str, str | ConfigError]:
    """The text of each of a clone's own workflow files, by path."""
    listed = await mirror.listing(commit, configuration.WORKFLOWS)
    entries = {one.path: one for one in listed if configuration.is_ours(one.path) and one.path.isprintable()}
    words = await mirror.blobs([one.oid for one in entries.values() if one.mode.startswith("100")])
    return {
        path: words[one.oid].decode("utf-8", "replace") if one.oid in words else configuration.no_file(path)
        for path, one in entries.items()
    }


async def _committed(clone: Path) -> tuple[str, dict[str, str | ConfigError]]:
    """The newest commit of what is checked out, and the workflow files there; nothing where there is no commit."""
    if not (clone / ".git").exists():
        return "", {}
    here = Mirror(clone / ".git", clone.name, str(clone), "file", Transport())
    commit = await here.resolve("HEAD")
    return (commit, await own_workflows(here, commit)) if commit else ("", {})


def _own(name: str, clone: Path, commit: str, path: str, own: Mapping[str, str | ConfigError], most: Bounds) -> Choice:
    """The clone's own workflow in the file `path`. Raises ConfigError where it is not valid: ours does not step in."""
    ours, words = shipped(), own[path]
    if isinstance(words, ConfigError):
        raise words
    said = f"{name} is this clone's own workflow, {path} at {commit[:8]}"
    more = "; it takes the place of the one that Tutti ships, as on a server" if name in ours.workflows else ""
    workflow = parse_owned(path, words, dict(ours.agents), most)
    return Choice(workflow, name, _usable(ours, own), clone / path, f"{said}{more}.")


def _usable(ours: Shipped, own: Mapping[str, str | ConfigError]) -> dict[str, Workflow]:
    """Ours and the clone's own by id; one of its own that is not valid takes the place of ours by nothing."""
    found = dict(ours.workflows)
    for path, words in own.items():
        found.pop(workflow_id(path), None)
        try:
            if not isinstance(words, ConfigError):
                found[workflow_id(path)] = parse_workflow(path, words, dict(ours.agents))
        except ConfigError:  # which is said where it is asked for itself
            continue
    return found


def _in_file(path: Path, ours: Shipped) -> Workflow:
    try:
        words = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"The file {path} cannot be read: {problem}.") from problem
    return parse_workflow(str(path), words, dict(ours.agents))


def _possible(name: str) -> list[str]:
    return [f"{configuration.WORKFLOWS}/{name}{suffix}" for suffix in (".yml", ".yaml")]
