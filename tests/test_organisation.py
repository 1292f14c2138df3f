"""The organisation's configuration counts for its repositories; `/config` tells what is in force, and from where."""

from collections.abc import Iterator

from bot.emulator.world import Issue, Repo
from bot.publish import config_text
from bot.workflow.configuration import Configuration
from bot.workflow.effective import Effective, Row
from bot.workflow.library import Key, key, shipped
from tests.house import House
from tests.security.stage import rename
from tests.test_bad_input import PLACE, WORKFLOW
from tests.test_configuration import RIGHT, ref

OURS = shipped()


async def on(house: House, repo: Repo, label: str) -> Issue:
    issue = await house.emulator.open_issue(repo, "Say hello", by="maintainer")
    await house.emulator.label(issue, label, by="maintainer")
    await house.settle()
    return issue


# ---- for a whole organisation ----------------------------------------------------------------------------------------


async def organised(house: House, words: str, owner: str = "acme") -> Repo:
    files = {".github/tutti.yml": f"version: 1\n{words}"}
    repo = await house.emulator.create_repo(f"{owner}/.github", files)
    await house.emulator.install(repo)
    await house.settle()
    return repo


async def settings(house: House, repo: Repo) -> Configuration:
    found = await house.bot.library.settings(key(ref(house, repo)))
    assert found is not None
    return found


async def test_the_organisations_configuration_counts_for_every_repository_of_its_owner_alone(house: House) -> None:
    labels = "workflows: {auto-implement: {labels: [org]}}\n"
    await organised(house, f"backend: rehearsal\ntest: sh theirs.sh\n{labels}")
    plain = await house.emulator.create_repo("acme/plain", {"theirs.sh": "echo '1 passed'\n"})
    other = await house.emulator.create_repo("zoo/plain", {"a.txt": "a\n"})
    await house.emulator.install(plain)
    await house.emulator.install(other)
    await house.settle()
    assert "org" in {label.name for label in plain.labels}
    assert "org" not in {label.name for label in other.labels}
    house.rehearse(RIGHT)
    before = len(house.emulator.requests)
    (status,) = [comment.body for comment in (await on(house, plain, "org")).comments]
    assert "· done ·" in status
    assert "Run the tests: `sh theirs.sh`" in status
    assert [asked.path for asked in house.emulator.requests[before:] if "/.github" in asked.path] == []
    assert (await settings(house, house.repo)).test == ("sh check.sh",)
    assert await house.bot.library.settings(key(ref(house, other))) is None


async def test_a_push_to_the_organisations_configuration_is_told_on_its_commit_and_counts_at_once(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    organisation = await organised(house, "protected: [infra/]\n")
    assert (await settings(house, house.repo)).protected == ("infra/",)
    push = house.emulator.push_commit
    await push(organisation, "main", {".github/tutti.yml": "version: 1\nprotected: [deploy/]\n"})
    await house.settle()
    assert (await settings(house, house.repo)).protected == ("deploy/",)
    bad = await push(organisation, "main", {".github/tutti.yml": "version: 1\nprotected: ['!x']\n"})
    await house.settle()
    (check,) = [one for one in organisation.checks if one.head_sha == bad]
    assert (check.conclusion, "takes nothing back" in (check.summary or "")) == ("failure", True)
    assert (await settings(house, house.repo)).protected == ("deploy/",), "the last good copy"
    house.rehearse(RIGHT)
    assert "· done ·" in house.status(await house.implement())
    await push(organisation, "main", {".github/tutti.yml": None})
    await house.settle()
    assert (await settings(house, house.repo)).protected == ()


async def test_an_organisations_configuration_that_never_was_good_breaks_no_repository(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    await organised(house, "zebra: 1\n")
    house.rehearse(RIGHT)
    assert "· done ·" in house.status(await house.implement())
    told = await house.bot.library.explain(key(ref(house, house.repo)))
    assert (told.organisation_wrong, told.problem) == (True, "")


async def test_a_repository_that_leaves_is_the_organisations_no_longer(house: House) -> None:
    organisation = ref(house, await organised(house, "lint: ruff check\n"))
    library, mine = house.bot.library, ref(house, house.repo)
    assert (await settings(house, house.repo)).lint == ("ruff check",)
    await library.left(mine)
    assert (await settings(house, house.repo)).lint == ("ruff check",), "another that leaves changes nothing"
    await library.left(organisation)
    assert (await settings(house, house.repo)).lint == ()


async def test_a_repository_with_another_name_is_the_organisations_no_longer(house: House) -> None:
    organisation = await organised(house, "lint: ruff check\n")
    rename(house, organisation, "acme/dot-github")
    await house.emulator.push_commit(organisation, "main", {".github/tutti.yml": "version: 1\nlint: ruff\n"})
    await house.settle()
    assert (await settings(house, house.repo)).lint == ()


async def test_the_organisation_is_that_of_the_installation_through_which_a_repository_is_seen(house: House) -> None:
    """A repository that was given to another owner is seen through another installation from then on."""
    await organised(house, "lint: ruff check\n")
    moved = Key(key(ref(house, house.repo)).repo, 999_999)
    found = await house.bot.library.settings(moved)
    assert found is not None
    assert found.lint == ()


# ---- what is in force, and where it comes from -----------------------------------------------------------------------


def sources(effective: Effective) -> Iterator[tuple[str, tuple[object, str, int | None]]]:
    for row in effective.rows:
        yield row.key, (row.value, row.source, row.line)


async def test_every_setting_is_told_with_its_source(house: House) -> None:
    await organised(house, "lint: ruff check\nlimits:\n  usd: 1\n  minutes: 20\nagents: {'*': {model: m}}\n")
    await house.configure("limits:\n  minutes: 10\nagents:\n  review/*:\n    max-turns: 7\n")
    await house.settle()
    told = dict(sources(await house.bot.library.explain(key(ref(house, house.repo)))))
    here = ".github/tutti.yml"
    expected = {
        "staged": (False, "default", None),
        "test": (("sh check.sh",), here, 3),
        "lint": (("ruff check",), "organisation", 2),
        "limits.usd": (1.0, "organisation", 4),
        "limits.minutes": (10.0, here, 5),
        "limits.usd-a-day": (50.0, "this installation", None),
        "limits.runs-a-day": (300, "this installation", None),
        "workflows.auto-implement.on": (("issues: labeled (auto-implement)", "/implement"), "default", None),
        "workflows.auto-implement.labels": (("auto-implement",), "default", None),
        "workflows.auto-implement.requires": ("write", "default", None),
        "workflows.auto-implement.limits.minutes": (10.0, here, 5),
        "agents.developer.backend": ("rehearsal", here, 2),
        "agents.developer.model": ("m", "organisation", 6),
        "agents.review/style.max-turns": (7, here, 8),
        "agents.developer.max-turns": (OURS.agents["developer"].max_turns, "default", None),
    }
    assert {name: told[name] for name in expected} == expected


async def test_the_answer_shows_first_what_somebody_set_and_what_is_wrong(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    await house.configure("protected: ['a|b', '@everyone']\n")
    await house.settle()
    await house.configure("limits: {usd: 900}\n")
    await house.settle()
    words = config_text.explained(await house.bot.library.explain(key(ref(house, house.repo))))
    first, folded = words.split("<details>")
    assert "**The newest `.github/tutti.yml` has a mistake:** ``.github/tutti.yml:4: `limits.usd`: " in first
    assert "The last good copy of it is in force." in first
    assert "| `test` | `sh check.sh` | `.github/tutti.yml:3` |" in first
    assert "| `protected` | `a\\|b, @everyone` | `.github/tutti.yml:4` |" in first
    assert "| `limits.usd` | `5` | this installation |" in first
    assert "| `base` | `the default branch` | default |" in folded
    assert len(words) < 20_000


async def test_what_an_organisation_keeps_to_itself_is_not_shown_in_its_repositories(house: House) -> None:
    secret = "internal-acme"
    await organised(
        house,
        f"setup: curl https://{secret}.example/x\ntest: {secret}\nlint: {secret}\nprotected: [{secret}]\n"
        f"owns: [{secret}, '*']\nbots: [49699333]\nlimits: {{minutes: 20}}\nlanguage: German\n"
        f"review:\n  instructions: [{{paths: ['*'], text: {secret}}}]\n  guidelines: [{secret}.md]\n"
        f"  tiers: [{{name: {secret}}}]\n  reading: {{ignore: [{secret}]}}\n  skip: {{authors: [{secret}]}}\n",
    )
    await house.push({".github/tutti.yml": "version: 1\nbackend: rehearsal\n"})
    await house.settle()
    words = config_text.explained(await house.bot.library.explain(key(ref(house, house.repo))))
    assert secret not in words
    assert "49699333" not in words
    for name in ("setup", "test", "lint", "protected", "owns", "bots"):
        assert f"| `{name}` | `set by the organisation` | organisation |" in words
    assert "| `language` | `German` | organisation |" in words
    assert "| `limits.minutes` | `20` | organisation |" in words


async def test_what_a_repositorys_own_workflow_starts_by_and_owns_is_told(house: House) -> None:
    there = PLACE.replace("greet.yml", "docs.yml")
    words = WORKFLOW.replace("agent: developer", "agent: developer\n    owns: [docs/**]")
    await house.push({there: words.replace("on:\n", "on:\n  command: greet\n", 1)})
    await house.settle()
    told = dict(sources(await house.bot.library.explain(key(ref(house, house.repo)))))
    starts = ("issues: labeled (greet)", "/greet")
    assert told["workflows.docs.on"] == (starts, there, None)
    assert told["workflows.docs.jobs.greet.owns"] == (("docs/**",), there, None)


def test_an_answer_that_is_too_long_says_how_much_is_missing() -> None:
    rows = tuple(Row(f"workflows.w{number}.labels", ("x" * 500,), "organisation", 1) for number in range(900))
    words = config_text.explained(Effective(rows))
    assert len(words) < 60_000
    assert "more do not fit here." in words
