"""What a run is about: the event that asked for it, and the issue or pull request it belongs to. Pure."""

from bot.github.entity import Issue, Pull, RepoRef
from bot.github.events import CommentEvent, IssueEvent, PullEvent, load
from bot.store.record import Run

Act = IssueEvent | PullEvent | CommentEvent


def event_of(run: Run) -> Act:
    """The event that asked for a run."""
    event = load(run.context["event"])
    assert isinstance(event, Act)
    return event


def of(run: Run, repo: RepoRef) -> bool:
    """Whether a run is this very repository's, in this installation: names change hands."""
    mine = event_of(run).repo
    return (mine.id, mine.installation) == (repo.id, repo.installation)


def payer_of(run: Run) -> tuple[int, str]:
    """Whose day a run counts against, by id and login: who asked for it, or tried it again last."""
    if payer := run.facts.get("payer"):
        return int(payer[0]), str(payer[1])
    actor = event_of(run).actor
    return actor.id, actor.login


def issue_of(run: Run) -> Issue:
    """The issue a run is for; of a pull request its conversation, as it was when the run was asked for."""
    return issue_in(event_of(run))


def issue_in(event: Act) -> Issue:
    return as_issue(event.pull) if isinstance(event, PullEvent) else event.issue


def label_of(run: Run) -> str:
    """The label that asked for a run, empty where none did."""
    event = event_of(run)
    return (event.label or "") if isinstance(event, IssueEvent) else ""


def as_issue(pull: Pull) -> Issue:
    """A pull request as the conversation it is, too."""
    return Issue(
        number=pull.number,
        title=pull.title,
        body=pull.body,
        author=pull.author,
        labels=pull.labels,
        state=pull.state,
        is_pull=True,
        url=pull.url,
    )
