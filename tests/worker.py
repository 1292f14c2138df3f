"""A worker process for the engine's tests, told what to do on stdin and telling what it does on stdout.

    python -m tests.worker DATABASE_URL DATA_DIR go|hang

Its runs have the steps one, two and three; with `hang` the second one never ends.
"""

import asyncio
import sys
from pathlib import Path

from bot.workflow import slot as slots
from bot.workflow.engine import Engine, Json, Step


def tell(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


async def obey(url: str, data_dir: Path, hang: bool) -> None:
    async def body(run_id: str, step: Step) -> None:
        async def effect(key: str) -> Json:
            tell(f"{run_id} {key}")
            if hang and key == "two":
                await asyncio.Event().wait()
            return key

        for key in ("one", "two", "three"):
            await step(key, lambda key=key: effect(key))  # type: ignore[misc]

    slot = await slots.take(url, data_dir)
    engine = Engine(url, body, slot=slot.name, data_dir=data_dir)
    tell(slot.name)
    await engine.launch()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode().split():
        if line[0] == "start":
            await engine.start(line[1])
        elif line[0] == "adopt":
            tell("adopted " + ",".join(await engine.adopt_dead(slot)))
        elif line[0] == "settle":
            await engine.idle()
            tell(f"settled {len(await engine.unfinished())}")
    await engine.close(grace=0)
    await slot.release()


if __name__ == "__main__":
    asyncio.run(obey(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "hang"))
