"""The App comes to repositories and leaves them, and what GitHub delivers arrives late, twice or not at all."""

from bot.backends.rehearsal import Hang, Run, Say, Write
from bot.sandbox import process
from tests.house import House

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


# ---- the App comes and goes --------------------------------------------------------------------------------------


async def test_the_labels_are_created_when_the_app_is_installed(house: House) -> None:
    assert {label.name: label.description for label in house.repo.labels} == {
        "auto-implement": "Implement an issue, by Tutti",
        "tutti-approved": "Publish exactly the patch that Tutti shows",
        "automated-pr": "Opened by Tutti",
        "needs-review": "Waits for a person to read it",
    }


async def test_labels_are_created_in_repositories_added_later_and_an_archived_one_keeps_no_other_from_them(
    house: House,
) -> None:
    old = await house.emulator.create_repo("acme/attic", {"a.txt": "a\n"})
    house.emulator.archive(old)
    bare = await house.emulator.create_repo("acme/bare")
    new = await house.emulator.create_repo("acme/new", {"a.txt": "a\n"})
    await house.emulator.install(old, bare, new)
    await house.settle()
    assert (len(old.labels), len(bare.labels), len(new.labels)) == (0, 4, 4)
    assert (await house.notes())[-1] == (
        "welcomed by acme/attic, acme/bare, acme/new: labels created"
        "; refused: acme/attic is archived, so nothing can be written to it."
    )


async def test_labels_that_are_there_already_stay_as_they_are(house: House) -> None:
    more = await house.emulator.create_repo("acme/more", {"a.txt": "a\n"})
    house.emulator.create_label(more, "Auto-Implement", "123456", "ours")
    await house.emulator.install(more)
    await house.settle()
    assert [(label.name, label.color) for label in more.labels][:1] == [("Auto-Implement", "123456")]
    assert len(more.labels) == 4


async def test_the_app_removed_from_the_repository_ends_its_runs(house: House) -> None:
    house.expected_log = {"end not shown yet", "status not shown"}
    house.rehearse([Run("echo begun"), Hang()])
    issue = await house.open_issue()
    await house.label(issue)
    await house.hears("begun")
    await house.emulator.remove_from_installation(house.repo)
    await house.settle()
    assert await house.end(issue) == "cancelled: Cancelled: Tutti was removed from this repository."
    (run,) = await house.runs()
    assert process.marked(run.id) == set()
    house.said(issue)


# ---- deliveries --------------------------------------------------------------------------------------------------


async def test_a_delivery_that_comes_twice_starts_one_run(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.hooks.double("issues.labeled")
    issue = await house.implement()
    assert "· done ·" in house.status(issue)
    assert len(await house.runs()) == 1


async def test_a_delivery_that_got_lost_is_asked_for_again(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.hooks.lose("issues.labeled")
    issue = await house.implement()
    assert house.said(issue) == []
    await house.bot.worker.tend()
    await house.settle()
    assert house.said(issue) == [], "what is so young may still be on its way"
    for delivery in house.emulator.deliveries:
        delivery.at -= 45
    await house.bot.worker.tend()
    await house.settle()
    assert "· done ·" in house.status(issue)
    await house.bot.worker.tend()
    await house.settle()
    assert len(await house.runs()) == 1


async def test_deliveries_of_one_issue_are_handled_in_their_order(house: House) -> None:
    house.rehearse(RIGHT)
    house.emulator.fault("GET", r"/repos/acme/greeter/collaborators/maintainer/permission", status=502, times=2)
    issue = await house.open_issue()
    await house.label(issue)
    await house.unlabel(issue)
    await house.settle()
    assert "· cancelled" in house.status(issue)
