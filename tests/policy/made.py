"""Changes to judge, made of few words."""

from collections.abc import Mapping
from typing import Any

from bot.policy.finding import Finding
from bot.policy.judge import judge, policies
from bot.policy.work import File, Work

Content = bytes | str | None
PLAIN = "100644"


def _bytes(content: Content) -> bytes | None:
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


def file(path: str, new: Content = "new\n", old: Content = None, *, mode: str = PLAIN, was: str = PLAIN) -> File:
    """One path that is new, changed, or (without `new`) gone."""
    before, after = _bytes(old), _bytes(new)
    return File(
        path=path,
        status="A" if before is None else "D" if after is None else "M",
        old_mode="000000" if before is None else was,
        new_mode="000000" if after is None else mode,
        old=before,
        new=after,
        added=(after or b"").count(b"\n"),
        deleted=(before or b"").count(b"\n"),
        binary=b"\0" in (after or b""),
        size=len(after or b""),
    )


def work(*files: File, paths: tuple[str, ...] = (), words: Mapping[str, str] | None = None, **given: Any) -> Work:
    there = {one.path for one in files if one.status != "D"} | {*paths}
    return Work(files, frozenset(there), words or {}, **given)


def found(change: Work, policy: str = "") -> list[tuple[str, str]]:
    """Level and sentence of what one policy (or every one) finds."""
    if policy:
        (one,) = (each for each in policies() if each.name == policy)
        return sorted((finding.level, finding.sentence) for finding in one.judge(change))
    return [(finding.level, finding.sentence) for finding in judge(change)]


def levels(change: Work, policy: str) -> list[str]:
    return [level for level, _ in found(change, policy)]


def sentences(findings: tuple[Finding, ...]) -> str:
    return "\n".join(finding.sentence for finding in findings)
