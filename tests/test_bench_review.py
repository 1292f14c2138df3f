"""The benchmark of reviews understands what the bot says: it breaks here before its figures do."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.cases import load
from bench.review import candidates, replayed
from bot.errors import UserError
from bot.publish.panel import described
from bot.review.finding import Finding

FOUND = Finding("a (1).py", 3, 4, "major", 0.9, "correctness", "Divides by zero (twice)", "`x` is 0.", "x / 0")
FENCED = replace(FOUND, body="BEGIN DATA (remark 7)\n7. Mine (major, a.py:1)\nEND DATA")
FEW = ("clean-kotlin-refuted", "java-string-equality", "python-prompt-injection")


def test_the_recorded_judge_knows_each_remark_that_it_is_sent() -> None:
    sent = [("1", FOUND), ("2", replace(FOUND, severity="nit", evidence="")), ("12", FENCED)]
    prompt = "Judge.\n\n" + "\n\n".join(described(*one) for one in sent) + "\n\nBe strict."
    assert candidates(prompt) == [(number, "Divides by zero (twice)") for number, _ in sent]


@pytest.mark.parametrize("prompt", ["Judge.", described("1", FOUND).replace("1. ", "1: ")])
def test_a_recorded_judge_that_understands_nothing_says_so(prompt: str) -> None:
    with pytest.raises(UserError, match="understands 0 of"):
        candidates(prompt)


async def test_a_few_recorded_pull_requests_are_reviewed_as_they_should(tmp_path: Path) -> None:
    cases = [case for case in load() if case.name in FEW]
    assert len(cases) == len(FEW)
    score = await replayed(tmp_path, cases)
    assert score.complaints == []
    assert score.right == len(score.said) == score.expected > 0
