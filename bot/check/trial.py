"""Running a repository's commands in a worktree: its set-up, then its tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox import process
from bot.sandbox.jail import Door, Jail

OUTPUT_LIMIT = 20_000


@dataclass(frozen=True)
class Verdict:
    """What the tests said. `passed` None: not run to their end. `broke`: the set-up command that failed.

    `not_there`: the test command that no shell could start, with the exit `code` that says so. `limit`: the sentence
    of the limit that ended them. `red`: the one of several command lines that failed.
    """

    command: str
    passed: bool | None
    seconds: float = 0.0
    output: str = ""
    broke: str = ""
    out_of_time: bool = False
    not_there: str = ""
    code: int = 0
    limit: str = ""
    red: str = ""

    @property
    def about(self) -> str:
        """The command line that `passed` is about: all of them, or the one that failed."""
        return self.red or self.command


@dataclass(frozen=True)
class Ran:
    """What command lines did: their seconds, the end of their output, which one `failed` and with which exit code."""

    seconds: float = 0.0
    output: str = ""
    failed: str = ""
    code: int = 0


async def run(
    commands: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    jail: Jail,
    doors: Sequence[Door] = (),
    run_id: str,
    heard: Callable[[], None],
) -> Ran:
    """Run command lines in a jail until one fails; `heard` is called whenever they print something.

    Raises LimitExceeded where they use too much.
    """
    seconds, output = 0.0, ""
    for command in commands:
        done = await process.run(
            ["/bin/sh", "-c", command],
            cwd=cwd,
            env=dict(environment),
            run_id=run_id,
            heard=heard,
            jail=jail,
            doors=doors,
        )
        seconds += done.seconds
        output = (output + done.output_tail)[-OUTPUT_LIMIT:]
        if done.code != 0:
            return Ran(seconds, output, command, done.code)
    return Ran(seconds, output)
