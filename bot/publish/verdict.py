"""What people read about policies, approvals and patches, one function a message. Pure."""

from collections.abc import Sequence
from pathlib import Path

from bot.errors import ACTIVE, State
from bot.github.content import LEVELS, Level
from bot.github.harmless import code
from bot.policy.finding import Finding
from bot.publish.text import APPROVED, PATCH_LIMIT, fence, folded

WISH = "the workflow's wish"  # the policy, as it were, of what a workflow wants of all that it makes


def done_with_a_question(pull: int, closes: int, *, draft: bool, continued: bool) -> str:
    """For a change that loosens tests: it is there, and a person has to agree."""
    why = "it changes what the tests demand; its text names where"
    if not draft:
        return f"Done: #{pull} has the new commits. Look closely before you merge: {why}."
    if continued:
        return f"Done: #{pull} has the new commits and is a draft still: {why}. Mark it ready if you agree."
    then = f"Mark it ready if you agree; it closes #{closes} when it is merged."
    return f"Done: #{pull} is open as a draft, because {why}. {then}"


def refused(findings: Sequence[Finding]) -> str:
    return f"Refused: this change is not published.\n\n{listed(findings)}"


def needed(*requires: Level) -> Level:
    """The right that an approval needs: that of the work, and `write` at the least."""
    return max(("write", *requires), key=LEVELS.index)


def needs_approval(findings: Sequence[Finding], patch: str, short_of: str, requires: Level, days: int) -> str:
    """What of a change people decide about, and how they say yes to exactly this patch.

    `short_of` says why the work is not complete, if it is not; `requires` is the right that the work needs.
    """
    touches = any(finding.policy != WISH for finding in findings)
    why = "this change touches what only people decide about, so nothing of it is" if touches else "this change is not"
    asks = f"Needs approval: {why} published yet.\n\n{listed(findings)}"
    draft = f"The work is not complete, so it would be published as a draft: {short_of}" if short_of else ""
    way = (
        f"To publish exactly this patch (`{patch[:12]}`), someone with {needed(requires)} access comments `/approve` "
        f"or sets the label `{APPROVED}`. It waits for {days} days; to have it done again, ask for it again."
    )
    return "\n\n".join(part for part in (asks, draft, way) if part)


def listed(findings: Sequence[Finding]) -> str:
    return "\n".join(f"- {finding.sentence}" for finding in findings)


def may_not_approve(login: str, has: str, needed: str = "write") -> str:
    held = "no access" if has == "none" else f"{has} access"
    return f"@{login}, approving a change needs {needed} access to this repository, and you have {held}."


def only_people(login: str) -> str:
    return f"@{login}, only people approve what waits here, and you are a bot."


def nothing_to_approve() -> str:
    return "There is nothing here that waits for approval; to have the work done again, ask for it again."


def nothing_called(digest: str) -> str:
    return f"Nothing that waits here is called {code(digest, 40)}; look at the newest comment for what does."


def approved_before(kind: str, *, by_label: bool) -> str:
    if by_label:
        return f"This label was set before the newest {kind} was shown; look at that one, and set the label again."
    return f"This was written before the newest {kind} was shown; look at that one, and approve again."


def approved_closed(*, by_label: bool = True) -> str:
    again = "set the label again" if by_label else "approve again"
    return f"This issue is closed, so nothing is published for it; open it again, and {again}."


def approved_already(by: str, run_id: str, state: State, page: str) -> str:
    """For a second approval of the same thing: an approval holds once. `state` is that of the run it started."""
    run = f"[run {run_id[:8]}]({page})" if page else f"run `{run_id}`"
    if state in ACTIVE:
        return f"@{by} approved this already: {run} carries it out."
    if state in ("done", "no change"):
        return f"@{by} approved this already: {run} has carried it out."
    again = "" if state == "needs approval" else "; `/retry` tries it again"
    return f"@{by} approved this already: {run} was to carry it out and ended as {state}{again}."


def overtaken(kind: str) -> str:
    return f"This {kind} waits no more: a later run took its place. Look at what that one shows."


def expired(kind: str, days: int) -> str:
    return f"This {kind} waits no more: nobody approved of it within {days} days. Ask for it again."


def not_kept(kind: str) -> str:
    return f"What it takes to carry out this {kind} is not kept any more; ask for it again."


def staged_now(kind: str) -> str:
    """For an approval that would have something published, in a repository that wants nothing written."""
    return f"This repository is staged by now, so nothing is published; this {kind} waits on, for when it is not."


def comment_gone(kind: str) -> str:
    return f"The comment that shows this {kind} is gone, so nobody can see what is approved; ask for it again."


def comment_too_long(kind: str) -> str:
    return f"No comment can show this {kind} whole, so nobody can see what is approved; ask for a smaller change."


def comment_edited(kind: str) -> str:
    return f"The comment does not show this {kind} as it was made any more, so it is not carried out; ask for it again."


def workflow_gone(name: str) -> str:
    return f"The workflow {code(name)}, which would carry this out, is not there any more."


def was_approved(before: str, by: str) -> str:
    """The status of what was approved: what stood there, and by whom."""
    return f"{before}\n\nApproved by @{by}."


def was_superseded(before: str) -> str:
    """The status of what nobody can approve any more, with what stood there."""
    return f"Superseded: a later run took the place of this one.\n\n{folded('What waited', before)}"


def was_withdrawn(before: str, login: str) -> str:
    return f"Cancelled by @{login}: nobody can approve it any more.\n\n{folded('What waited', before)}"


def was_expired(before: str, days: int) -> str:
    said = f"Expired: nobody approved this within {days} days, so it waits no more. Ask for it again."
    return f"{said}\n\n{folded('What waited', before)}"


def pull_closed(pull: int) -> str:
    return f"Failed: #{pull}, which this work was to go on with, is not open any more; ask for it again."


def approval_gone() -> str:
    return "Failed: the work that was approved is not kept any more; ask for it again."


def offered_as_patch(patch: str) -> str:
    return "What was made so far, as a patch:\n\n" + folded("Patch", fence(patch, "diff"))


def parts_as_patch(patch: str) -> str:
    return "The parts that need approval, as a patch:\n\n" + folded("Patch", fence(patch, "diff"))


def parts_not_shown() -> str:
    return "Not even the parts that need approval can be shown here: do not approve what you have not seen."


def patch_in(file: Path) -> str:
    return f"What was made is a patch: `git apply {file}` takes it."


def to_look_at(findings: Sequence[Finding]) -> str:
    """For whoever sits at the terminal: nothing is kept from a branch of their own but what is refused."""
    return f"Look at this before you publish it:\n\n{listed(findings)}"


def patch_hidden(run_id: str) -> str:
    return (
        "What was made is not shown, for it holds a secret; "
        f"whoever runs this bot can print it with `tutti patch {run_id}`."
    )


def patch_kept(patch: bytes, run_id: str) -> str:
    """Where a patch is that no comment can show without harm to it."""
    why = f"of {len(patch) // 1024} KB, too long for a comment" if len(patch) > PATCH_LIMIT else "no comment can show"
    return f"What was made so far is a patch {why}; whoever runs this bot can print it with `tutti patch {run_id}`."
