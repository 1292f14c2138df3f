"""Files that run by themselves or decide over others need more than a review of the change as a whole."""

from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.protected import rule_for
from bot.policy.words import shown
from bot.policy.work import Work

NAME = "protected files"
_VERBS = {"A": "adds", "D": "deletes"}


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        rule = rule_for(file.path)
        if rule is not None:
            verb = _VERBS.get(file.status, "changes")
            sentence = f"It {verb} {shown(file.path, work)}, which {rule.why}."
            yield Finding(rule.level, NAME, file.path, sentence)


POLICY = Policy(
    NAME,
    "Workflows and submodules are refused; owners' files, agents', editors' and hooks' settings, other CI and the "
    "settings of package managers need approval; build and lock files are named.",
    judge,
)
