"""What people say to the bot in stories of commands, and what it shows to whoever says it."""

from bot.backends.rehearsal import Say, Write
from bot.emulator.world import Comment, Issue, Remark
from tests.house import House

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
WRONG = (Write("greeting.txt", "good day\n"), Say("Hm."))


def reactions(comment: Comment | Remark) -> list[str]:
    return [content for _, _, content, _ in comment.reactions]


async def says(house: House, about: Issue, words: str, by: str = "maintainer") -> Comment:
    """A comment, and all that follows."""
    comment = await house.comment(about, words, by=by)
    await house.settle()
    return comment


async def pausing(house: House) -> tuple[Issue, Comment]:
    """A run that will stop after its agent's step, for somebody says so meanwhile; and the comment that does."""
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:done")
    await house.label(issue)
    await house.reached.wait()
    comment = await house.comment(issue, "/pause")
    await house.shows(issue, "Paused by @maintainer")
    return issue, comment
