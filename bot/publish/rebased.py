"""A rebased branch on its way to GitHub: what agents made of conflicts is judged, and it is pushed with a lease."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.errors import Stop, UserError
from bot.git import changes
from bot.git.command import Identity
from bot.git.mirror import Mirrors
from bot.github.client import GitHub
from bot.publish import rebase_text, trial_text
from bot.publish.head_ground import HeadGround, HeadSurveyor
from bot.publish.scrutiny import scrutinise
from bot.publish.subject import event_of
from bot.store.board import Board
from bot.store.runs import Run

HINDERING = ("refuse", "approve")  # what is not pushed to people's branches


@dataclass(frozen=True)
class Resolution:
    """What an agent made of the tree `conflicted`, by changing nothing but `paths`."""

    conflicted: str
    tree: str
    paths: tuple[str, ...]


class Rebaser:
    """Every write token is minted in the step that uses it. `secrets` are the installation's own."""

    def __init__(
        self, github: GitHub, mirrors: Mirrors, board: Board, surveyor: HeadSurveyor, secrets: Collection[str] = ()
    ) -> None:
        self._github, self._mirrors, self._board = github, mirrors, board
        self._surveyor, self._secrets = surveyor, secrets

    async def identity(self) -> Identity:
        """Who commits: the bot, as GitHub links it."""
        app = await self._github.app()
        return Identity(f"{app.slug}[bot]", f"{app.bot_id}+{app.slug}[bot]@users.noreply.github.com")

    async def judged(self, run: Run, ground: HeadGround, resolutions: Sequence[Resolution]) -> list[dict[str, Any]]:
        """What the policies say of what agents changed, as records, each once."""
        mirror, found = await self._surveyor.mirror(run), dict[str, dict[str, Any]]()
        for one in resolutions:
            changed = await changes.diff(mirror, one.conflicted, one.tree)
            said = await scrutinise(mirror, one.tree, changed, {}, (), ground.test, self._secrets, ground.custom)
            for finding in said:
                found[f"{finding.level} {finding.sentence}"] = asdict(finding)
        return [*found.values()]

    async def push(self, run: Run, ground: HeadGround, new: str) -> None:
        """Make the branch point to `new`, if it is where it was. Raises Stop where anything about it has changed."""
        pull = await self._surveyor.now(run, ground)
        if pull.state != "open":
            raise Stop("refused", trial_text.closed())
        if pull.base != ground.base:
            raise Stop("refused", rebase_text.retargeted(pull.base))
        if pull.head_sha not in (ground.head, new) or pull.head != ground.branch:
            raise Stop("refused", rebase_text.moved())
        mirror = await self._surveyor.mirror(run)
        async with self._github.repository(event_of(run).repo, {"contents": "write"}) as repo:
            try:
                await changes.push(mirror, new, ground.branch, ground.head, self._mirrors.credential(repo.token))
            except UserError as refusal:
                raise Stop("failed", rebase_text.not_pushed(f"Failed: {refusal}")) from refusal
        await self._board.learn(run.id, branch=ground.branch, head=new, pull=ground.pull)
