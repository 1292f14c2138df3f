"""Every sentence of staged runs: what would be published where nothing is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.github.harmless import HOST, code, phrase
from bot.policy.finding import Finding
from bot.publish import parts_text, review_text, text, verdict
from bot.publish.review_text import Story
from bot.review.said import Said

MOST_COMMITS = 20
ROOM, UNSAID = 40_000, 10_000  # characters of a summary: for what would be said, for what would not
BEGIN = "Staged: nothing but this comment is written."


@dataclass(frozen=True)
class Change:
    """What a run would publish: commits, by their messages, on a branch, and a pull request, unless that is `theirs`.

    `pull` is the one that it goes on with. `closes` is the issue that is closed with it, 0: none; `asks` is the login
    of who would be asked for a review. Nothing is pushed to a `fork`, and to people's branches only what is complete.
    """

    branch: str
    commits: Sequence[str]
    title: str
    labels: Sequence[str] = ()
    closes: int = 0
    asks: str = ""
    pull: int | None = None
    draft: bool = False
    theirs: bool = False
    fork: bool = False
    complete: bool = True


def working() -> str:
    """The title of the step that takes the place of publishing."""
    return "Show what would be published"


def no_branch(branch: str) -> str:
    """For a run on a clone."""
    return f"Staged: the branch {code(branch)} is not made."


def change(parts: Sequence[Change], findings: Sequence[Finding]) -> str:
    """What a run would do, by pull request, and what of it the policies would refuse, have approved or name."""
    made = parts[0]
    hindering = ("refuse", "approve") if made.theirs else ("refuse",)
    refused = [one for one in findings if one.level in hindering]
    waits = [one for one in findings if one.level == "approve"]
    named = [one for one in findings if one.level in ("draft", "flag")]
    if refused:
        return f"{BEGIN} The change would be refused:\n\n{verdict.listed(refused)}"
    if made.theirs and not made.complete:
        return f"{BEGIN} Nothing would be pushed, for the work is not complete."
    when = "Once a person has approved it, this would be done:" if waits else "This would be done:"
    said = [f"{BEGIN} {when}", *_all_acts(parts)]
    said += [f"What a person would have to approve:\n\n{verdict.listed(waits)}"] if waits else []
    said += [f"What would be named for whoever reads it:\n\n{verdict.listed(named)}"] if named else []
    return "\n\n".join(said)


def _all_acts(parts: Sequence[Change]) -> list[str]:
    acts = ["\n".join(f"- {line}" for line in _acts(part)) for part in parts]
    if len(acts) == 1:
        return acts
    return [f"{parts_text.staged(number, len(acts))}\n\n{one}" for number, one in enumerate(acts, start=1)]


def _acts(made: Change) -> list[str]:
    if made.fork:
        return ["offer the patch, for nothing is pushed to a fork"]
    return [_push(made), *([] if made.theirs else _pull(made)), "write a check run on the newest commit"]


def _push(made: Change) -> str:
    subjects = [code(message.partition("\n")[0]) for message in made.commits]
    shown = ", ".join(subjects[:MOST_COMMITS]) + " and more" * (len(subjects) > MOST_COMMITS)
    return f"push {len(subjects)} commit{'s' if len(subjects) != 1 else ''} to the branch {code(made.branch)}: {shown}"


def _pull(made: Change) -> list[str]:
    kind = "a draft of a pull request" if made.draft else "a pull request"
    opens = f"open {kind} with the title {code(made.title)}"
    told = f"tell of it in the text of #{made.pull}" if made.pull else opens
    closes = f", which closes #{made.closes} when it is merged" if made.closes else ""
    labels = f"set the label{'s' if len(made.labels) != 1 else ''} {', '.join(map(code, made.labels))}"
    asks = f"ask {code(made.asks)} to review it"
    return [told + closes, *([labels] if made.labels else []), *([asks] if made.asks else [])]


# ---- reviews ---------------------------------------------------------------------------------------------------------


def review(story: Story, new: Sequence[Said], event: str, conclusion: str, threads: int, host: str = HOST) -> str:
    """The summary of a review that posts nothing else: its verdict, its check's end, every finding it would say.

    `event` is empty where no review would be posted; `threads` are those that would be resolved or opened again.
    """
    ends = f"the check run would end as {code(conclusion)}"
    acts = [f"a review would be posted as {code(event)}" if event else "no review would be posted"]
    acts += [f"{threads} thread{'s' if threads != 1 else ''} would be resolved or opened again"] if threads else []
    room = ROOM // max(len(new), 1)
    at_lines, in_text = ([one for one in new if one.inline == inline] for inline in (True, False))
    parts = [f"### Staged: {review_text.headline(story)}", f"{BEGIN} {_sentence([*acts, ends])}"]
    for title, found in (("At lines", at_lines), ("In the review's text", in_text)):
        parts += [f"#### {title}"] * bool(found)
        parts += [review_text.in_body(one.number, one.finding, room, host) for one in found]
    return "\n\n".join(part for part in [*parts, *_honest(story), _foot(story)] if part)


def reviewed(headline: str) -> str:
    return f"Staged, so only the summary says it: {headline}."


def _sentence(acts: Sequence[str]) -> str:
    said = f"{', '.join(acts[:-1])}, and {acts[-1]}."
    return said[0].upper() + said[1:]


def _honest(story: Story) -> list[str]:
    """What was not read, who failed, and what would not be said."""
    parts = [review_text.read(story.coverage)] if story.coverage.total else []
    parts += [f"The agent {code(agent.name)} failed: {phrase(agent.problem)}" for agent in story.failed]
    unsaid = text.tail(review_text.unsaid(story.silent), UNSAID)
    count = review_text.count(len(story.silent), "finding")
    return [*parts, *story.notes, *([text.folded(f"Not said: {count}", text.fence(unsaid))] if story.silent else [])]


def _foot(story: Story) -> str:
    facts = [text.duration(story.seconds), text.money(story.cost)] if story.agents else []
    facts += [f"[run]({story.page})"] if story.page else []
    return f"<sub>{' · '.join(facts)}</sub>" if facts else ""
