"""What a job wants changed of paths that are another's: a request, which their owner takes or leaves. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST = 20_000  # characters of a patch that an agent is shown


@dataclass(frozen=True)
class Request:
    """`job` changed `paths` of `owner`, as `patch` has it."""

    job: str
    owner: str
    paths: tuple[str, ...]
    patch: str


def words(requests: Sequence[Request]) -> str:
    """What the owner is asked."""
    said = []
    for one in requests:
        cut = "\n[the rest is left out]" if len(one.patch) > _LONGEST else ""
        said.append(f"The job {one.job} wants {', '.join(one.paths)} changed like this:\n{one.patch[:_LONGEST]}{cut}")
    return "\n\n".join(said)
