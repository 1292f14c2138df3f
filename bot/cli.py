"""The command line `tutti`: arguments in, words and an exit code out; what it does is in bot/operate and bot/demo."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot import __version__
from bot.errors import ConfigError, State, TryAgain, UserError
from bot.settings import Settings, read

T = TypeVar("T")
app = typer.Typer(
    help="A self-hosted GitHub App: agents implement issues, the repository's tests judge, a pull request opens.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
seen = typer.Typer(
    help="Runs of this installation: a list, one of them, one as it happens.\n\nExample: tutti runs list",
    no_args_is_help=True,
)
app.add_typer(seen, name="runs")
out, err = Console(), Console(stderr=True)


def _settings() -> Settings:
    try:
        return read()
    except (ValueError, OSError) as wrong:
        raise UserError(f"A setting cannot be read: {wrong}") from wrong


def _do(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; what a user can mend is one sentence and exit code 1."""
    try:
        return asyncio.run(work)
    except (UserError, ConfigError, TryAgain) as problem:
        err.print(escape(str(problem)), style="red")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Settings come from the environment: docs/install.md names them all."""
    from bot.operate.log import configure_logging

    configure_logging(logging.ERROR)  # what a command prints is its own; `serve` and `worker` say more


@app.command()
def serve() -> None:
    """Serve webhooks and execute runs.

    Example: TUTTI_APP_ID=1 TUTTI_PRIVATE_KEY_FILE=key.pem tutti serve
    """
    from bot.operate import serve as serving
    from bot.operate.log import configure_logging

    configure_logging()
    _do(_with_settings(serving.serve))


@app.command()
def worker() -> None:
    """Execute runs beside other processes on one PostgreSQL.

    Example: TUTTI_DATABASE_URL=postgresql://... tutti worker
    """
    from bot.operate import serve as serving
    from bot.operate.log import configure_logging

    configure_logging()
    _do(_with_settings(serving.work))


async def _with_settings(work: Any, *args: Any, **named: Any) -> Any:
    from bot.operate.log import keep_out

    settings = _settings()
    keep_out(settings.secrets)
    return await work(settings, *args, **named)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option(help="Leave GitHub's emulator and the bot up afterwards.")] = False,
    real: Annotated[bool, typer.Option(help="Let the real model do the work, paid with ANTHROPIC_API_KEY.")] = False,
    usd: Annotated[float, typer.Option(help="With --real: what it may cost at most, in US dollars.")] = 1.0,
) -> None:
    """Watch an issue become a pull request, on this machine alone.

    Example: tutti demo --keep
    """
    from bot import demo as demonstration

    _do(demonstration.play(Console(), keep=keep, real=real, usd=usd))


@app.command()
def run(
    workflow: Annotated[str, typer.Argument(help="A workflow's name, ours or the clone's own, or its file.")],
    repo: Annotated[Path, typer.Option(help="The top folder of a git clone.")],
    title: Annotated[str, typer.Option(help="What is wanted, in one line; a file's name says it otherwise.")] = "",
    body: Annotated[str, typer.Option(help="More about it; `-` reads it from standard input.")] = "",
    number: Annotated[int, typer.Option(help="The issue's number, for the branch's name.")] = 0,
    backend: Annotated[str | None, typer.Option(help="Another backend than the agent's own.")] = None,
    script: Annotated[Path | None, typer.Option(help="What `--backend rehearsal` plays.")] = None,
    unsandboxed: Annotated[
        bool, typer.Option("--unsandboxed", help="Run agent and tests as you where this machine has no sandbox.")
    ] = False,
) -> None:
    """Run a workflow on a local clone: the result is a branch.

    Example: tutti run auto-implement --repo . --title "..."
    """
    from bot.operate import local
    from bot.operate.clone import Wish

    words = sys.stdin.read() if body == "-" else body
    wish = Wish(title, words, number, backend, unsandboxed, script)
    result = _do(_with_settings(local.show, out, workflow, repo.resolve(), wish))
    raise typer.Exit(code_of(result.state))


def code_of(state: State) -> int:
    """The exit code of a command that has shown a run to its end; whoever sits there cancels by Ctrl-C."""
    return {"done": 0, "cancelled": 130}.get(state, 1)


@app.command()
def sample(
    name: Annotated[str | None, typer.Argument(help="Which; without it they are listed.")] = None,
    path: Annotated[Path | None, typer.Argument(help="The folder to make it in: a new or an empty one.")] = None,
) -> None:
    """Make a small repository to try workflows on.

    Example: tutti sample shop /tmp/shop
    """
    from bot.operate import sample_repository

    if name is None:
        out.print(sample_repository.table())
    else:
        out.print(escape(_do(sample_repository.make(name, path))), soft_wrap=True)


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to check; none: those of this repository.")] = None,
) -> None:
    """Validate workflows, agents and configuration; of workflows that are named, say what they do.

    Example: tutti check .github/tutti/workflows/tidy.yml
    """
    from bot.operate import check as checking

    paths = files or checking.files_in(Path.cwd())
    problems = checking.check(paths)
    for problem in problems:
        err.print(escape(str(problem)), style="red", soft_wrap=True)
    if not problems:
        out.print(", ".join(str(path) for path in paths) + ": valid" if paths else "There is nothing to check here.")
        for path, lines in checking.explanations(files or []):
            out.print(escape("\n".join([f"\n{path}", *(f"  {line}" for line in lines)])), soft_wrap=True)
    raise typer.Exit(1 if problems else 0)


@app.command()
def schema(
    kind: Annotated[str, typer.Argument(help="configuration, workflow or agent.")] = "configuration",
) -> None:
    """Print the JSON Schema of a kind of file, for editors.

    Example: tutti schema workflow
    """
    _do(_print_schema(kind))


async def _print_schema(kind: str) -> None:
    from bot.operate import schema as schemas

    sys.stdout.write(schemas.schema(kind))


@app.command()
def replay(guid: Annotated[str, typer.Argument(help="The X-GitHub-Delivery of a stored delivery.")]) -> None:
    """Handle a stored delivery again.

    Example: tutti replay 72d3162e-cc78-11e3-81ab-4c9367dc0958
    """
    from bot.operate import upkeep

    out.print(escape(_do(_with_settings(upkeep.replay, guid))), soft_wrap=True)


@app.command()
def worktrees(
    prune: Annotated[bool, typer.Option("--prune", help="Destroy those of runs that are over.")] = False,
) -> None:
    """The health of every worktree.

    Example: tutti worktrees --prune
    """
    from bot.operate import upkeep

    if prune:
        gone = _do(_with_settings(upkeep.prune))
        out.print(f"{len(gone)} worktrees pruned" + (f": {', '.join(gone)}" if gone else "."))
    out.print(upkeep.table(_do(_with_settings(upkeep.worktrees))))


@app.command()
def patch(run_id: Annotated[str, typer.Argument(help="The id of the run, from its status comment.")]) -> None:
    """Print the work of a run that could not be pushed.

    Example: tutti patch RUN_ID | git apply
    """
    from bot.operate import upkeep

    sys.stdout.buffer.write(_do(_with_settings(upkeep.patch, run_id)))


@seen.command("list")
def runs_list(
    repo: Annotated[str | None, typer.Option(help="Only those of this repository, as owner/name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The newest runs.

    Example: tutti runs list --repo acme/shop
    """
    from bot.operate import runs

    found = _do(_with_settings(runs.newest, repo, limit))
    if as_json:
        sys.stdout.write(f"{runs.as_json(found)}\n")
    else:
        out.print(runs.table(found) if found else "No runs yet.")


@seen.command("show")
def runs_show(
    run_id: Annotated[str, typer.Argument(help="The id of a run, or how it begins.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """One run: its jobs, how each stands and why.

    Example: tutti runs show 1f6e0b52 --json
    """
    from bot.operate import runs

    found = _do(_with_settings(runs.one, run_id))
    if as_json:
        sys.stdout.write(f"{runs.as_json(found)}\n")
    else:
        out.print(runs.whole(found))


@seen.command("watch")
def runs_watch(run_id: Annotated[str, typer.Argument(help="The id of a run, or how it begins.")]) -> None:
    """A run as it happens, until it has ended; exit code 0 where it is done.

    Example: tutti runs watch 1f6e0b52
    """
    from bot.operate import runs

    ended = _do(_with_settings(runs.watch, out, run_id))
    raise typer.Exit(0 if ended.state == "done" else 1)


@app.command()
def doctor() -> None:
    """Look at everything the bot needs; exit code 1 when something is red.

    Example: tutti doctor
    """
    from bot.operate import doctor as examination

    found = _do(_with_settings(examination.examine))
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in found:
        table.add_row(f"[{finding.colour}]{finding.colour}[/]", finding.name, escape(finding.words))
    out.print(table)
    raise typer.Exit(1 if any(finding.colour == "red" for finding in found) else 0)


def main() -> None:
    """The entry point `tutti`. Whatever it does, what it starts shall not read its secrets from its memory."""
    from bot.sandbox import process

    process.hide()
    app()
