"""The plan of the house, held: arrows, who may touch the world, sizes, and what no file may contain."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 60

# What a module that is called pure may import from outside: nothing here reads, writes, waits or looks at a clock.
PURE = {
    "bot.router",
    "bot.check.suite",
    "bot.github.harmless",
    "bot.publish.text",
    "bot.publish.body",
    "bot.agents.answer",
    "bot.agents.prompt",
    "bot.agents.hidden",
    "bot.agents.eye",
    "bot.agents.tag",
    "bot.invisible",
    "bot.storable",
    "bot.store.record",
    "bot.agents.words",
}
HARMLESS = {"__future__", "collections", "dataclasses", "datetime", "difflib", "html", "jinja2", "json", "re"}
HARMLESS |= {"itertools", "markdown_it", "pathlib", "pydantic", "pydantic_core", "string", "typing", "yaml"}
PURE |= {"bot.slash", "bot.mention", "bot.orders", "bot.decision", "bot.publish.review_text", "bot.publish.fix_text"}
PURE |= {"bot.publish.status_text", "bot.publish.command_text", "bot.publish.description", "bot.agents.response"}
PURE |= {"bot.git.overlap", "bot.expression", "bot.syntax", "bot.publish.graph_view", "bot.publish.graph_picture"}
PURE |= {"bot.publish.job_text", "bot.publish.step_text"}
PURE |= {f"bot.workflow.{name}" for name in ("graph", "lane", "division", "reuse")} | {"bot.operate.explain"}
PURE |= {f"bot.orchestra.{name}" for name in ("part", "claims", "shares", "again", "sides", "request", "lead", "crew")}
PURE |= {"bot.orchestra.texts", "bot.orchestra.roll"}
PURE |= {f"bot.publish.{name}" for name in ("graph_text", "parts_text", "strategy_text", "swarm_text", "team_text")}
PURE |= {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "bot/graph").rglob("[!_]*.py")}
PURE |= {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "bot/review").rglob("[!_]*.py")}
PURE |= {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "bot/policy").rglob("[!_]*.py")}
HARMLESS |= {"ast", "hashlib", "math", "slugify", "warnings"}
HARMLESS |= {"base64", "bisect", "configparser", "detect_secrets", "functools", "importlib", "pathspec", "pkgutil"}
HARMLESS |= {
    "binascii",
    "fnmatch",
    "posixpath",
    "tomllib",
    "unicodedata",
    "urllib",
}  # of detect_secrets patterns, of importlib the registry

SPAWNERS = {"bot.git.command", "bot.sandbox.process", "bot.emulator.bare"}  # the last one plays GitHub's side
SPAWNERS |= {"bot.git.worktree"}  # removes big folders with a process of their own
SPAWNERS |= {"bot.sandbox.forward", "bot.sandbox.launch", "bot.sandbox.probe"}  # scripts that run inside a sandbox
SPAWNING = {"create_subprocess_exec", "create_subprocess_shell", "Popen", "check_call", "check_output", "system"}
SPAWNING |= {"popen", "posix_spawn", "posix_spawnp", "execv", "execve", "execvp", "execvpe", "fork", "forkpty"}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("bot", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None)


def tracked() -> list[Path]:
    said = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [path for name in said.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def python() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def in_the_bot() -> Iterator[tuple[str, ast.Module]]:
    for path in python():
        if path.is_relative_to(ROOT / "bot"):
            yield module(path), ast.parse(path.read_text(encoding="utf-8"))


def importers(name: str) -> set[str]:
    return set(graph().find_modules_that_directly_import(name)) if name in graph().modules else set()


# ---- arrows ----------------------------------------------------------------------------------------------------------


def test_arrows_point_down() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_every_module_has_its_place_in_the_layers() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    placed = {name.strip(" ()") for layer in layers for name in re.split(r"[|:]", layer)}
    alone = {name for name, tree in in_the_bot() if len(tree.body) > 1 or "." not in name}
    homeless = {name for name in alone if not any(f"{name}.".startswith(f"{place}.") for place in placed)}
    assert homeless - {"bot"} == set()


def test_only_the_engine_knows_the_library_that_makes_runs_durable() -> None:
    assert importers("dbos") == {"bot.workflow.engine"}


def test_only_the_demo_and_the_command_line_set_githubs_stage() -> None:
    stage = {name for name in graph().modules if f"{name}.".startswith("bot.emulator.")}
    users = {user for name in stage for user in importers(name)} - stage
    strangers = {
        user for user in users if not f"{user}.".startswith(("bot.cli.", "bot.demo.", "bot.operate.", "bot.sample."))
    }
    assert strangers == set()


@pytest.mark.parametrize("name", sorted(PURE))
def test_a_pure_module_reaches_nothing_that_has_effects(name: str) -> None:
    seen, left, effects = set[str](), [name], set[str]()
    while left:
        here = left.pop()
        if here in seen:
            continue
        seen.add(here)
        for there in graph().find_modules_directly_imported_by(here):
            if there.partition(".")[0] == "bot":
                left.append(there)
            elif there.partition(".")[0] not in HARMLESS:
                effects.add(f"{here} imports {there}")
    assert effects == set()


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    own = {name for name in graph().modules if name.partition(".")[0] == "bot"}
    TopologicalSorter({name: graph().find_modules_directly_imported_by(name) & own for name in own}).prepare()


# ---- who touches the world -------------------------------------------------------------------------------------------


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr
                if isinstance(node.func.value, ast.Name):
                    yield f"{node.func.value.id}.{node.func.attr}"
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        name
        for name, tree in in_the_bot()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {"environ", "getenv"} & _names(node))
    }
    assert readers == {"bot.settings"}


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}


def test_processes_are_started_in_few_places_and_never_through_a_shell_string() -> None:
    found = {name: {*calls(tree)} for name, tree in in_the_bot()}
    starters = {name for name, called in found.items() if called & (SPAWNING | {"subprocess.run", "subprocess.call"})}
    assert starters <= SPAWNERS
    assert not [name for name, called in found.items() if called & {"create_subprocess_shell", "os.system", "os.popen"}]
    shells = {
        name
        for name, tree in in_the_bot()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "shell"
    }
    assert shells == set()


def test_only_one_module_starts_git() -> None:
    """The emulator's own is GitHub's git, not the bot's."""
    own = [(name, tree) for name, tree in in_the_bot() if not name.startswith("bot.emulator.")]
    assert {name for name, tree in own for argv in argvs(tree) if _says_git(argv)} == {"bot.git.command"}


def argvs(tree: ast.AST) -> Iterator[list[ast.expr]]:
    """What may be a command line: every list and tuple, and the arguments of what starts processes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            yield node.elts
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SPAWNING:
            yield node.args


def _says_git(argv: list[ast.expr]) -> bool:
    first = argv[0] if argv else None
    return isinstance(first, ast.Constant) and str(first.value).rpartition("/")[2] == "git"


# ---- sizes and words -------------------------------------------------------------------------------------------------


def test_modules_stay_small() -> None:
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in python()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_functions_stay_small() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    }
    assert long == set()


def test_every_module_says_what_it_owns() -> None:
    silent = [module(path) for path in python() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_no_module_has_a_name_that_means_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
    assert [module(path) for path in python() if path.stem in empty] == []


REGISTRIES = ("pypi", "pythonhosted", "npmjs", "yarnpkg", "rubygems", "crates\\.io", "proxy\\.golang", "jsr\\.io")
REGISTRY = re.compile(
    rf"\b(?:[a-z0-9-]+\.)*(?:{'|'.join(REGISTRIES)})(?:\.(?:org|com|io))?[/:]|--(?:extra-)?index-url[= ]\S*:"
)
MACHINE = re.compile(r"(?<![\w.$})\]*-])/(?:root|home|Users|work|workspace|mnt)/[A-Za-z0-9_.-]+")


@pytest.mark.parametrize("pattern", [REGISTRY, MACHINE], ids=["address of a package registry", "path of a machine"])
def test_no_file_has_a(pattern: re.Pattern[str]) -> None:
    found: list[str] = []
    for path in tracked():
        text = path.read_bytes()
        if b"\0" in text or path == Path(__file__):
            continue
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in pattern.finditer(text.decode("utf-8", "replace"))]
    assert found == []


def test_the_patterns_above_find_what_they_look_for() -> None:
    assert REGISTRY.search("https://" + "files.pythonhosted" + ".org/packages/x.whl")
    assert REGISTRY.search("https://registry." + "npmjs" + ".org/x")
    assert MACHINE.search("see /" + "home/somebody/x")
    assert not MACHINE.search("https://github.com/octocat/" + "work/x")
