"""`.github/tutti.yml`: what it refuses, and what it changes."""

import pytest
import sqlalchemy as sa

from bot.backends.rehearsal import Say, Write
from bot.document import MAX_BYTES
from bot.emulator.world import Repo
from bot.errors import ConfigError
from bot.github.entity import Person, Pull, RepoRef
from bot.publish.pull_ground import skipped
from bot.review.glob import among
from bot.review.rules import ReviewRules
from bot.store.db import copies
from bot.workflow import known, override
from bot.workflow.bounds import Bounds
from bot.workflow.configuration import AgentSettings, Configuration, stored
from bot.workflow.known import Known
from bot.workflow.library import key, shipped
from tests.house import House
from tests.test_bad_input import PLACE, WORKFLOW, verdict

OURS = shipped()
KNOWN = Known(
    backends=("claude", "command"),
    agents=("developer", "review/security", "review/style"),
    workflows={"auto-implement": OURS.workflows["auto-implement"], "review": OURS.workflows["review"], "mine": None},
    models=frozenset({"claude-opus-4-5", "claude-haiku-4-5"}),
    hosts=frozenset({("packages.example", 443), ("npm.example", 8443)}),
    most=Bounds(usd=5, minutes=60),
    usd_a_day=50,
    runs_a_day=20,
)
RIGHT = (Write("greeting.txt", "hello\n"), Say("It says hello now."))

# ---- what it refuses -------------------------------------------------------------------------------------------------

MISTAKES = {
    "an agent": ("agents:\n  develper: {}", "3: there is no agent `develper` (did you mean `developer`?)"),
    "a folder": (
        "agents:\n  reviews/*: {}",
        "3: there is no agent `reviews/*` (did you mean `review/style`?)",
    ),
    "half a name": (
        "agents:\n  rev*: {}",
        "3: there is no agent `rev*` (known: developer, review/security, review/style)",
    ),
    "an agent's backend": (
        "agents:\n  developer:\n    backend: cladue",
        "4: there is no backend `cladue` (did you mean `claude`?)",
    ),
    "an agent's model": (
        "agents:\n  developer:\n    model: claude-opus-4.5",
        "4: this installation does not allow the model `claude-opus-4.5` (did you mean `claude-opus-4-5`?)",
    ),
    "a tier's model": (
        "review:\n  tiers:\n    - name: x\n      model: gpt",
        "5: this installation does not allow the model `gpt` (allowed: claude-haiku-4-5, claude-opus-4-5)",
    ),
    "a tier's agent": (
        "review:\n  tiers:\n    - name: x\n      agents: [style, securty]",
        "5: there is no agent `securty` that reads reviews (did you mean `security`?)",
    ),
    "a tier's agent with its folder": (
        "review:\n  tiers: [{name: x, agents: [review/style]}]",
        "3: there is no agent `review/style` that reads reviews (did you mean `style`?)",
    ),
    "a tier's agent of another folder": (
        "review:\n  tiers: [{name: x, agents: [developer]}]",
        "3: there is no agent `developer` that reads reviews (known: security, style)",
    ),
    "the label that approves": (
        "workflows:\n  auto-implement:\n    labels: [go, Tutti-Approved]",
        "4: `workflows.auto-implement.labels.1`: the label `tutti-approved` approves of what waits, so it can start or",
    ),
    "a test that is none": ("test: ['']", "2: `test.0`: a command line that does nothing; for none at all write `[]`"),
    "a lint that is none": ("lint: ''", "2: `lint.0`: a command line that does nothing; for none at all write `[]`"),
    "a set-up of remarks": ("setup: |\n  # nothing\n   \n", "2: `setup.0`: a command line that does nothing"),
    "a workflow": ("workflows:\n  reviw: {}", "3: there is no workflow `reviw` (did you mean `review`?)"),
    "a key of a workflow": (
        "workflows:\n  review:\n    enable: false",
        "4: unknown key `workflows.review.enable` (did you mean `enabled`?)",
    ),
    "labels of what starts by none": (
        "workflows:\n  review:\n    labels: [x]",
        "4: no label starts the workflow `review`",
    ),
    "no labels": (
        "workflows:\n  auto-implement:\n    labels: []",
        "4: `workflows.auto-implement.labels`: tuple should have at least 1 item after validation, not 0",
    ),
    "a plan of a review": (
        "workflows:\n  review:\n    approval: plan",
        "4: the workflow `review` opens no pull request, so there is no plan to approve of",
    ),
    "a right": (
        "workflows:\n  review:\n    requires: everybody",
        "4: `workflows.review.requires`: input should be 'read', 'triage', 'write', 'maintain' or 'admin'",
    ),
    "a workflow's limit": (
        "workflows:\n  mine:\n    limits:\n      minutes: 61",
        "5: `workflows.mine.limits.minutes`: this installation allows 60 minutes at most "
        "(whoever runs it can raise TUTTI_MAX_MINUTES)",
    ),
    "a limit": (
        "limits:\n  usd: 5.5",
        "3: `limits.usd`: this installation allows 5 USD at most (whoever runs it can raise TUTTI_MAX_USD)",
    ),
    "a day's limit": (
        "limits:\n  usd-a-day: 51",
        "3: `limits.usd-a-day`: this installation allows 50 USD at most "
        "(whoever runs it can raise TUTTI_REPO_USD_A_DAY)",
    ),
    "a day's runs": (
        "limits:\n  runs-a-day: 21",
        "3: `limits.runs-a-day`: this installation allows 20 runs at most "
        "(whoever runs it can raise TUTTI_REPO_RUNS_A_DAY)",
    ),
    "a host that is not allowed": (
        "setup-hosts:\n  - packages.example\n  - npm.example",
        "4: `setup-hosts.1`: this installation does not let set-up steps reach `npm.example` "
        "(whoever runs it can add it to TUTTI_SETUP_HOSTS)",
    ),
    "an address": (
        "setup-hosts: ['https://packages.example']",
        "2: `setup-hosts.0`: 'https://packages.example' is no host: write `name` or `name:port`",
    ),
    "every host": ("setup-hosts: ['*']", "2: `setup-hosts.0`: '*' is no host: write `name` or `name:port`"),
    "a port": (
        "setup-hosts: ['packages.example:70000']",
        "2: `setup-hosts.0`: 'packages.example:70000' is no host: write `name` or `name:port`",
    ),
    "a glob that is none": ("owns:\n  - src\n  - '!'", "4: `owns.1`: '!' is no glob as in a .gitignore"),
    "a remark": ("protected: ['# x']", "2: `protected.0`: '# x' is a glob that no path of a repository fits"),
    "nothing": ("protected: ['']", "2: `protected.0`: '' is a glob that no path of a repository fits"),
    "an open bracket": ("owns: ['[']", "2: `owns.0`: '[' is a glob that no path of a repository fits"),
    "a folder's own name": ("owns: [./src]", "2: `owns.0`: './src' is a glob that no path of a repository fits"),
    "a way out": ("owns: [../x/**]", "2: `owns.0`: '../x/**' is a glob that no path of a repository fits"),
    "nothing to take back": ("owns: ['!src']", "2: `owns`: '!src' takes nothing back: no glob stands before it"),
    "a bot's name": ("bots: [dependabot]", "2: `bots.0`: input should be a valid integer, unable to parse"),
    "a language in lines": ('language: "German\\nIgnore"', "2: `language`: string should match pattern"),
    "too many runs": ("limits: {runs-a-day: -1}", "2: `limits.runs-a-day`: input should be greater than"),
}


@pytest.mark.parametrize(("words", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_with_its_line_and_what_was_meant(words: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        known.parse(f"version: 1\n{words}\n", KNOWN)
    assert str(caught.value).startswith(f".github/tutti.yml:{said}")


def test_of_several_mistakes_the_first_line_is_named() -> None:
    with pytest.raises(ConfigError, match=r"yml:2: there is no backend `x`"):
        known.parse("version: 1\nbackend: x\nlimits: {usd: 900}\nagents: {nobody: {}}\n", KNOWN)


def test_what_is_known_and_allowed_is_taken() -> None:
    found = known.parse(
        "version: 1\nsetup-hosts: [Packages.example, 'npm.example:8443']\nowns: [src/**, '!src/x']\n"
        "workflows: {mine: {}}\nagents:\n  review/*: {model: claude-opus-4-5-20251101}\n  '*': {max-turns: 9}\n"
        "limits: {usd: 5}\n",
        KNOWN,
    )
    assert found.setup_hosts == ("packages.example", "npm.example:8443")


def test_a_command_line_may_begin_with_a_remark_and_none_at_all_is_an_empty_list() -> None:
    found = known.parse("version: 1\ntest: |\n  # all of them\n  pytest\nlint: []\n", KNOWN)
    assert (found.test, found.lint) == (("# all of them\npytest\n",), ())


def test_what_an_operator_allows_is_asked_only_where_it_is_known() -> None:
    nothing = Known(("claude",), ("developer",), {})
    known.parse("version: 1\nlimits: {usd: 900}\nsetup-hosts: [x.example]\nagents: {developer: {model: x}}\n", nothing)


HOSTILE = {
    "too large": f"version: 1\nowns: [{'a, ' * (MAX_BYTES // 3)}]",
    "a tag": "version: 1\nagents: !!python/object:os.system {}",
    "an anchor": "version: 1\nowns: &a [x]\nprotected: *a",
}


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_c24_a_hostile_configuration_is_refused_at_once(words: str) -> None:
    with pytest.raises(ConfigError):
        known.parse(words, KNOWN)


def test_c24_what_looks_like_a_regular_expression_is_a_glob_and_is_done_with_in_no_time() -> None:
    words = "version: 1\nowns: ['(a+)+$', '*a*a*a*a*a*a*a*a*a*a*a*a*b']\nprotected: ['(((a*)*)*)*!']\n"
    found = known.parse(words, KNOWN)
    assert among([*found.owns, *found.protected], ["a" * 5_000]) == frozenset()


def test_c24_a_branch_to_leave_out_is_looked_for_in_no_time() -> None:
    somebody = Person("ada", 2, False)
    pull = Pull(1, "T", "", somebody, (), "open", "", False, False, "h", "1" * 40, "a" * 240, "2" * 40, False)
    for globs, left_out in (("*a" * 12 + "b", False), ("*a" * 12, True)):
        rules = ReviewRules.model_validate({"skip": {"branches": ["release/*", globs, "!main"]}})
        assert bool(skipped(pull, rules, own_id=1)) == left_out


# ---- what it changes -------------------------------------------------------------------------------------------------


def configured(words: str) -> Configuration:
    found = stored(f"version: 1\n{words}")
    assert found is not None
    return found


def test_the_repository_lies_over_the_organisation_key_by_key() -> None:
    below = configured(
        "test: tox\nsetup: make\nprotected: [a, b]\nlimits: {usd: 2, minutes: 20}\nreview: {caps: {nit: 0, minor: 2}}\n"
        "agents: {developer: {model: m, max-turns: 3}}\nworkflows: {review: {enabled: false}, fix: {enabled: false}}\n"
    )
    above = configured(
        "test: pytest\nprotected: [c]\nlimits: {usd: 3}\nreview: {caps: {nit: 5}}\n"
        "agents: {developer: {max-turns: 9}}\nworkflows: {review: {requires: admin, enabled: true}}\nbase: null\n"
    )
    both = override.merged(below, above)
    assert both is not None
    assert (both.test, both.setup, both.protected, both.base) == (("pytest",), ("make",), ("c",), None)
    assert (both.limits.usd, both.limits.minutes) == (3, 20)
    assert both.review is not None
    assert (both.review.caps.nit, both.review.caps.minor, both.review.caps.model_fields_set) == (5, 2, {"nit", "minor"})
    assert both.agents["developer"] == AgentSettings.model_validate({"model": "m", "max-turns": 9})
    assert (both.workflows["review"].enabled, both.workflows["fix"].enabled) == (True, False)
    assert (override.merged(None, above), override.merged(below, None)) == (above, below)


def test_what_is_said_of_an_agent_goes_from_the_general_to_the_exact() -> None:
    found = configured(
        "backend: claude\nagents:\n  review/security: {max-turns: 5}\n  review/*: {model: b, max-turns: 4}\n"
        "  '*': {backend: command, model: a}\n"
    )
    assert override.of_agent(found, "review/security").model_dump() == {
        "backend": "command",
        "model": "b",
        "max_turns": 5,
    }
    assert override.of_agent(found, "developer").model == "a"
    assert override.of_agent(configured("backend: claude"), "developer").backend == "claude"
    assert override.of_agent(None, "developer") == AgentSettings()


def test_a_workflow_is_changed_and_its_limits_only_lowered() -> None:
    found = override.started(
        OURS.workflows,
        configured(
            "workflows:\n  auto-implement:\n    labels: [do-it]\n    requires: admin\n    approval: plan\n"
            "    limits: {usd: 9, minutes: 5}\n"
            "  review: {enabled: false}\n"
        ),
    )
    ours, theirs = OURS.workflows["auto-implement"], found["auto-implement"]
    assert set(found) == set(OURS.workflows) - {"review"}
    assert (theirs.trigger_labels, theirs.requires, theirs.approval) == (("do-it",), "admin", "plan")
    assert theirs.cancel_on is not None
    assert theirs.cancel_on.issues is not None
    assert theirs.cancel_on.issues.labels == ("do-it",)
    assert (theirs.limits.usd, theirs.limits.minutes) == (ours.limits.usd, 5)
    assert type(theirs).model_validate(theirs.model_dump(by_alias=True, exclude_none=True)) == theirs
    planned = override.changed(theirs, configured("workflows: {x: {approval: none}}").workflows["x"])
    assert planned.approval is None


# ---- in a repository -------------------------------------------------------------------------------------------------


def ref(house: House, repo: Repo) -> RepoRef:
    installation = house.emulator.world.installation_of(repo)
    assert installation is not None
    return RepoRef(repo.owner.login, repo.name, repo.id, installation.id)


async def test_another_label_starts_and_ends_the_workflow_and_is_created(house: House) -> None:
    house.rehearse(RIGHT)
    await house.configure("workflows: {auto-implement: {labels: [do-it], requires: maintain}}\n")
    await house.settle()
    assert "do-it" in {label.name for label in house.repo.labels}
    old, new = await house.open_issue(), await house.open_issue()
    await house.label(old)
    await house.label(new, "do-it")
    await house.settle()
    assert house.said(old) == []
    (refusal,) = house.said(new)
    assert "maintain" in refusal
    house.emulator.user("maintainer", "maintain")
    await house.label(new, "do-it")
    await house.settle()
    assert "· done ·" in house.said(new)[-1]


async def test_a_workflow_that_is_switched_off_starts_nothing(house: House) -> None:
    await house.configure("workflows: {auto-implement: {enabled: false}}\n")
    await house.settle()
    assert house.said(await house.implement()) == []
    assert await house.runs() == []


async def test_a_repositorys_own_workflow_may_be_named_and_its_end_is_a_mistake_on_that_commit(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    good = await house.push(
        {PLACE: WORKFLOW, ".github/tutti.yml": "version: 1\nbackend: rehearsal\nworkflows: {greet: {enabled: false}}\n"}
    )
    await house.settle()
    assert verdict(house, good)[0] == "success"
    assert "greet" not in await house.bot.library.workflows(key(ref(house, house.repo)))
    bad = await house.push({PLACE: None})
    await house.settle()
    assert verdict(house, bad)[2].startswith("- ``.github/tutti.yml:3: there is no workflow `greet`")


async def test_a_host_is_held_against_what_this_machines_package_clients_use(house: House) -> None:
    house.expected_log = {"repository file not adopted"}
    commit = await house.configure("setup-hosts: [hosts.example]\n")
    await house.settle()
    assert "does not let set-up steps reach `hosts.example`" in verdict(house, commit)[2]
    again = await house.configure('"setup\\x2dhosts": [evil.example]\n')
    await house.settle()
    assert "does not let set-up steps reach `evil.example`" in verdict(house, again)[2], "the same key in other letters"
    assert "TUTTI_SETUP_HOSTS" in verdict(house, commit)[2]


async def test_a_last_good_copy_that_is_good_no_longer_is_none(house: House) -> None:
    """An update may refuse what was fine: what the copy guards must not fall away because of it."""
    house.expected_log = {"repository file not adopted"}
    await house.configure("lint: ''\nprotected: [infra/]\n")
    await house.settle()
    old = sa.update(copies).where(copies.c.path == ".github/tutti.yml").values(text="version: 1\nlint: ''\n")
    await house.bot.bench.db.write(lambda conn: conn.execute(old))
    words = house.status(await house.implement())
    assert "· refused ·" in words
    assert "a command line that does nothing" in words
