"""What people do about findings is understood as they mean it, and is neither lost nor told twice."""

import sqlalchemy as sa

from bot.store import reviews
from bot.store.reviews import Word
from tests.desk import BASE, DISCOUNT, ROUNDING, Desk
from tests.test_review import FIXED

MENDED = "        return sum(self.prices) * (100 - discount) // 100"
STILL = DISCOUNT.replace("(1 - discount / 100)", "((100 - discount) / 100)")
REACTIONS = r"/repos/acme/greeter/pulls/comments/\d+/reactions"
TRIES = 5  # of one request, before it is put off


async def told(desk: Desk, number: int = 1) -> list[Word]:
    return await desk.bot.bench.db.read(lambda conn: reviews.told(conn, desk.repo.id, number))


async def heard(desk: Desk) -> list[str]:
    return [word.kind for word in await told(desk)]


# ---- a thread that is resolved ---------------------------------------------------------------------------------------


async def test_a_suggestion_that_is_committed_resolves_its_thread_first_and_is_fixed_all_the_same(desk: Desk) -> None:
    desk.finds("correctness", {**ROUNDING, "suggestion": MENDED})
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.resolve_thread(remark, by="maintainer")
    await desk.settle()
    desk.finds("correctness")
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    await desk.settle()
    assert "0 new · 0 still open · 1 fixed, at" in desk.summary(pull)
    assert await heard(desk) == ["resolved", "applied"]
    assert remark.resolved_by is desk.emulator.user("maintainer")


async def test_a_resolved_thread_whose_lines_stay_is_declined(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.resolve_thread(remark, by="maintainer")
    await desk.settle()
    await desk.push({"shop/cart.py": f"# The cart\n{DISCOUNT}"}, branch="topic")
    await desk.settle()
    assert "0 new · 0 still open · 0 fixed · 1 declined, at" in desk.summary(pull)
    assert len(desk.remarks(pull)) == 1


async def test_who_resolves_a_thread_and_says_no_besides_has_declined(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.resolve_thread(remark, by="maintainer")
    await desk.settle()
    await desk.emulator.reply(remark, "Won't fix.", by="maintainer")
    await desk.settle()
    assert "declined by `maintainer`" in desk.summary(pull)
    desk.finds("correctness")
    await desk.push({"shop/cart.py": FIXED}, branch="topic")
    await desk.settle()
    assert "0 fixed · 1 outdated, at" in desk.summary(pull)


async def test_what_was_resolved_and_is_found_again_in_the_new_lines_is_open(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    await desk.emulator.resolve_thread(remark, by="maintainer")
    await desk.settle()
    desk.finds("correctness", {**ROUNDING, "evidence": "        return sum(self.prices) * ((100 - discount) / 100)"})
    await desk.push({"shop/cart.py": STILL}, branch="topic")
    await desk.settle()
    assert "0 new · 1 still open · 0 fixed, at" in desk.summary(pull)
    assert "resolved by" not in desk.summary(pull)
    assert remark.resolved_by is None


async def test_the_thread_of_a_finding_whose_file_left_and_came_back_is_open_again(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed({"shop/cart.py": DISCOUNT, "other.py": "x = 1\n"})
    (remark,) = desk.remarks(pull)
    desk.finds("correctness")
    await desk.push({"shop/cart.py": BASE["shop/cart.py"]}, branch="topic")
    await desk.settle()
    assert remark.resolved_by is desk.emulator.bot
    desk.finds("correctness", ROUNDING)
    await desk.push({"shop/cart.py": DISCOUNT}, branch="topic")
    await desk.settle()
    assert remark.resolved_by is None
    assert "0 new · 1 still open · 0 fixed, at" in desk.summary(pull)


async def test_a_thread_is_heard_of_once_however_often_its_delivery_is_handled(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    desk.emulator.fault("PATCH", r"/repos/acme/greeter/issues/comments/\d+", status=502, times=TRIES)
    await desk.emulator.resolve_thread(remark, by="maintainer")
    await desk.settle()
    assert await heard(desk) == ["resolved"]
    assert "1 declined" in desk.summary(pull)
    assert desk.checks()[0].conclusion == "success"


# ---- GitHub is out of order ------------------------------------------------------------------------------------------


async def test_what_is_declined_is_shown_though_github_did_not_let_it_at_first(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    desk.emulator.fault("PATCH", r"/repos/acme/greeter/issues/comments/\d+", status=502, times=TRIES)
    await desk.emulator.reply(remark, "Won't fix.", by="maintainer")
    await desk.settle()
    assert "1 declined" in desk.summary(pull)
    assert desk.checks()[0].conclusion == "success"
    assert await heard(desk) == ["declined"]


async def test_a_thumb_is_news_until_what_it_changes_is_shown(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    desk.emulator.react(remark, "-1", "maintainer")
    desk.emulator.fault("PATCH", r"/repos/acme/greeter/issues/comments/\d+", status=502, times=TRIES)
    await look(desk)
    await look(desk)
    assert "1 declined" in desk.summary(pull)
    assert await heard(desk) == ["disliked"]


async def test_one_pull_request_whose_reactions_cannot_be_read_keeps_no_other_from_being_looked_at(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pulls = [await desk.reviewed(branch=branch) for branch in ("one", "two")]
    for pull in pulls:
        desk.emulator.react(desk.remarks(pull)[0], "+1", "stranger")
    first = pulls[0].number
    desk.emulator.fault("GET", rf"/repos/acme/greeter/pulls/{first}/comments", status=502, times=TRIES)
    await look(desk)
    assert [len(await told(desk, pull.number)) for pull in pulls] == [0, 1]
    await look(desk)
    assert [len(await told(desk, pull.number)) for pull in pulls] == [1, 1]
    for pull in pulls:
        desk.summary(pull)


async def test_who_gave_thumbs_is_asked_only_where_there_are_other_numbers_of_them(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    (remark,) = desk.remarks(pull)
    desk.emulator.react(remark, "+1", "stranger")
    await look(desk)
    since = len(desk.emulator.requests)
    await look(desk)
    assert not any("/reactions" in one for one in desk.requests(since))
    desk.emulator.react(remark, "+1", "maintainer")
    await look(desk)
    assert await heard(desk) == ["liked", "liked"]
    desk.summary(pull)


async def test_only_the_worker_that_leads_looks_at_reactions(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    desk.emulator.react(desk.remarks(pull)[0], "+1", "stranger")

    async def follows() -> bool:
        return False

    desk.bot.slot.lead = follows  # type: ignore[method-assign]
    await look(desk)
    assert await heard(desk) == []
    desk.summary(pull)


async def test_a_merge_is_learned_from_though_its_reactions_cannot_be_read(desk: Desk) -> None:
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    desk.emulator.react(desk.remarks(pull)[0], "+1", "stranger")
    desk.emulator.fault("GET", REACTIONS, status=404, times=5)
    await desk.emulator.merge_pull(pull, by="maintainer")
    await desk.settle()
    assert await heard(desk) == ["unchanged"]
    known = await desk.bot.bench.db.read(lambda conn: reviews.reviewed(conn, (desk.repo.id, pull.number)))
    assert known is not None
    assert known.closed_at is not None
    desk.summary(pull)


async def look(desk: Desk) -> None:
    """The next look at reactions, whenever the last was."""
    places = [(desk.repo.id, pull.number) for pull in desk.repo.pulls]

    def long_ago(conn: sa.Connection) -> None:
        for place in places:
            reviews.learn(conn, place, polled_at=0.0)

    await desk.bot.bench.db.write(long_ago)
    await desk.bot.worker._hearing.poll()
    await desk.settle()
