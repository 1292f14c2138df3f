"""`/cost`: what the runs here have cost, and the repository's day."""

from bot.publish import command_text
from bot.store import spending
from bot.workflow.command import Asked, Command
from bot.workflow.library import key


async def carry_out(asked: Asked) -> str:
    db, repo = asked.parts.db, asked.event.repo.full_name
    trees, day = await asked.trees(await asked.runs()), asked.parts.budget.today
    spent = await db.read(lambda conn: spending.spent(conn, day, repo, 0))
    return command_text.costs(trees, spent.repo, await _most(asked))


async def _most(asked: Asked) -> float | None:
    """US dollars a day: the lower one of what the operator and the repository allow; None where neither says."""
    settings = await asked.parts.library.settings(key(asked.event.repo))
    own = settings.limits.usd_a_day if settings is not None else None
    return min((most for most in (asked.parts.budget.limits.repo, own) if most is not None), default=None)


COMMAND = Command(
    name="cost",
    summary="Say what the runs here have cost, and what this repository may still cost today",
    requires="triage",
    carry_out=carry_out,
)
