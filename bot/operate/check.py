"""Checking files before they are used: workflows, agents and a repository's configuration."""

from collections.abc import Sequence
from pathlib import Path

from bot.agents.spec import AgentSpec, parse_agent
from bot.app import backends
from bot.document import load
from bot.errors import ConfigError
from bot.operate import script
from bot.operate.explain import explained
from bot.workflow import configuration, known, reuse
from bot.workflow.known import Known
from bot.workflow.library import SHIPPED, shipped
from bot.workflow.spec import Workflow, parse_workflow, workflow_id


def files_in(folder: Path) -> list[Path]:
    """What Tutti would read of the repository at `folder`; in its own checkout the files it ships, too."""
    found = [folder / configuration.PATH] if (folder / configuration.PATH).is_file() else []
    found += sorted((folder / configuration.WORKFLOWS).glob("*.y*ml"))
    if (folder / "workflows").resolve() == SHIPPED:
        found += [*sorted(SHIPPED.glob("*.yml")), *sorted((SHIPPED / "agents").rglob("*.md"))]
    return found


def check(paths: Sequence[Path]) -> list[ConfigError]:
    """What is wrong with these files, the first mistake of each; what an operator allows is not known here."""
    agents = dict(shipped().agents)
    problems: list[ConfigError] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
            if path.name == "tutti.yml" and path.parent.name == ".github":
                known.parse(text, _known(path.parent), str(path))
            elif path.name.endswith(script.SUFFIX):
                script.parse(path)
            elif path.suffix == ".md":
                parse_agent(str(path), text)
            else:
                _reusing(path, text, parse_workflow(str(path), text, agents))
        except ConfigError as problem:
            problems.append(problem)
        except (OSError, UnicodeDecodeError) as problem:
            problems.append(ConfigError(str(path), 1, f"cannot be read: {problem}"))
    return problems


def explanations(paths: Sequence[Path]) -> list[tuple[Path, list[str]]]:
    """What each of these files does that is a workflow and valid, in lines."""
    agents = dict(shipped().agents)
    readers = {name for name, spec in agents.items() if spec.reads}
    files = [path for path in paths if path.suffix in (".yml", ".yaml") and not path.name.endswith(script.SUFFIX)]
    flows = [(path, _workflow(path, agents)) for path in files]
    return [(path, explained(flow, readers)) for path, flow in flows if flow is not None]


def _reusing(path: Path, text: str, workflow: Workflow) -> None:
    """Raises ConfigError where it uses workflows in a way that cannot be: those beside it, and ours."""
    if wrong := reuse.problem(workflow, _beside(path)):
        raise load(str(path), text).error(*wrong)


def usable(path: Path) -> dict[str, Workflow]:
    """The workflows that the one in the file `path` may use, by id: those beside it, and ours."""
    return {name: one for name, one in _beside(path).items() if one is not None}


def _beside(path: Path) -> dict[str, Workflow | None]:
    """The same, with None for those that have a mistake: no other stands in for one of them."""
    ours = shipped()
    files = [one for one in sorted(path.parent.glob("*.y*ml")) if not one.name.endswith(script.SUFFIX)]
    return {**ours.workflows, **{workflow_id(str(one)): _workflow(one, dict(ours.agents)) for one in files}}


def _known(folder: Path) -> Known:
    """What a configuration in this folder `.github` may name: what is shipped, and the workflows beside it."""
    ours = shipped()
    own = sorted((folder / Path(configuration.WORKFLOWS).relative_to(".github")).glob("*.y*ml"))
    workflows = {**ours.workflows, **{workflow_id(str(path)): _workflow(path, dict(ours.agents)) for path in own}}
    return Known(tuple(backends()), tuple(ours.agents), workflows)


def _workflow(path: Path, agents: dict[str, AgentSpec]) -> Workflow | None:
    """None for one that is wrong, which is said where it is checked itself."""
    try:
        return parse_workflow(str(path), path.read_text(encoding="utf-8"), agents)
    except (ConfigError, OSError, UnicodeDecodeError):
        return None
