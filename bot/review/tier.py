"""Risk tiers: which agents read a change, by the files it touches. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.review.glob import among
from bot.review.name import code
from bot.review.patch import FilePatch
from bot.review.rules import Tier

_NAMED = 3  # files in the reason


@dataclass(frozen=True)
class Choice:
    """The tier that holds, who reads by it and with which model; `why` is half a sentence: `touches ...`."""

    tier: str
    agents: tuple[str, ...]
    model: str | None
    why: str


def pick(tiers: Sequence[Tier], files: Sequence[FilePatch], agents: Sequence[str]) -> Choice:
    """The first tier that holds for a change; where none does, everybody reads."""
    names = [name for patch in files for name in _names(patch)]
    for tier in tiers:
        if why := _holds(tier, files, names):
            return Choice(tier.name, _chosen(tier, agents), tier.model, why)
    return Choice("", tuple(agents), None, "fits no tier, so everybody reads it")


def _chosen(tier: Tier, agents: Sequence[str]) -> tuple[str, ...]:
    if tier.agents in ("none", ()):
        return ()
    named = agents if tier.agents == "all" else [name for name in agents if name in tier.agents]
    return tuple(named or agents)  # a tier that names nobody who is there must not mean that nobody reads


def _holds(tier: Tier, files: Sequence[FilePatch], names: Sequence[str]) -> str:
    """Why a tier holds; empty where it does not."""
    lines = 0 if tier.most_lines is None else sum(patch.added + patch.deleted for patch in files)
    if tier.most_lines is not None and lines > tier.most_lines:
        return ""
    reasons = []
    if tier.any:
        fitting = among(tier.any, names)
        if not fitting:
            return ""
        hit = [name for patch in files if (name := next(filter(fitting.__contains__, _names(patch)), ""))]
        reasons.append(f"touches {_listed(hit)}")
    if tier.all:
        if not files or not among(tier.all, names) >= set(names):
            return ""
        reasons.append(f"touches only {_listed([patch.path for patch in files])}")
    if tier.most_lines is not None:
        reasons.append(f"has {lines} changed line{'s' * (lines != 1)}")
    return f"{' and '.join(reasons)} (tier {tier.name})" if reasons else f"is of the tier {tier.name}"


def _names(patch: FilePatch) -> tuple[str, ...]:
    """Both names of a moved file: who moves it out of sight changes it all the same."""
    return (patch.path,) if patch.path == patch.old_path else (patch.path, patch.old_path)


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(code(path) for path in paths[:_NAMED])
    return shown + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
