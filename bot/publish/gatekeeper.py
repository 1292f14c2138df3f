"""Whether what a run made may be published, by policies and by people; where it may not, people get it as a patch."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from bot.errors import Stop
from bot.git import changes
from bot.git.mirror import Mirror, Mirrors
from bot.github.harmless import inert
from bot.policy.finding import Finding
from bot.policy.secrets import redacted
from bot.publish import fix_text, staged_text, text, verdict
from bot.publish.ground import GATE, Ground
from bot.publish.offer import HINDERING, Offer
from bot.publish.scrutiny import patch_id, scrutinise, wish
from bot.publish.subject import event_of
from bot.store import gates, runs
from bot.store.board import Board
from bot.store.gates import Gate
from bot.store.runs import Run


class Gatekeeper:
    """Judges offers, and tells what is not published; a patch is kept wherever it is shown."""

    def __init__(self, mirrors: Mirrors, board: Board, secrets: Collection[str]) -> None:
        self._mirrors, self._board, self._secrets = mirrors, board, secrets

    async def mirror(self, run: Run) -> Mirror:
        return await self._mirrors.get(run.repo, event_of(run).repo.id)

    # ---- judging -----------------------------------------------------------------------------------------------------

    async def judged(self, made: Offer, parts: Sequence[Offer]) -> dict[str, Any]:
        """What the policies say of the whole and of its `parts`, and the patch's SHA that an approval holds for."""
        mirror, base, tree = await self.mirror(made.run), made.ground.base, made.product.tree
        found = [*wish(made.workflow), *await self._scrutinised(made, made.changed)]
        if made.ground.pull is not None:  # what stands in the pull request already is still to be named
            whole = await changes.diff(mirror, await _fork(mirror, made.ground), tree)
            earlier = await self._scrutinised(made, whole)
            found = [one for one in found if one.level in HINDERING] + [
                one for one in earlier if one.level not in HINDERING
            ]
        of_parts = [await self._scrutinised(part, part.changed) for part in parts if part is not made]
        return {
            "findings": [asdict(finding) for finding in found],
            "parts": [[asdict(finding) for finding in findings] for findings in of_parts],
            "patch": await patch_id(mirror, base, tree),
        }

    async def _scrutinised(self, made: Offer, changed: Sequence[changes.Change]) -> list[Finding]:
        mirror = await self.mirror(made.run)
        commands = (made.product.verdict.command,)
        owns, smallest = made.workflow.owns, made.workflow.worktrees == "hot-fix"
        tree, words, wanted = made.product.tree, made.words(), made.ground.custom
        return [*await scrutinise(mirror, tree, changed, words, owns, commands, self._secrets, wanted, smallest)]

    # ---- the gate ----------------------------------------------------------------------------------------------------

    async def admit(self, made: Offer, patch: str) -> None:
        """Raises Stop where the change may not be published, or not without a person's approval of this very patch."""
        if refused := made.of("refuse"):
            why = f"{verdict.refused(refused)}\n\n{await self.as_patch(made)}"
            if made.complete:
                raise Stop("refused", why)
            raise Stop(made.product.state, f"{made.product.reason}\n\n{why}")
        waits, approved = made.of("approve"), made.run.context.get("approves", {})
        if made.theirs:
            await self._admit_to_others(made, waits)
        if not waits or approved.get("patch") == patch:
            return
        await self._board.db.write(lambda conn: _keep_waiting(conn, made, patch))
        await self._board.learn(made.run.id, patch=patch)
        short_of = "" if made.complete else made.product.reason
        why = verdict.needs_approval(waits, patch, short_of, made.workflow.requires, gates.KEPT_DAYS)
        raise Stop("needs approval", f"{why}\n\n{await self._to_approve(made, waits)}")

    async def _admit_to_others(self, made: Offer, waits: Sequence[Finding]) -> None:
        """On a branch of people only what is complete is pushed, and nothing that people have to decide about."""
        if waits:
            raise Stop("refused", f"{fix_text.by_people(verdict.listed(waits))}\n\n{await self.as_patch(made)}")
        if not made.complete:
            raise Stop(made.product.state, f"{made.product.reason}\n\n{await self.as_patch(made)}")

    async def _to_approve(self, made: Offer, waits: Sequence[Finding]) -> str:
        """The patch, or where no comment can show it the parts of it that people decide about."""
        whole = await self.as_patch(made)
        if "```" in whole:
            return whole
        paths = sorted({finding.path for finding in waits if finding.path})
        part = await changes.patch(await self.mirror(made.run), made.ground.base, made.product.tree, paths)
        shown = _as_comment(part) if paths else ""
        if not shown or redacted(shown, self._secrets) != shown:
            return f"{whole}\n\n{verdict.parts_not_shown()}"
        return f"{verdict.parts_as_patch(shown)}\n\n{whole}"

    # ---- what is not published ---------------------------------------------------------------------------------------

    async def as_patch(self, made: Offer) -> str:
        patch = await changes.patch(await self.mirror(made.run), made.ground.base, made.product.tree)
        await self._board.db.write(lambda conn: runs.keep(conn, made.run.id, "patch", {}, patch))
        shown = _as_comment(patch)
        if redacted(shown, self._secrets) != shown:
            return verdict.patch_hidden(made.run.id)
        return verdict.offered_as_patch(shown) if shown else verdict.patch_kept(patch, made.run.id)

    async def as_staged(self, made: Offer, parts: Sequence[Offer]) -> str:
        """What would be done, and the patch. A gate is not kept: an approval must not publish what was only shown."""
        told = staged_text.change([_shown(part) for part in parts if not part.idle], made.findings)
        return f"{redacted(told, self._secrets)}\n\n{await self.as_patch(made)}"


def with_findings(made: Offer, parts: Sequence[Offer], judged: Mapping[str, Any]) -> tuple[Offer, list[Offer]]:
    """The whole with all that was found, and its parts with what was found of each and of no other part."""
    whole = [Finding(**finding) for finding in judged["findings"]]
    of_parts = [[Finding(**finding) for finding in findings] for findings in judged.get("parts", ())]
    if not of_parts:
        made = replace(made, findings=whole)
        return made, [made]
    of_none = [finding for finding in whole if not any(finding in findings for findings in of_parts)]
    found = dict.fromkeys([*whole, *(finding for findings in of_parts for finding in findings)])
    pairs = zip(parts, of_parts, strict=True)
    return replace(made, findings=list(found)), [replace(one, findings=[*of, *of_none]) for one, of in pairs]


def _shown(made: Offer) -> staged_text.Change:
    return staged_text.Change(
        branch=made.ground.branch,
        commits=[message for message, _ in made.groups()],
        title=made.headline,
        labels=made.workflow.opens.labels,
        closes=made.closes,
        asks=event_of(made.run).actor.login if made.complete else "",
        pull=made.ground.pull,
        draft=made.draft,
        theirs=made.theirs,
        fork=made.ground.fork,
        complete=made.complete,
    )


def _keep_waiting(conn: sa.Connection, made: Offer, patch: str) -> None:
    """The run waits by a row, with all that publishing its patch takes."""
    run, ground = made.run, made.ground
    gate = Gate(
        run=run.id,
        repo=event_of(run).repo.id,
        target=run.target,
        workflow=run.workflow,
        kind="patch",
        digest=patch,
        base=ground.base,
        created_at=time.time(),
        pull=ground.pull,
    )
    if gates.put(conn, gate):
        runs.keep(conn, run.id, GATE, {"ground": asdict(ground), "product": asdict(made.product)})


async def _fork(mirror: Mirror, ground: Ground) -> str:
    """Where a pull request's branch left the branch it is to go to; its own newest commit where nobody can tell."""
    base = await mirror.resolve(ground.base_branch)
    said = await mirror.answer("merge-base", base, ground.base) if base else None
    return said.stdout.decode().strip() if said is not None and said.code == 0 else ground.base


def _as_comment(patch: bytes) -> str:
    """A patch as text that a comment carries unharmed; empty where it would not."""
    if len(patch) > text.PATCH_LIMIT or b"\r" in patch or b"\0" in patch:
        return ""
    try:
        words = patch.decode()
    except UnicodeDecodeError:
        return ""
    return words if inert(words) == words else ""
