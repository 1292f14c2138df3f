"""Risk tiers: which agents read a change, by the files it touches. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.review.glob import matcher
from bot.review.patch import FilePatch
from bot.review.rules import Globs, Tier

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
    for tier in tiers:
        if why := _holds(tier, files):
            return Choice(tier.name, _chosen(tier, agents), tier.model, why)
    return Choice("", tuple(agents), None, "fits no tier, so everybody reads it")


def _chosen(tier: Tier, agents: Sequence[str]) -> tuple[str, ...]:
    if tier.agents == "all":
        return tuple(agents)
    return tuple(name for name in agents if name in tier.agents) if tier.agents != "none" else ()


def _holds(tier: Tier, files: Sequence[FilePatch]) -> str:
    """Why a tier holds; empty where it does not."""
    lines = sum(patch.added + patch.deleted for patch in files)
    if tier.most_lines is not None and lines > tier.most_lines:
        return ""
    reasons = [f"has {lines} changed lines (tier {tier.name})"] if tier.most_lines is not None else []
    if tier.any:
        hit = [patch.path for patch in files if _fits(tier.any, patch)]
        if not hit:
            return ""
        reasons.insert(0, f"touches {_listed(hit)} (tier {tier.name})")
    if tier.all:
        if not files or not all(_fits(tier.all, patch) for patch in files):
            return ""
        reasons.insert(0, f"touches only {_listed([patch.path for patch in files])} (tier {tier.name})")
    return reasons[0] if reasons else f"is of the tier {tier.name}"


def _fits(globs: Globs, patch: FilePatch) -> bool:
    """Whether one of a file's names fits: who moves a file out of sight changes it all the same."""
    fits = matcher(globs)
    return fits(patch.path) or (patch.old_path != patch.path and fits(patch.old_path))


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:_NAMED])
    return shown + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
