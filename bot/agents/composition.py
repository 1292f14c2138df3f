"""The words of a run that many agents made together: a section for each, and commits of one concern each. Pure."""

import json
from collections.abc import Sequence

from bot.agents import answer
from bot.agents.job import Portion
from bot.github.harmless import code


def words(portions: Sequence[Portion], title: str, *, fix: bool = False) -> str:
    """Last words as of one agent: a section for each job, and a JSON block with the commits of all of them.

    `fix`: what nobody worded mends something.
    """
    said = [(portion, answer.read(portion.words)) for portion in portions]
    sections = [_section(portion, one) for portion, one in said]
    commits = [
        {"message": message, "paths": paths}
        for portion, one in said
        for message, paths in answer.commits(one, portion.paths, one.title or title, fix=fix)
    ]
    block = json.dumps({"title": "", "commits": commits}, ensure_ascii=True)
    return "\n\n".join([*sections, f"```json\n{block}\n```"])


def _section(portion: Portion, said: answer.Answer) -> str:
    resolved = f"Conflicts resolved by an agent: {', '.join(map(code, portion.resolved))}." if portion.resolved else ""
    return "\n\n".join(part for part in (f"### {portion.job}", said.summary, resolved) if part)
