"""`.gitattributes` can hide changes from review, and name programs that git runs on files."""

import re
from collections.abc import Iterator

from bot.policy.content import lines
from bot.policy.finding import Finding, Policy
from bot.policy.words import shown
from bot.policy.work import Work

NAME = "git attributes"
_DRIVER = re.compile(r"(?<!\S)(?:filter|diff|merge)=(?!lfs(?!\S))")
_HIDES = re.compile(
    r"(?<!\S)(?:-diff|-text|binary|linguist-(?:generated|vendored)(?!=false)|export-subst|\S+-encoding=)"
)


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        if file.path.rpartition("/")[2].lower() != ".gitattributes" or file.status == "D":
            continue
        before = set(lines(file.old))
        new = [line for line in lines(file.new) if line not in before]
        if any(_DRIVER.search(line) for line in new):
            sentence = f"{shown(file.path, work)} names programs that git is to run on files."
            yield Finding("approve", NAME, file.path, sentence)
        elif any(_HIDES.search(line) for line in new):
            sentence = f"{shown(file.path, work)} changes how GitHub shows files in a review: some can be folded away."
            yield Finding("flag", NAME, file.path, sentence)


POLICY = Policy(NAME, "Filter, diff and merge drivers need approval; attributes that hide changes are named.", judge)
