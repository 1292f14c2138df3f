"""What tools leave behind in a worktree and nobody means to publish."""

import re
from collections.abc import Callable

# Names that mean nothing else, whatever the language.
_FOLDERS = re.compile(
    r"__pycache__|\.(pytest|mypy|ruff|import_linter|parcel)[-_]cache|\.(hypothesis|tox|nox|eggs|venv|ipynb_checkpoints)"
    r"|\.(nyc_output|turbo|next|nuxt|svelte-kit|npm|pnpm-store|gradle|terraform|cache|bundle|stack-work|dart_tool)"
    r"|node_modules|bower_components|htmlcov|DerivedData|.+\.(egg|dist)-info"
)
_FILES = re.compile(
    r".*\.(pyc|pyo|pyd|o|obj|class|swp|tsbuildinfo|gcda|gcno)|\.coverage(\..+)?|coverage\.xml|lcov\.info|\.DS_Store"
    r"|Thumbs\.db|npm-debug\.log.*|yarn-error\.log|\.eslintcache|hs_err_pid\d+\.log|nohup\.out|core\.\d+"
)
# Words that may as well be a folder of sources: output only beside the file that says which tool writes there.
_PYTHON = ("pyproject.toml", "setup.py", "setup.cfg")
_OUTPUT = {
    "build": (*_PYTHON, "CMakeLists.txt", "meson.build", "build.gradle", "build.gradle.kts", "package.json"),
    "dist": (*_PYTHON, "package.json"),
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    "coverage": ("package.json", "Gemfile"),
    "bin": ("*.csproj",),
    "obj": ("*.csproj",),
    "vendor": ("Gemfile",),
    "_build": ("mix.exs", "dune-project"),
    "deps": ("mix.exs",),
}
# A folder that holds one of these says itself that it can be made again.
MARKS = ("CACHEDIR.TAG", "pyvenv.cfg")


def leftovers(paths: list[str], tracked: set[str], exists: Callable[[str], bool]) -> dict[str, str]:
    """Which of the new `paths` are leftovers, each with the outermost folder (ending in a slash) or file it is part of.

    `tracked` holds every folder (no slash at the end) in which the repository itself keeps files: those are never
    leftovers. `exists` answers whether a path is in the worktree; a `*` in its last part stands for any letters.
    """
    known: dict[str, str] = {"": ""}

    def folder(path: str) -> str:
        unknown = []
        while path not in known:
            unknown.append(path)
            path = path.rpartition("/")[0]
        for path in reversed(unknown):
            parent, _, name = path.rpartition("/")
            output = not known[parent] and path not in tracked and _is_output(parent, name, exists)
            known[path] = known[parent] or (f"{path}/" if output else "")
        return known[path]

    found = {}
    for path in paths:
        parent, _, name = path.rpartition("/")
        if part := folder(parent) or (path if _FILES.fullmatch(name) else ""):
            found[path] = part
    return found


def _is_output(parent: str, name: str, exists: Callable[[str], bool]) -> bool:
    beside = f"{parent}/" if parent else ""
    return (
        bool(_FOLDERS.fullmatch(name))
        or any(exists(f"{beside}{name}/{mark}") for mark in MARKS)
        or any(exists(f"{beside}{sign}") for sign in _OUTPUT.get(name, ()))
    )
