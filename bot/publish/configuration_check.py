"""Reading a repository's configuration when it changed, and the check run that tells whether it is in force."""

from collections.abc import Sequence

import structlog

from bot.decision import Reread
from bot.github.api import Repository
from bot.github.client import GitHub
from bot.github.entity import RepoRef
from bot.github.events import IssueEvent
from bot.github.refusal import RefusalError
from bot.publish import text
from bot.workflow.configuration import PATH
from bot.workflow.library import Library, key

log = structlog.get_logger(__name__)
NAME = "Tutti configuration"


async def report(github: GitHub, library: Library, reread: Reread) -> str:
    """Read the changed files at the commit that changed them, create the labels that are in force now, and say on the
    commit what is wrong; a note for the inbox.
    """
    rights = {"contents": "read", "checks": "write", "issues": "write"}
    async with github.repository(reread.repo, rights) as repo:
        found = await _at(repo, library, reread)
        await library.read_all(repo, "HEAD")  # a delivery may come late, or again: what the branch holds now counts
        problems = [problem for problem in found if problem]
        await repo.ensure_labels(text.labels((await library.workflows(key(reread.repo))).values()))
        await _check(repo, reread.commit, problems)
    return "; ".join(problems) or "configuration read"


async def tell(github: GitHub, ref: RepoRef, problems: Sequence[str]) -> None:
    """Say on the newest commit of the default branch what is wrong with files that were read without a push.

    Nothing where nothing is wrong, or where the repository takes no check runs, as one that is archived.
    """
    if not problems:
        return
    try:
        async with github.repository(ref, {"contents": "read", "checks": "write"}) as repo:
            if head := await repo.branch_head((await repo.facts()).default_branch):
                await _check(repo, head, problems)
    except RefusalError as refusal:
        log.info("configuration's mistakes not told", repo=ref.full_name, reason=str(refusal))


async def answer(github: GitHub, event: IssueEvent, sentence: str) -> str:
    """Say below an issue, once, why a label starts nothing; a note for the inbox."""
    async with github.repository(event.repo, {"issues": "write"}) as repo:
        await repo.comment(event.issue.number, sentence, f"refusal:label:{(event.label or '').casefold()}")
    return f"refused: {sentence}"


async def _check(repo: Repository, commit: str, problems: Sequence[str]) -> None:
    await repo.create_check(
        commit,
        NAME,
        f"configuration:{commit}",
        title=text.config_title(problems),
        summary=text.config_summary(problems),
        conclusion="failure" if problems else "success",
    )


async def _at(repo: Repository, library: Library, reread: Reread) -> list[str]:
    """What is wrong at the commit with what changed there; with everything where GitHub did not say what changed."""
    if reread.whole:
        return await library.read_all(repo, reread.commit)
    return await library.read_some(repo, _all(reread.paths), reread.commit)


def _all(changed: tuple[str, ...]) -> list[str]:
    """What is to be read, the configuration last: it names workflows, so what changes them may make it wrong."""
    return [*(path for path in changed if path != PATH), PATH]
