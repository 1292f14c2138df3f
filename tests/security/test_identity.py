"""C11 again: names of repositories change hands. What is kept, and what is done, goes by their ids."""

from pathlib import Path

from bot.backends.rehearsal import Run, Say, Write
from bot.emulator.world import Issue, Repo
from bot.git.mirror import Mirrors
from bot.store import runs
from tests.house import FILES, House
from tests.security.stage import handled, knocked, rename, sent
from tests.test_bad_input import OURS, PLACE, WORKFLOW

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
SECRET_WORDS = "the old owner's secret"


async def taken_over(house: House, files: dict[str, str] | None = None) -> Repo:
    """The repository has moved away, and its name is another's, where the bot is installed too."""
    other = await house.emulator.create_repo("acme/spare", files or dict(FILES))
    rename(house, house.repo, "acme/before")
    rename(house, other, "acme/greeter")
    await house.emulator.install(other)
    await house.emulator.delivered()
    await handled(house)
    return other


async def labelled(house: House, repo: Repo) -> Issue:
    issue = await house.emulator.open_issue(repo, "Say hello", by="maintainer")
    await house.emulator.label(issue, "auto-implement", by="maintainer")
    await house.settle()
    return issue


def words(house: House, issue: Issue) -> str:
    (comment,) = [comment.body for comment in issue.comments if comment.user is house.emulator.bot]
    return comment


async def test_c11_who_takes_over_a_name_does_not_get_the_history_that_it_stood_for(house: House) -> None:
    house.rehearse(RIGHT)
    hidden = await house.push({"private.txt": SECRET_WORDS})
    house.status(await house.implement())
    other = await taken_over(house)
    look = f"git cat-file -e {hidden} && echo fo'und'; cat private.txt; git log --format=%s; echo that is a'll'"
    house.rehearse((Run(look), *RIGHT))
    issue = await labelled(house, other)
    assert "· done ·" in words(house, issue)
    await house.hears("that is all")
    heard = "\n".join(event.text for event in house.heard)
    assert "Begin" in heard
    assert "found" not in heard
    assert SECRET_WORDS not in heard


async def test_c11_who_takes_over_a_name_does_not_get_its_configuration(house: House) -> None:
    await house.push({PLACE: WORKFLOW, OURS: WORKFLOW.replace("[greet]", "[other]")})
    await house.settle()
    other = await taken_over(house)
    mine, theirs = [await house.bot.library.workflows(f"id {repo.id}") for repo in (house.repo, other)]
    assert (set(mine), set(theirs)) == ({"auto-implement", "greet"}, {"auto-implement"})
    assert mine["auto-implement"].trigger_labels == ("other",)
    house.rehearse(RIGHT)
    assert "**Implement an issue** · done" in words(house, await labelled(house, other))


async def test_c11_a_name_that_was_taken_over_before_the_first_event_is_read_anew(house: House) -> None:
    """Nothing told the bot of the new owner's repository but the event itself."""
    house.emulator.hooks.lose("installation_repositories.added")
    other = await taken_over(house, {**FILES, PLACE: WORKFLOW})
    house.rehearse(RIGHT)
    issue = await house.emulator.open_issue(other, "Say hello", by="maintainer")
    await house.emulator.label(issue, "greet", by="maintainer")
    await house.settle()
    assert "**Greet** · done" in words(house, issue)


async def test_c11_an_event_from_before_the_name_changed_starts_nothing(house: House) -> None:
    house.emulator.hooks.lose("issues.labeled")
    issue = await house.open_issue()
    await house.label(issue)
    await house.settle()
    other = await taken_over(house)
    note = await knocked(house, sent(house))
    assert note == "ignored: What was called acme/greeter has another name now: acme/before."
    assert (other.pulls, house.repo.pulls, issue.comments) == ([], [], [])


async def test_c11_a_run_whose_repository_lost_its_name_touches_neither(house: House) -> None:
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    other = await taken_over(house)
    before = dict(other.branches)
    await house.gate.open()
    await house.settle()
    (run,) = await house.bot.bench.db.read(lambda conn: runs.recent(conn, "acme/greeter#1"))
    assert run.state == "failed"
    assert (dict(other.branches), other.pulls, other.issues) == (before, [], {})
    assert "· failed ·" in house.status(issue), "the repository of that id still gets its word"


async def test_c11_a_renamed_repository_goes_on_under_its_new_name_with_what_is_known_of_it(house: House) -> None:
    house.rehearse(RIGHT)
    house.status(await house.implement())
    rename(house, house.repo, "acme/welcomer")
    fetched = len(house.emulator.requests)
    issue = await house.implement("Say more")
    assert "· done ·" in house.status(issue)
    assert not [e for e in house.emulator.requests[fetched:] if e.path.startswith("/acme/greeter")]


async def test_c11_mirrors_are_kept_by_id(tmp_path: Path) -> None:
    mirrors = Mirrors(tmp_path, "https://github.example")
    first, second = await mirrors.get("acme/shop", 1), await mirrors.get("acme/shop", 2)
    assert first.path != second.path
    assert (await mirrors.get("acme/renamed", 1)).path == first.path
    assert (await mirrors.get("acme/renamed", 1)).url == "https://github.example/acme/renamed.git"
    assert await mirrors.get("ACME/shop", 1) is first
    assert {mirror.path for mirror in await mirrors.all()} == {first.path, second.path}
    await mirrors.tidy()
