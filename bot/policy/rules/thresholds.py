"""Lowered bars: how much the tests must cover."""

import re
from collections.abc import Iterator

from bot.policy.content import settings
from bot.policy.finding import Finding, Policy
from bot.policy.testsettings import is_settings
from bot.policy.words import shown
from bot.policy.work import File, Work

NAME = "thresholds"
_NUMBER = r"[\"']?[ \t]{0,3}(?:[:=>,(]|[ \t])[ \t]{0,3}[\"']?(?P<number>\d{1,6}(?:\.\d{1,6})?)"
_KEYS = re.compile(
    r"(?P<key>\bfail[-_]under\b|--cov-fail-under\b|--fail-under\b|\bmin(?:imum)?[-_]?coverage\b|\bcoverage[-_]?min(?:imum)?\b"
    rf"|\bcoverage[-_]threshold\b|\bminimum_coverage_by_file\b|\bthreshold-lines\b|--fail-under-lines\b){_NUMBER}",
    re.IGNORECASE,
)
_COVERAGE = re.compile(rf"\b(?P<key>branches|functions|lines|statements|perFile){_NUMBER}")
_MINIMUM = re.compile(rf"(?P<key><?\bminimum\b){_NUMBER}")
_TARGET = re.compile(rf"\b(?P<key>target){_NUMBER}")
_SLACK = re.compile(rf"\b(?P<key>threshold){_NUMBER}")


def judge(work: Work) -> Iterator[Finding]:
    """A bar that is gone from one file and stands in another of the change is not gone."""
    read = [file for file in work.files if is_settings(file.path)]
    elsewhere = {key for file in read for key, _ in _bars(file, file.new)}
    for file in read:
        old, new = _bars(file, file.old), _bars(file, file.new)
        for key, bars in _by_key(old).items():
            now = _by_key(new).get(key, [])
            path = shown(file.path, work)
            if not now and key not in elsewhere:
                sentence = f"{path} no longer demands `{key}` {_said(max(bars))}."
                yield Finding("draft", NAME, file.path, sentence)
            else:
                yield from _lowered(file, path, key, sorted(bars), sorted(now))


def _lowered(file: File, path: str, key: str, old: list[float], new: list[float]) -> Iterator[Finding]:
    """Compared in order of size, from the highest down."""
    rises = key == "threshold"  # what a coverage may fall
    for was, now in zip(reversed(old), reversed(new), strict=False):
        if now > was if rises else now < was:
            verb = "raises" if rises else "lowers"
            yield Finding("draft", NAME, file.path, f"{path} {verb} `{key}` from {_said(was)} to {_said(now)}.")
            return


def _bars(file: File, data: bytes | None) -> list[tuple[str, float]]:
    """What a file of settings demands, by the key."""
    words, name = settings(data) or "", file.path.rpartition("/")[2].lower()
    small = words.lower()
    patterns = [_KEYS] if any(hint in small for hint in ("fail", "coverage", "threshold")) else []
    if "threshold" in small or "check-coverage" in words:
        patterns.append(_COVERAGE)
    if "jacoco" in words or "<minimum>" in words or "kover" in words:
        patterns.append(_MINIMUM)
    if "codecov" in name:
        patterns += [_TARGET, _SLACK]
    return [(hit["key"].strip("<-"), float(hit["number"])) for pattern in patterns for hit in pattern.finditer(words)]


def _by_key(bars: list[tuple[str, float]]) -> dict[str, list[float]]:
    found = dict[str, list[float]]()
    for key, number in bars:
        found.setdefault(key, []).append(number)
    return found


def _said(number: float) -> str:
    return f"{number:g}"


POLICY = Policy(NAME, "Lowered demands on the tests' coverage are named, and the pull request opens as a draft.", judge)
