"""What a workflow may not exceed: the room in the database, the operator's limits, the repository's limits."""

import pytest

from bot.agents.spec import AgentSpec
from bot.errors import ConfigError
from bot.workflow.bounds import Bounds, held, lowered, parse_owned
from bot.workflow.configuration import RepositoryLimits
from bot.workflow.spec import Limits, parse_workflow
from bot.workflow.trigger import IssuesTrigger

AGENTS = {"developer": AgentSpec(prompt="Work.")}
FILE = """name: Greet
on: {issues: {types: [opened]}}
jobs:
  greet: {agent: developer}
outputs: {pull-request: {}}
"""


@pytest.mark.parametrize(
    ("set_there", "matches"), [("auto-implement", True), ("Auto-Implement", True), ("auto", False)]
)
def test_a_label_matches_in_any_case(set_there: str, matches: bool) -> None:
    assert IssuesTrigger(types=("labeled",), labels=("auto-IMPLEMENT",)).matches("labeled", set_there) is matches


def test_a_trigger_without_labels_listens_to_each() -> None:
    assert IssuesTrigger(types=("labeled",)).matches("labeled", "anything")


@pytest.mark.parametrize(
    ("workflow", "repository", "most", "usd", "minutes"),
    [
        (Limits(), RepositoryLimits(), Bounds(5, 60), 5, 60),
        (Limits(), RepositoryLimits(usd=2, minutes=90), Bounds(5, 60), 2, 60),
        (Limits(usd=3, minutes=10), RepositoryLimits(usd=4), Bounds(5, 60), 3, 10),
        (Limits(usd=50, minutes=600), RepositoryLimits(usd=40), Bounds(20, 120), 20, 120),
        (Limits(), RepositoryLimits(), Bounds(1, 5), 1, 5),
    ],
)
def test_of_all_limits_the_lowest_holds(
    workflow: Limits, repository: RepositoryLimits, most: Bounds, usd: float, minutes: float
) -> None:
    found = lowered(workflow, repository, most)
    assert (found.usd, found.minutes, found.silence_minutes) == (usd, minutes, workflow.silence_minutes)


def test_more_minutes_than_allowed_are_refused_with_their_line() -> None:
    with pytest.raises(ConfigError, match=r"g.yml:7: `limits.minutes`: this installation allows 60 minutes at most"):
        parse_owned("g.yml", FILE + "limits:\n  minutes: 61\n", AGENTS, Bounds(5, 60))


def test_more_agents_than_allowed_are_refused_in_a_repository_and_kept_from_ours() -> None:
    most = Bounds(5, 60, agents=3)
    with pytest.raises(
        ConfigError,
        match=r"g.yml:7: `limits.agents`: this installation allows 3 agents at once at most .*TUTTI_MAX_AGENTS",
    ):
        parse_owned("g.yml", FILE + "limits:\n  agents: 4\n", AGENTS, most)
    for wanted, found in ((2, 2), (50, 3)):
        ours = parse_workflow("g.yml", f"{FILE}limits: {{agents: {wanted}}}\n", AGENTS)
        assert held(ours, most).limits == ours.limits.model_copy(update={"agents": found})
        assert lowered(ours.limits, RepositoryLimits(), most).agents == found


def test_limits_that_a_file_does_not_name_are_never_refused() -> None:
    assert parse_owned("g.yml", FILE, AGENTS, Bounds(1, 1, 1)).name == "Greet"


def test_names_that_the_database_has_no_room_for_are_refused() -> None:
    with pytest.raises(ConfigError, match=r":1: the file's name is longer than 100 characters"):
        parse_workflow(f"{'g' * 101}.yml", FILE, AGENTS)
    with pytest.raises(ConfigError, match=r"g.yml:4: `jobs.g+`: a job's name has at most 60 letters"):
        parse_workflow("g.yml", FILE.replace("greet:", f"{'g' * 61}:"), AGENTS)
    assert parse_workflow(f"{'g' * 100}.yml", FILE.replace("greet:", f"{'g' * 60}:"), AGENTS).name == "Greet"
