"""Reading a repository's configuration when it changed, and the check run that tells whether it is in force."""

from bot.decision import Reread
from bot.github.client import GitHub
from bot.publish import text
from bot.workflow.configuration import PATH
from bot.workflow.library import Library, key

NAME = "Tutti configuration"


async def report(github: GitHub, library: Library, reread: Reread) -> str:
    """Read the changed files at the commit that changed them, create the labels that are in force now, and say on the
    commit what is wrong; a note for the inbox.
    """
    rights = {"contents": "read", "checks": "write", "issues": "write"}
    async with github.repository(reread.repo, rights) as repo:
        paths = _all(reread.paths)
        found = [await library.read(repo, path, reread.commit) for path in paths]
        for path in paths:  # a delivery may come late, or again: what the branch holds now is in force
            await library.read(repo, path, "HEAD")
        problems = [problem for problem in found if problem]
        await repo.ensure_labels(text.labels((await library.workflows(key(reread.repo))).values()))
        await repo.create_check(
            reread.commit,
            NAME,
            f"configuration:{reread.commit}",
            title=text.config_title(problems),
            summary=text.config_summary(problems),
            conclusion="failure" if problems else "success",
        )
    return "; ".join(problems) or "configuration read"


def _all(changed: tuple[str, ...]) -> list[str]:
    """What is to be read, the configuration last: it names workflows, so what changes them may make it wrong."""
    return [*(path for path in changed if path != PATH), PATH]
