"""A label becomes a tested pull request that closes the issue."""

from bot.backends.rehearsal import Say, Write
from tests.house import House

WRONG = (Write("greeting.txt", "helo\n"), Say("I changed the greeting."))
RIGHT = (Write("greeting.txt", "hello\n"), Write("tests/test_greeting.sh", "true\n"), Say("It says hello now."))


async def test_the_label_opens_a_tested_pull_request(house: House) -> None:
    house.rehearse(WRONG, RIGHT)
    issue = await house.implement("Say hello")
    (pull,) = house.pulls()
    assert "**Implement an issue** · done" in house.status(issue)
    assert pull.title == "Say hello"
    assert f"Closes #{issue.number}." in (pull.body or "")
    assert pull.label_names == ["automated-pr", "needs-review"]
    assert [user.login for user in pull.reviewers] == ["maintainer"]
    assert await house.file(pull.head, "greeting.txt") == "hello\n"
