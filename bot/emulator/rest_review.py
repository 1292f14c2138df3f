"""REST operations on reviews, on inline comments and on the reactions to these."""

from bot.emulator.problem import Invalid
from bot.emulator.rest_issue import reacted, since
from bot.emulator.rest_pull import PULL, PULLS, READ, WRITE
from bot.emulator.route import NO_CONTENT, Answer, Call, created, route
from bot.emulator.world import Remark

REVIEWS = f"{PULL}/reviews"
REVIEW = f"{REVIEWS}/{{review}}"
COMMENT = f"{PULLS}/comments/{{comment}}"


@route("GET", REVIEWS, READ)
async def list_reviews(call: Call) -> Answer:
    """Oldest first."""
    return call.page([call.stage.shape.review(each) for each in call.pull.reviews])


@route("POST", REVIEWS, WRITE)
async def create_review(call: Call) -> Answer:
    asked, pull = call.fields, call.pull
    review = await call.stage.review(
        pull,
        asked.get("body") or "",
        str(asked.get("event", "PENDING")),
        asked.get("comments") or (),
        by=call.actor,
        sha=asked.get("commit_id"),
    )
    return Answer(call.stage.shape.review(review))


@route("GET", REVIEW, READ)
async def get_review(call: Call) -> Answer:
    return Answer(call.stage.shape.review(call.review))


@route("PUT", REVIEW, WRITE)
async def edit_review(call: Call) -> Answer:
    await call.stage.edit_review(call.review, call.text("body", "PullRequestReview"), by=call.actor)
    return await get_review(call)


@route("GET", f"{REVIEW}/comments", READ)
async def list_review_remarks(call: Call) -> Answer:
    return call.page([call.stage.shape.remark_of_review(each) for each in call.review.remarks])


@route("GET", f"{PULLS}/comments", READ)
async def list_all_remarks(call: Call) -> Answer:
    return _remarks(call, [each for pull in call.repo.pulls for each in pull.remarks])


@route("GET", f"{PULL}/comments", READ)
async def list_remarks(call: Call) -> Answer:
    return _remarks(call, call.pull.remarks)


def _remarks(call: Call, remarks: list[Remark]) -> Answer:
    """Oldest first, unless another order is asked for."""
    after, turned = since(call), call.query.get("direction") == "desc" and "sort" in call.query
    if call.query.get("sort") == "updated":
        remarks = sorted(remarks, key=lambda each: each.updated)
    shown = [call.stage.shape.remark(each) for each in remarks if int(each.updated) >= after]
    return call.page(shown[::-1] if turned else shown)


@route("POST", f"{PULL}/comments", WRITE)
async def create_remark(call: Call) -> Answer:
    """A remark at a line of the diff; with `in_reply_to` an answer, for which the other fields count nothing."""
    asked, pull, kind = call.fields, call.pull, "PullRequestReviewComment"
    body = call.text("body", kind)
    if "in_reply_to" in asked:
        about = next((each for each in pull.remarks if each.id == asked["in_reply_to"]), None)
        if about is None:
            raise Invalid(kind, "in_reply_to")
        return created(call.stage.shape.remark(await call.stage.reply(about, body, by=call.actor)))
    made = await call.stage.remark(
        pull,
        call.text("path", kind),
        asked.get("line") or 0,
        body,
        by=call.actor,
        start_line=asked.get("start_line"),
        side=asked.get("side") or "RIGHT",
        start_side=asked.get("start_side"),
        sha=call.text("commit_id", kind),
    )
    return created(call.stage.shape.remark(made))


@route("GET", COMMENT, READ)
async def get_remark(call: Call) -> Answer:
    return Answer(call.stage.shape.remark(call.remark))


@route("PATCH", COMMENT, WRITE)
async def edit_remark(call: Call) -> Answer:
    await call.stage.edit_remark(call.remark, call.text("body", "PullRequestReviewComment"), by=call.actor)
    return await get_remark(call)


@route("DELETE", COMMENT, WRITE)
async def delete_remark(call: Call) -> Answer:
    await call.stage.delete_remark(call.remark, by=call.actor)
    return NO_CONTENT


@route("POST", f"{COMMENT}/reactions", WRITE)
async def react_to_remark(call: Call) -> Answer:
    return reacted(call, call.remark)


@route("GET", f"{COMMENT}/reactions", READ)
async def list_remark_reactions(call: Call) -> Answer:
    """Oldest first; of one kind with `content`."""
    kind = call.query.get("content")
    given = [each for each in call.remark.reactions if kind in (None, each[2])]
    return call.page([call.stage.shape.reaction(each) for each in given])
