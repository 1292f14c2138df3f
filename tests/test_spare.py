"""What is of no use any more is closed once and says where its work is; what people made theirs stays open."""

from pathlib import Path

import aiohttp

from bot.emulator.server import Emulator
from bot.github.client import GitHub
from bot.github.entity import RepoRef
from bot.publish.spare import Spares
from bot.settings import Settings
from bot.store.parts import Held

WRITE = {"contents": "write", "issues": "write", "pull_requests": "write"}


async def test_only_what_is_the_bots_own_and_untouched_is_closed(tmp_path: Path) -> None:
    async with Emulator(tmp_path) as emulator, aiohttp.ClientSession() as session:
        app = {"app_id": emulator.app_id, "private_key": emulator.private_key, "api_url": emulator.api_url}
        github = GitHub(Settings.model_validate(app), session)
        repo = await emulator.create_repo("acme/shop", files={"a": "1\n"})
        installation = await emulator.install(repo)
        heads = {name: await emulator.push_commit(repo, name, {name: "1\n"}) for name in ("own", "theirs")}
        theirs = await emulator.open_pull(repo, "theirs", title="By hand")
        ref = RepoRef("acme", "shop", repo.id, installation.id)
        async with github.repository(ref, WRITE) as api:
            number = (await api.open_pull(head="own", base="main", title="Build", body="")).number
            spares = Spares("run", emulator.bot.id, (Held("other", ("each/a", "each/b"), "0" * 40, 9),))
            own = Held("own", ("each/b",), heads["own"], number)
            stays = f"#{number} stays open, though its work is in #9 now: "
            for spare, said in (
                (Held("own", ("each/c",), heads["own"], number), f"#{number} stays open as it was: nothing that was"),
                (Held("own", ("each/b",), "1" * 40, number), f"{stays}somebody else has pushed to it."),
                (Held("own", ("each/b",), heads["own"], number, shared=True), f"{stays}somebody else has pushed"),
                (Held("theirs", ("each/b",), heads["theirs"], theirs.number), "somebody else opened it."),
            ):
                still, told = await spares.close(api, spare)
                assert (still, said in told) == (True, True), told
            pull = next(one for one in repo.pulls if one.number == number)
            review = await emulator.review(pull, event="APPROVE")
            assert await spares.close(api, own) == (True, f"{stays}it is approved. Close it if you need it no more.")
            review.state = "DISMISSED"
            for _ in range(2):
                assert await spares.close(api, own) == (False, f"#{number} is closed: its work is in #9 now.")
            assert (pull.state, len(pull.comments), theirs.state, len(theirs.comments)) == ("closed", 1, "open", 0)
            assert await Spares("later", emulator.bot.id, spares.held).close(api, own) == (False, "")
        await emulator.delivered()
