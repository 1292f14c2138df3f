"""What `.github/tutti.yml` sets, in whole runs: agents, linters, hosts of set-ups, paths, the language, the money."""

from pathlib import Path

import aiohttp
import pytest

from bot.agents.custom import Chosen, Custom
from bot.backends.rehearsal import Say, Write
from bot.publish.text import APPROVED
from bot.store import spending
from tests.counter import question
from tests.desk import DISCOUNT, ROUNDING, Desk
from tests.house import CONFIGURATION, House, opened
from tests.test_fix import MEND, SAID, found, status

RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))


# ---- agents ----------------------------------------------------------------------------------------------------------


async def test_an_agent_has_the_model_and_the_turns_that_the_repository_sets(house: House) -> None:
    await house.configure("agents: {developer: {model: claude-haiku-4-5, max-turns: 7}}\n")
    house.rehearse(RIGHT)
    house.status(await house.implement())
    (task,) = house.tasks
    assert (task.model, task.max_turns) == ("claude-haiku-4-5", 7)


async def test_an_agents_own_backend_comes_before_the_common_one(house: House) -> None:
    await house.push({".github/tutti.yml": OWN_BACKEND})
    house.rehearse(RIGHT)
    house.status(await house.implement())
    assert house.pull.title == "Say hello"


OWN_BACKEND = "version: 1\nbackend: command\ntest: sh check.sh\nagents: {developer: {backend: rehearsal}}\n"


async def test_a_name_of_a_folder_counts_for_all_its_agents_and_the_exact_name_wins(desk: Desk) -> None:
    agents = """agents:
  review/*: {model: claude-haiku-4-5, max-turns: 9}
  review/security: {model: claude-opus-4-5}
  judge: {max-turns: 3}
"""
    await desk.configure(agents, test="'true'")
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed()
    seen = {task.key.partition(".")[0]: (task.model, task.max_turns) for task in desk.tasks}
    assert seen == {
        "security": ("claude-opus-4-5", 9),
        **dict.fromkeys(("correctness", "performance", "style", "tests"), ("claude-haiku-4-5", 9)),
        "judge": (None, 3),
    }
    desk.summary(pull)


def test_what_is_set_of_an_agent_counts_key_by_key_and_the_nearest_name_wins() -> None:
    named = {"*": Chosen("command", "a", 1), "review/*": Chosen(model="b"), "review/security": Chosen(max_turns=3)}
    wanted = Custom(agents=named)
    assert wanted.chosen("review/security") == Chosen("command", "b", 3)
    assert wanted.chosen("review/style") == Chosen("command", "b", 1)
    assert wanted.chosen("reviewer") == Chosen("command", "a", 1)
    assert Custom().chosen("developer") == Chosen()


async def test_a_backend_that_is_not_there_any_more_is_said_to_be(house: House) -> None:
    """The copy that is in force was good once; the operator has taken the backend away since."""
    await house.configure("agents: {developer: {backend: rehearsal}}\n")
    await house.settle()
    shop = house.bot.bench.shop
    shop.backends.pop("rehearsal")  # type: ignore[attr-defined]
    told = house.status(await house.implement())
    assert "There is no backend `rehearsal` here any more; known are `claude`, `command`." in told


# ---- linters ---------------------------------------------------------------------------------------------------------

LINT = "lint: sh lint.sh\n"
LINTER = {"lint.sh": "if grep -q TODO greeting.txt; then echo 'greeting.txt:1 says TODO'; exit 1; fi\n"}


async def linted(house: House) -> None:
    await house.push(LINTER)
    await house.configure(LINT)


async def test_a_red_linter_is_red_and_the_agent_hears_of_it(house: House) -> None:
    await linted(house)
    house.rehearse([Write("greeting.txt", "hello TODO\n")], RIGHT)
    told = house.status(await house.implement())
    first, second = (task.prompt for task in house.tasks)
    assert "with: sh check.sh && sh lint.sh\n" in first
    assert "greeting.txt:1 says TODO" in second
    assert "· done ·" in told
    assert "- [ ] Run the tests: `sh check.sh && sh lint.sh` · **failed**" in told
    assert "`sh check.sh && sh lint.sh` passed" in (house.pull.body or "")
    assert house.check.conclusion == "success"


async def test_a_linter_that_stays_red_is_named(house: House) -> None:
    await linted(house)
    wrong = [Write("greeting.txt", "hello TODO\n")]
    house.rehearse(wrong, wrong, wrong)
    told = house.status(await house.implement())
    assert "Failed: `sh lint.sh` still fails after 3 tries." in told
    assert "`sh lint.sh` failed in" in (house.pull.body or "")
    assert (house.check.conclusion, house.check.title) == ("failure", "Failed: `sh lint.sh` still fails after 3 tries.")


async def test_a_linter_that_is_not_there_is_said_to_be(house: House) -> None:
    await house.configure("lint: no-such-linter .\n")
    house.rehearse(RIGHT)
    told = house.status(await house.implement())
    assert "Failed: the lint command `no-such-linter .` cannot be run here (exit 127)." in told


async def test_linters_judge_where_there_are_no_tests(house: House) -> None:
    await house.push({**LINTER, "check.sh": None, ".github/tutti.yml": f"version: 1\nbackend: rehearsal\n{LINT}"})
    house.rehearse([Write("greeting.txt", "hello TODO\n")], RIGHT)
    assert "- [x] Run the tests: `sh lint.sh`" in house.status(await house.implement())
    assert house.played == [1, 2]


# ---- hosts of the set-up ---------------------------------------------------------------------------------------------

REACH = """import http.client, os, sys, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
for host in sys.argv[1:]:
    way = http.client.HTTPConnection(proxy.hostname, proxy.port)
    way.set_tunnel(host, 443)
    try:
        way.connect()
    except OSError:
        pass
raise SystemExit(1)
"""


async def test_a_set_up_reaches_those_of_the_operators_hosts_that_the_repository_names(tmp_path: Path) -> None:
    """An address of this machine is one that nobody may reach, which is a sentence of its own."""
    async with opened(tmp_path, extra={"setup_hosts": ("127.0.0.1", "packages.example")}) as house:
        await house.push({"reach.py": REACH})
        setup = "setup: python reach.py 127.0.0.1 packages.example elsewhere.example\n"
        await house.configure(f"{setup}setup-hosts: [127.0.0.1]\n")
        told = house.status(await house.implement())
        assert "`127.0.0.1` has no address that a set-up step may connect to" in told
        assert "`packages.example` is not among the hosts that `setup-hosts` in .github/tutti.yml names" in told
        assert "`elsewhere.example` is not among the hosts that a set-up step may reach" in told


# ---- paths -----------------------------------------------------------------------------------------------------------


async def test_what_lies_outside_of_what_runs_may_change_is_refused(house: House) -> None:
    await house.configure("owns: ['*.txt', 'docs/']\n")
    house.rehearse([*RIGHT, Write("docs/a.md", "a\n"), Write("src/a.py", "a = 1\n"), Write("b.py", "b = 1\n")])
    told = house.status(await house.implement())
    assert "· refused ·" in told
    sentence = "`b.py`, `src/a.py` lie outside of what runs of this repository may change by its configuration: "
    assert f"- {sentence}`*.txt`, `docs/`." in told
    assert (house.pulls(), sorted(house.repo.branches)) == ([], ["main"])


async def test_a_workflows_own_paths_hold_besides(house: House) -> None:
    workflow = (
        "name: Docs\non: {issues: {types: [labeled], labels: [docs]}}\n"
        "jobs: {write: {agent: developer, owns: ['docs/']}}\noutputs: {pull-request: {}}\n"
    )
    await house.push({".github/tutti/workflows/docs.yml": workflow})
    await house.configure("owns: ['*.txt']\n", test="'true'")
    await house.settle()
    house.rehearse([Write("docs/a.txt", "a\n"), Write("docs/a.md", "a\n"), Write("b.txt", "b\n")])
    issue = await house.open_issue()
    await house.label(issue, "docs")
    await house.settle()
    told = house.status(issue)
    assert "`b.txt` lies outside of what this job may change: `docs/`." in told
    assert "`docs/a.md` lies outside of what runs of this repository may change" in told
    assert house.pulls() == []


async def test_what_the_repository_protects_waits_for_a_person(house: House) -> None:
    await house.configure("protected: ['infra/*', '!infra/README.md']\n")
    house.rehearse([*RIGHT, Write("Infra/Main.tf", "x\n"), Write("Infra/README.md", "x\n")])
    issue = await house.implement()
    told = house.status(issue)
    assert "· needs approval ·" in told
    assert "- It adds `Infra/Main.tf`, which this repository's configuration protects (`infra/*`)." in told
    assert "- It adds `Infra/README.md`" not in told
    assert house.pulls() == []
    await house.label(issue, APPROVED)
    await house.settle()
    house.said(issue)
    assert await house.file(house.pull.head, "Infra/Main.tf") == "x\n"


async def test_a_fix_pushes_nothing_that_the_repository_protects_or_keeps_from_runs(desk: Desk) -> None:
    pull = await found(desk)
    before = dict(desk.repo.branches)
    for settings, sentence in (
        ("protected: ['/shop/']\n", "- It changes `shop/cart.py`, which this repository's configuration protects"),
        ("owns: ['docs/']\n", "`shop/cart.py` lies outside of what runs of this repository may change"),
    ):
        await desk.configure(settings, test="'true'")
        desk.script |= {"A review of pull request": {1: (MEND, SAID)}}
        await desk.order(pull, "/fix")
        told = [body for body in desk.said(pull) if "Fix review findings" in body][-1]
        assert "· refused ·" in told
        assert sentence in told
    assert desk.repo.branches["topic"] == before["topic"]


# ---- the language ----------------------------------------------------------------------------------------------------


async def test_agents_write_for_people_in_the_language_that_is_set(house: House) -> None:
    house.rehearse(RIGHT)
    house.status(await house.implement())
    await house.configure("language: German\n")
    house.status(await house.implement("Greet"))
    before, after = (task.prompt for task in house.tasks)
    assert "the plan, in" not in before
    assert "the summary, the title and the plan, in German." in after


@pytest.mark.parametrize(
    ("settings", "language"),
    [("language: German\n", "German"), ("language: German\nreview: {language: French}\n", "French")],
)
async def test_reviews_and_fixes_too_and_a_language_for_reviews_wins_there(
    desk: Desk, settings: str, language: str
) -> None:
    await desk.configure(settings, test="'true'")
    pull = await found(desk)
    assert all(f"in {language}" in task.prompt for task in desk.tasks)
    desk.tasks.clear()
    desk.script |= {"A review of pull request": {1: (MEND, SAID)}}
    await desk.order(pull, "/fix")
    assert "the plan, in German." in next(task.prompt for task in desk.tasks if "fix.agent" in task.key)
    status(desk, pull)


# ---- the money -------------------------------------------------------------------------------------------------------


async def test_what_a_repository_sets_for_its_day_stops_its_agents(house: House) -> None:
    """The agent asks the model at the door that it was given; the operator would allow far more."""
    await house.configure("limits: {usd-a-day: 3}\n")
    house.rehearse(RIGHT)
    house.gate.close()
    issue = await house.open_issue()
    await house.label(issue)
    await house.gate.reached()
    bench, (task,) = house.bot.bench, house.tasks
    await bench.db.write(lambda conn: spending.pay(conn, bench.shop.budget.today, "other", "acme/greeter", 0, 3))
    connector, headers = aiohttp.UnixConnector(str(task.doors[0].socket)), {"x-api-key": task.token}
    async with aiohttp.ClientSession("http://tutti", connector=connector, headers=headers) as client:
        answer = await client.post("/v1/messages", json=question())
        assert (answer.status, "acme/greeter may use $3.00 a day" in await answer.text()) == (403, True)
    await house.gate.open()
    await house.settle()
    house.status(issue)


# ---- a pull request sets nothing -------------------------------------------------------------------------------------

HOSTILE = """staged: true
co-authors: true
services: ["*"]
layers: {all: ["**"]}
language: Klingon
lint: touch reached; false
agents: {fixer: {max-turns: 1}, review/*: {max-turns: 1}}
owns: ['nothing/']
protected: ['*']
setup: 'false'
setup-hosts: []
limits: {usd-a-day: 0.01, runs-a-day: 0}
"""


async def test_c23_no_key_of_a_pull_requests_own_configuration_has_an_effect(desk: Desk) -> None:
    theirs = CONFIGURATION.replace("sh check.sh", "'true'") + HOSTILE
    desk.finds("correctness", ROUNDING)
    pull = await desk.reviewed({"shop/cart.py": DISCOUNT, ".github/tutti.yml": theirs})
    desk.finds("correctness")
    desk.script |= {"A review of pull request": {1: (MEND, SAID)}}
    await desk.order(pull, "/fix")
    assert "Done: #1 has the new commits." in status(desk, pull)
    assert "Run the tests: `true`" in status(desk, pull)
    assert all(task.max_turns > 1 and "Klingon" not in task.prompt.partition("BEGIN DATA")[0] for task in desk.tasks)
    assert desk.remarks(pull)
    assert "for this review the default branch's copy held" in desk.summary(pull)


async def test_what_a_run_began_with_holds_after_a_crash(house: House) -> None:
    await house.configure("owns: ['docs/']\nlanguage: German\nagents: {developer: {max-turns: 7}}\n")
    house.rehearse(RIGHT)
    issue = await house.open_issue()
    house.crash_at("implement.agent.1:before")
    await house.label(issue)
    await house.reached.wait()
    await house.configure()
    await house.restart()
    await house.settle()
    assert "outside of what runs of this repository may change" in house.status(issue)
    assert [(task.max_turns, "in German." in task.prompt) for task in house.tasks] == [(7, True)]
