"""A Python environment that belongs to one place alone: what is installed there changes nothing of the bot's."""

import importlib.util
import site
import sys
import sysconfig
from pathlib import Path

# `sh` reads the second line as a command, Python as a text: so the interpreter's path may be long and hold spaces.
_SCRIPT = """#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys
from {module} import {main}
sys.exit({main}())
"""
_SCRIPTS = {"pip": ("pip._internal.cli.main", "main"), "pytest": ("pytest", "main")}


def make(folder: Path) -> Path:
    """Make the environment in `folder`, which is not there yet; its folder of programs.

    It runs on the bot's interpreter and sees the bot's packages behind its own, so that tests run where nothing is
    installed. A few small files: `python -m venv` does the same in a hundred times the time.
    """
    interpreter = Path(getattr(sys, "_base_executable", sys.executable))
    paths = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    programs, packages = Path(paths["scripts"]), Path(paths["purelib"])
    programs.mkdir(parents=True)
    packages.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = {interpreter.parent}\ninclude-system-site-packages = false\nversion = {sys.version.split()[0]}\n"
    )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in ("python", "python3", f"python{version}"):
        (programs / name).symlink_to(interpreter)
    for name in ("pip", "pip3", f"pip{version}", "pytest", "py.test"):
        _write_script(programs / name, *_SCRIPTS["pip" if name.startswith("pip") else "pytest"])
    (packages / "bot.pth").write_text("".join(f"{path}\n" for path in _packages_of_the_bot()))
    return programs


def _packages_of_the_bot() -> list[str]:
    """Where the bot's packages are, and pip where it is not among them."""
    found = site.getsitepackages()
    if importlib.util.find_spec("pip") is None and (bundled := importlib.util.find_spec("ensurepip")) is not None:
        found += [str(wheel) for wheel in Path(bundled.origin or "").parent.glob("_bundled/pip-*.whl")]
    return found


def _write_script(path: Path, module: str, main: str) -> None:
    path.write_text(_SCRIPT.format(python=path.with_name("python"), module=module, main=main))
    path.chmod(0o755)
