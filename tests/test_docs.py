"""What README and docs promise, compared with the code: commands, settings, keys, figures, states, rights, links."""

import ast
import re
import types
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from slugify import slugify
from typer.main import get_command

from bot.agents.spec import PROMPT_NAMES, REVIEW_NAMES, AgentSpec, parse_agent
from bot.app import backends
from bot.cli import app
from bot.errors import State
from bot.github.harmless import code
from bot.publish import command_text
from bot.review.rules import ReviewRules
from bot.web.health import FIGURES
from bot.workflow import commander, job, known
from bot.workflow.command import rows
from bot.workflow.configuration import Configuration
from bot.workflow.known import Known
from bot.workflow.library import shipped
from bot.workflow.spec import Workflow, parse_workflow
from tests.pages import PAGES, ROOT, bare, read, section, table

STABLE_RIGHTS = {
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
    "statuses": "write",
    "metadata": "read",
}
NOT_USED_YET = {"statuses"}


# ---- commands --------------------------------------------------------------------------------------------------------


def commands() -> dict[str, set[str]]:
    """Every command of `tutti` with its options; one of a group by both its words."""
    return {
        name: {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        for name, command in _named(get_command(app), "")
    }


def _named(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        yield from _named(command, f"{name} ") if hasattr(command, "commands") else [(f"{before}{name}", command)]


def command_in(words: Sequence[str], known: Container[str]) -> str:
    """The command that a line gives: its first word, or its first two."""
    return " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]


def shown(page: str) -> Iterator[str]:
    """Every command line that a page shows, in a code block or between backticks."""
    for block in re.findall(r"^```(?:sh|console)?\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        yield from (line.split(" #")[0].strip() for line in block.replace("\\\n", " ").splitlines() if line.strip())
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page)


def told(program: str) -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for line in shown(page.read_text(encoding="utf-8")):
            if match := re.search(rf"(?:^|/bin/|as-tutti ){program} ([^|\"]+)", line):
                yield page.name, match[1].split()


def test_every_tutti_command_line_in_the_docs_can_be_given() -> None:
    known, wrong = commands(), []
    for page, words in told("tutti"):
        name = command_in(words, known)
        if name == "--version":
            continue
        options = {word for word in words if word.startswith("--")}
        is_group = len(words) == 1 and any(one.startswith(f"{name} ") for one in known)
        if not is_group and (name not in known or not options <= known[name]):
            wrong.append(f"{page}: tutti {' '.join(words)}")
    assert wrong == []


def test_every_tutti_command_and_option_is_documented() -> None:
    page = section(read("docs/operate.md"), "The command line")
    known = commands()
    rows = {command_in(bare(row[0]).split()[1:], known): " ".join(row) for row in table(page, "command")}
    assert set(rows) == set(known)
    for name, options in known.items():
        named = set(re.findall(r"--[a-z]+", rows[name]))
        assert options - {"--help", f"--no-{name}"} - {o for o in options if o.startswith("--no-")} == named, name


def test_every_command_shows_an_example() -> None:
    assert [name for name, command in _named(get_command(app), "") if "Example: " not in (command.help or "")] == []


def test_every_make_target_in_the_docs_exists_and_every_one_is_documented() -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", read("Makefile"), re.MULTILINE))
    assert {words[0] for _, words in told("make")} <= targets
    assert {bare(row[0]).split()[1] for row in table(read("CONTRIBUTING.md"), "command")} == targets


# ---- the language ----------------------------------------------------------------------------------------------------


ONCE: frozenset[type[BaseModel]] = frozenset({job.Job, job.Team, job.Tests})


def keys(
    model: type[BaseModel], before: str = "", told: set[type[BaseModel]] | None = None
) -> Iterator[tuple[str, FieldInfo]]:
    """Every key of a file as a path, `jobs.<name>.agent`; the rules of reviews have a table of their own.

    What stands at several places of a workflow is told of once.
    """
    told = set() if told is None else told
    for name, field in model.model_fields.items():
        path = f"{before}{field.alias or name}"
        if path == "review":
            yield from [(path, field)] if field.default is None else []
            continue
        inner, repeated = _model_in(field.annotation)
        if inner is None or inner in told:
            yield path, field
        else:
            told |= {inner} & ONCE
            yield from keys(inner, f"{path}.<name>." if repeated else f"{path}.", told)


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that a value of this type is, and whether it is one of many by name."""
    if get_origin(annotation) is Annotated:
        return _model_in(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for part in get_args(annotation) if (found := _model_in(part))[0]), (None, False))
    if get_origin(annotation) is tuple and len(get_args(annotation)) == 2:  # a list of them
        return _model_in(get_args(annotation)[0])
    if get_origin(annotation) is dict:
        return _model_in(get_args(annotation)[1])[0], True
    return (annotation, False) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else (None, False)


def worded(field: FieldInfo) -> str:
    """A default as the tables word it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value in (None, (), "", {}) or isinstance(value, BaseModel):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float | int) else str(value)


@pytest.mark.parametrize(
    ("heading", "model", "elsewhere"),
    [
        ("Workflow", Workflow, frozenset()),
        ("Agent", AgentSpec, frozenset({"prompt"})),
        ("Repository configuration", Configuration, frozenset()),
        ("Rules of reviews", ReviewRules, frozenset()),
    ],
)
def test_every_key_is_documented_with_its_default_and_none_else(
    heading: str, model: type[BaseModel], elsewhere: frozenset[str]
) -> None:
    rows = table(section(read("docs/workflows.md"), heading), "key")
    known = {path: worded(field) for path, field in keys(model) if path not in elsewhere}
    assert {bare(path): bare(default) for path, _, default in rows} == known


def test_the_examples_of_the_language_are_valid() -> None:
    page = read("docs/workflows.md")
    agent = parse_agent("developer.md", read("workflows/agents/developer.md"))
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    workflow, repository = blocks
    assert parse_workflow("x.yml", workflow, {"developer": agent}).trigger_labels == ("auto-implement",)
    here = Known(tuple(backends()), tuple(shipped().agents), shipped().workflows)
    assert known.parse(repository, here).setup == ("pip install -e .",)


def test_every_name_of_prompts_and_every_backend_is_documented() -> None:
    agent = section(read("docs/workflows.md"), "Agent")
    assert {bare(row[0]) for row in table(agent, "name")} == {*PROMPT_NAMES, *REVIEW_NAMES}
    found = {bare(row[0]) for row in table(section(agent, "Backends"), "name")}
    assert found == set(backends())


# ---- figures, states, rights -----------------------------------------------------------------------------------------


def test_every_figure_is_documented_and_none_else() -> None:
    rows = table(read("docs/operate.md"), "metric")
    said = [(bare(name), kind, bare(label), meaning) for name, kind, label, meaning in rows]
    assert said == [(figure.name, figure.kind, figure.label, figure.meaning) for figure in FIGURES]


def test_every_command_is_documented_as_help_lists_it_and_none_else() -> None:
    shown = {"issues": "issues", "pull_request": "pull requests", "issues pull_request": "both"}
    known = [
        [code(row.usage), row.summary, shown[" ".join(sorted(row.places))], command_text.who(row)]
        for row in rows(commander.commands(), shipped().workflows)
    ]
    assert table(read("docs/use.md"), "command") == known


def test_every_state_word_is_documented_and_none_else() -> None:
    assert [row[0] for row in table(read("docs/use.md"), "state")] == list(get_args(State))


def asked_of_github() -> dict[str, str]:
    """The greatest right that the code asks for under each name: every mapping of rights that it spells out."""
    found: dict[str, str] = {}
    for path in (ROOT / "bot").rglob("*.py"):
        if "emulator" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict) and node.keys and all(map(_is_right, node.keys, node.values)):
                for name, right in ast.literal_eval(node).items():
                    found[name] = max(right, found.get(name, ""))
    return found


def _is_right(key: ast.expr | None, value: ast.expr) -> bool:
    said = (key, value)
    if not all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in said):
        return False
    return isinstance(value, ast.Constant) and value.value in ("read", "write")


def test_the_app_asks_for_the_rights_that_the_code_uses() -> None:
    manifest = yaml.safe_load(read("app.yml"))
    assert manifest["default_permissions"] == STABLE_RIGHTS
    comments = " ".join(line for line in read("app.yml").splitlines() if line.startswith("#"))
    assert set(re.findall(r"`(\w+)`", comments)) == NOT_USED_YET, "the file says what is asked for in advance"
    assert asked_of_github() == {name: right for name, right in STABLE_RIGHTS.items() if name not in NOT_USED_YET}


def test_the_app_listens_to_the_events_that_the_router_answers() -> None:
    """`installation` and `installation_repositories` come to every App, unasked."""
    tree = ast.parse(read("bot/router.py"))
    cases = {
        node.cls.id for node in ast.walk(tree) if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    }
    kinds: dict[str, set[str]] = {
        "IssueEvent": {"issues"},
        "PullEvent": {"pull_request"},
        "CommentEvent": {"issue_comment", "pull_request_review", "pull_request_review_comment"},
        "ThreadEvent": {"pull_request_review_thread"},
        "CheckEvent": {"check_run"},
        "PushEvent": {"push"},
        "InstallationEvent": set(),
    }
    manifest = yaml.safe_load(read("app.yml"))
    assert set[str]().union(*(kinds[case] for case in cases)) == set(manifest["default_events"])


def test_the_address_that_fills_in_githubs_form_says_what_the_manifest_says() -> None:
    address = next(
        line for line in read("docs/install.md").splitlines() if line.startswith("https://github.com/settings")
    )
    said = parse_qsl(urlsplit(address).query)
    manifest = yaml.safe_load(read("app.yml"))
    assert sorted(value for name, value in said if name == "events[]") == sorted(manifest["default_events"])
    rest = {name: value for name, value in said if name != "events[]"}
    assert rest == manifest["default_permissions"] | {
        "name": manifest["name"],
        "url": manifest["url"],
        "public": str(manifest["public"]).lower(),
        "webhook_active": "true",
        "webhook_url": manifest["hook_attributes"]["url"],
    }


# ---- pages and places ------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    return {slugify(head) for head in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if urlsplit(link).scheme:
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(link)
    assert lost == []


def test_files_that_pages_name_exist() -> None:
    named = {
        (page.name, path)
        for page in PAGES
        for path in re.findall(
            r"[`\" ]((?:bot|tests|docs|scripts|\.ci|workflows)/[\w./-]*\w)[`\" ]", page.read_text(encoding="utf-8")
        )
    }
    assert len(named) > 5
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} == set()


def test_every_page_is_linked_from_the_readme() -> None:
    pages = [page.name for page in PAGES if page.parent.name == "docs"]
    assert [name for name in pages if f"docs/{name}" not in read("README.md")] == []


def test_every_file_that_the_architecture_names_exists() -> None:
    page = read("docs/architecture.md")
    rooms = re.search(r"^```\n(.*?)^```", section(page, "Rooms"), re.MULTILINE | re.DOTALL)
    assert rooms
    for line in rooms[1].splitlines():
        places = re.split(r"  +", line, maxsplit=1)[0].split(", ")
        folder = Path(places[0]).parent if not places[0].endswith("/") else Path()
        for place in places:
            path = ROOT / (place if place.startswith(("bot", "workflows")) else folder / place)
            assert path.is_dir() or path.with_suffix(".py").is_file(), place
    rooms_there = {path.name.removesuffix(".py") for path in (ROOT / "bot").iterdir()} - {"__init__", "__pycache__"}
    assert {room for room in rooms_there if not re.search(rf"\b{room}\b", rooms[1])} == set()
