"""What the workflow files of repositories say, each read once: in a thread, beside everything else, one at a time."""

import asyncio
from collections import OrderedDict
from hashlib import sha256

import structlog

from bot.agents.spec import AgentSpec
from bot.errors import ConfigError
from bot.workflow.bounds import Bounds, parse_owned
from bot.workflow.spec import Workflow

log = structlog.get_logger(__name__)
FILES, LETTERS = 500, 1_000_000  # files that are remembered, and their characters in all


class Parsed:
    """The files that were asked for last. All of them are checked against these agents and held to these limits."""

    def __init__(self, agents: dict[str, AgentSpec], most: Bounds) -> None:
        self._agents, self._most = agents, most
        self._turn, self._size = asyncio.Lock(), 0
        self._kept: OrderedDict[bytes, tuple[int, Workflow | ConfigError]] = OrderedDict()

    async def of(self, path: str, text: str) -> Workflow | ConfigError:
        """The workflow of a file, or what is wrong with it."""
        digest = sha256(f"{path}\0{text}".encode(errors="surrogatepass")).digest()
        if digest not in self._kept:
            async with self._turn:
                if digest not in self._kept:
                    self._keep(digest, len(text), await asyncio.to_thread(self._parse, path, text))
        self._kept.move_to_end(digest)
        return self._kept[digest][1]

    def _parse(self, path: str, text: str) -> Workflow | ConfigError:
        try:
            return parse_owned(path, text, self._agents, self._most)
        except ConfigError as error:
            log.info("repository file is not valid", problem=str(error))
            return error.with_traceback(None)

    def _keep(self, digest: bytes, size: int, found: Workflow | ConfigError) -> None:
        self._kept[digest] = size, found
        self._size += size
        while len(self._kept) > FILES or (self._size > LETTERS and len(self._kept) > 1):
            _, (gone, _) = self._kept.popitem(last=False)
            self._size -= gone
