"""The section of a pull request's text, as a step that may repeat."""

from bot.errors import Stop
from bot.github.client import GitHub
from bot.publish import answer_text
from bot.publish.answer_ground import AnswerGround
from bot.publish.description import digest_of, with_section
from bot.publish.subject import event_of
from bot.store import runs
from bot.store.board import Board
from bot.store.record import Run

POSITION = 100_000


class Describer:
    """Writes with a token minted in the step that uses it."""

    def __init__(self, github: GitHub, board: Board) -> None:
        self._github, self._board = github, board

    async def write(self, run: Run, ground: AnswerGround, section: str) -> bool:
        """Put the section into the text as it is at this moment: GitHub has no way to hold it meanwhile."""
        node = runs.Node("publish", POSITION, "Write the section of the pull request's text")
        await self._board.begin(run.id, node)
        digest = digest_of(ground.title, ground.body, section)
        async with self._github.repository(event_of(run).repo, {"pull_requests": "write"}) as repo:
            body = (await repo.pull(ground.number)).body
            made = with_section(body, section, ground.head, digest)
            if made is None:
                raise Stop("refused", answer_text.no_room())
            if made != body:
                await repo.edit_pull(ground.number, body=made)
        await self._board.end(run.id, node.key, "done")
        return True
