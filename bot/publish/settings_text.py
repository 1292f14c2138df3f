"""Every sentence about what a repository's settings do to its runs. Pure."""

from collections.abc import Collection

from bot.github.harmless import code


def lint_red(command: str, tries: int) -> str:
    return f"Failed: {code(command)} still fails after {tries} {'tries' if tries != 1 else 'try'}."


def lint_not_runnable(command: str, status: int) -> str:
    return f"Failed: the lint command {code(command)} cannot be run here (exit {status})."


def no_backend(name: str, known: Collection[str]) -> str:
    """For a name that was right when the file was read, and is not any more."""
    return f"There is no backend {code(name)} here any more; known are {', '.join(map(code, sorted(known)))}."
