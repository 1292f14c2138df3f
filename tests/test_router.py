"""What events mean, as a table: decisions, or why there is none."""

from typing import Any

import pytest

from bot.decision import Cancel, Decision, Leave, Own, Reread, Start, Welcome
from bot.github.events import Event, Ignored, InstallationEvent, Issue, IssueEvent, Person, PushEvent, RepoRef
from bot.router import route
from tests.shelf import only

BOT, ADA = Person("tutti[bot]", 1, True), Person("ada", 2, False)
SHOP = RepoRef("acme", "shop", 7, 5)
ID = "auto-implement"
NOTHING = Ignored("no workflow asks for this (issue)")


def issue(action: str, label: str | None = None, actor: Person = ADA, **more: Any) -> IssueEvent:
    about: dict[str, Any] = {"state": "open", "is_pull": False, **more}
    return IssueEvent(action, SHOP, actor, Issue(3, "T", "", ADA, (), url="", **about), label)


def push(*paths: str, default: bool = True, after: str = "2" * 40, incomplete: bool = False) -> PushEvent:
    return PushEvent(SHOP, ADA, "refs/heads/main", "1" * 40, after, paths, default, incomplete=incomplete)


def installation(action: str, *repos: RepoRef) -> InstallationEvent:
    return InstallationEvent(action, 5, ADA, repos)


TABLE: list[tuple[Event, list[Decision] | Ignored]] = [
    (issue("labeled", ID), [Start(ID, ID)]),
    (issue("labeled", ID, actor=BOT), Ignored("the bot did this itself")),
    (issue("labeled", ID, actor=Person("tutti[bot]", 9, True)), [Start(ID, ID)]),
    (issue("labeled", "bug"), NOTHING),
    (issue("labeled", ID, state="closed"), NOTHING),
    (issue("labeled", ID, is_pull=True), NOTHING),
    (issue("opened"), NOTHING),
    (issue("unlabeled", ID), [Cancel(ID, f"Cancelled: @ada took the label `{ID}` off.")]),
    (issue("unlabeled", ID, actor=BOT), Ignored("the bot did this itself")),
    (issue("unlabeled", "bug"), NOTHING),
    (issue("closed", state="closed"), [Cancel(ID, "Cancelled: @ada closed the issue.")]),
    (issue("reopened"), NOTHING),
    (push(".github/tutti.yml", "a.py"), [Reread(SHOP, "2" * 40, (".github/tutti.yml",))]),
    (push(".github/tutti/workflows/x.yaml"), [Reread(SHOP, "2" * 40, (".github/tutti/workflows/x.yaml",))]),
    (push(".github/tutti/workflows/README.md"), Ignored("no workflow asks for this (push)")),
    (push(".github/tutti/workflows/deep/x.yml"), Ignored("no workflow asks for this (push)")),
    (push("a.py", incomplete=True), [Reread(SHOP, "2" * 40, (), whole=True)]),
    (push(default=False, incomplete=True), Ignored("no workflow asks for this (push)")),
    (push(after="0" * 40, incomplete=True), Ignored("no workflow asks for this (push)")),
    (push(".github/tutti.yml", default=False), Ignored("no workflow asks for this (push)")),
    (push(".github/tutti.yml", after="0" * 40), Ignored("no workflow asks for this (push)")),
    (installation("created", SHOP), [Welcome((SHOP,))]),
    (installation("added", SHOP), [Welcome((SHOP,))]),
    (installation("removed", SHOP), [Leave((SHOP,))]),
    (installation("deleted", SHOP), [Leave((SHOP,), 5)]),
    (installation("deleted"), [Leave((), 5)]),
    (installation("suspend"), [Leave((), 5)]),
    (installation("removed"), Ignored("no workflow asks for this (installation)")),
    (installation("new_permissions_accepted", SHOP), Ignored("no workflow asks for this (installation)")),
]


@pytest.mark.parametrize(("event", "meaning"), TABLE)
def test_what_an_event_means(event: Event, meaning: list[Decision] | Ignored) -> None:
    assert route(event, only("auto-implement", "review", "fix").workflows, Own(BOT.id, "tutti")) == meaning
