"""Every sentence about what many agents made together, and about the pull requests of one run. Pure."""

import re
from collections.abc import Sequence

from bot.github.harmless import code, harmless, plain

MOST_PATHS = 3
NOTHING_SAID = "Its agent gave no summary."
_COUNT = re.compile(r" \(\d+ of \d+\)$")
CUT = "(Cut here: the whole of it would be too long.)"


def joined(jobs: Sequence[str]) -> str:
    """The subject of a commit that holds where the work of several jobs met."""
    names = [job.rpartition("/")[2] for job in jobs]
    return f"join the work of {_listed(names[:3] + [f'{len(names) - 3} more'] * (len(names) > 3))}"


def did(job: str, heading: str) -> str:
    """A line of such a commit: what one of the jobs did."""
    name = job.rpartition("/")[2]
    return f"- {plain(f'{name}: {heading}')}"[:100]


def resolved(paths: Sequence[str], jobs: Sequence[str]) -> str:
    """What a reader of the change has to look at closely: an agent resolved what these jobs did to these files."""
    names = [code(job, 120) for job in jobs[:5]] + [f"{len(jobs) - 5} more"] * (len(jobs) > 5)
    between = f" between {_listed(names)}" if len(jobs) > 1 else f" with the work of {names[0]}" if jobs else ""
    return f"Conflicts in {shown(paths)}{between} were resolved by an agent: look at these lines."


def shown(paths: Sequence[str]) -> str:
    more = len(paths) - MOST_PATHS
    return _listed([*(code(path, 120) for path in paths[:MOST_PATHS]), *[f"{more} more"] * (more > 0)])


def changed(paths: Sequence[str]) -> str:
    """For a job whose agent said nothing."""
    return f"{NOTHING_SAID} It changed {shown(paths)}." if paths else NOTHING_SAID


def many(jobs: int) -> str:
    return f"{jobs} jobs made this, in the order in which they were merged."


def more_conflicts(count: int) -> str:
    return f"{count} more conflict{'s were' if count != 1 else ' was'} resolved by an agent."


def _listed(said: Sequence[str]) -> str:
    return f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else "".join(said)


# ---- several pull requests of one run --------------------------------------------------------------------------------


def numbered(title: str, number: int, total: int) -> str:
    """The title of one of them; it is cut where both do not fit into 120 characters."""
    count = f" ({number} of {total})"
    return (title if len(title + count) <= 120 else title[: 117 - len(count)].rstrip() + "...") + count


def series(number: int, total: int, others: Sequence[int]) -> str:
    """What every one of them says of the others, as far as these are known."""
    are = "the others are" if len(others) > 1 else "another is" if total > 2 else "the other is"
    named = f"; {are} {_pulls(others)}" if others else ""
    return f"This is {number} of {total} pull requests of one run{named}. No file is in two of them."


def stood(command: str, word: str, seconds: str, *, several: bool) -> str:
    """What the tests said of everything together, or where there are several pull requests, of this one."""
    what = "this pull request by itself; all of them were tested together, too" if several else "everything together"
    return f"{command} {word} in {seconds}, on {what}."


def renumbered(title: str, number: int, total: int) -> str:
    """The title of one that is open already, as people may have worded it, with its place where that stands in it."""
    return _COUNT.sub(f" ({number} of {total})" if total > 1 else "", title)


def done(pulls: Sequence[int], issue: int) -> str:
    return f"Done: {_pulls(pulls)} are open. They are parts of #{issue}, which none of them closes."


def done_with_a_question(pulls: Sequence[int], issue: int, asked: Sequence[int]) -> str:
    """Where of some of them a person has to say that they are ready: they alter what the tests demand."""
    them = f"{_pulls(asked)} {'alter' if len(asked) > 1 else 'alters'} what the tests demand; the text names where"
    return f"{done(pulls, issue)} Look closely before you merge: {them}."


def offered(pulls: Sequence[int], drafts: Sequence[int]) -> str:
    return f"What was made so far is in {_pulls(pulls)}" + (", which are drafts." if drafts else ".")


def opened_before(pulls: Sequence[int]) -> str:
    """For a run that could not publish the rest of its work."""
    return f"Open {'are' if len(pulls) > 1 else 'is'} already {_pulls(pulls)}."


def closing(place: int) -> str:
    """What is said in a pull request that is closed."""
    return f"Closed: the run was done anew, and the work of this pull request is in #{place} now."


def was_closed(pull: int, place: int) -> str:
    return f"#{pull} is closed: its work is in #{place} now."


def left_open(pull: int, place: int, why: str) -> str:
    return f"#{pull} stays open, though its work is in #{place} now: {harmless(why)}. Close it if you need it no more."


def opened_by_others() -> str:
    return "somebody else opened it"


def pushed_to() -> str:
    return "somebody else has pushed to it"


def was_approved() -> str:
    return "it is approved"


def nothing_instead(pull: int) -> str:
    return f"#{pull} stays open as it was: nothing that was made now takes its place."


def not_closed(pulls: Sequence[int], why: str) -> str:
    return f"{_pulls(pulls)} could not be closed, though of no use any more: {harmless(why)}"


def would_close(pulls: Sequence[int]) -> str:
    """For a staged run."""
    them, their = ("them", "their") if len(pulls) > 1 else ("it", "its")
    unless = f"unless somebody has pushed to {them} or approved {them}"
    return f"{_pulls(pulls)} would be closed, {unless}: {their} work is elsewhere."


def _pulls(numbers: Sequence[int]) -> str:
    return _listed([f"#{number}" for number in numbers])


def staged(number: int, total: int) -> str:
    return f"Pull request {number} of {total}:"


def on_branches(branches: Sequence[str]) -> str:
    return f"The work is on the branches {_listed([code(branch) for branch in branches])}."
