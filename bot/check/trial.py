"""Running a repository's commands in a worktree: its set-up, then its tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox import process

OUTPUT_LIMIT = 20_000


@dataclass(frozen=True)
class Verdict:
    """What the tests said. `passed` None: not run to their end. `broke`: the set-up command that failed."""

    command: str
    passed: bool | None
    seconds: float = 0.0
    output: str = ""
    broke: str = ""
    out_of_time: bool = False


async def run(
    commands: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    run_id: str,
    heard: Callable[[], None],
) -> tuple[bool, float, str, str]:
    """Run command lines until one fails: whether all passed, their seconds, the output's end, which failed."""
    seconds, output = 0.0, ""
    for command in commands:
        done = await process.run(
            ["/bin/sh", "-c", command],
            cwd=cwd,
            env=dict(environment),
            run_id=run_id,
            on_line=lambda _line: heard(),
        )
        seconds += done.seconds
        output = (output + done.output_tail)[-OUTPUT_LIMIT:]
        if done.code != 0:
            return False, seconds, output, command
    return True, seconds, output, ""
