"""What is no plain file: symbolic links, submodules, and permissions."""

import re
from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.gitname import is_git
from bot.policy.words import shown, unseen
from bot.policy.work import EXECUTABLE, LINK, NOTHING, PLAIN, SUBMODULE, File, Work

NAME = "links and modes"
_KNOWN = {PLAIN, EXECUTABLE, LINK, SUBMODULE}


def judge(work: Work) -> Iterator[Finding]:
    for file in work.files:
        if SUBMODULE in (file.old_mode, file.new_mode):
            yield Finding(
                "refuse",
                NAME,
                file.path,
                f"It changes the submodule {shown(file.path, work)}: it would bring in a commit unseen.",
            )
        elif file.new_mode == LINK:
            yield _link(work, file)
        elif file.new_mode not in _KNOWN and not (file.new_mode == NOTHING and file.status == "D"):
            sentence = f"{shown(file.path, work)} would have the mode {shown(file.new_mode, work)}, which no file has."
            yield Finding("refuse", NAME, file.path, sentence)
        elif {file.old_mode, file.new_mode} == {PLAIN, EXECUTABLE}:
            becomes = "becomes executable" if file.new_mode == EXECUTABLE else "is no longer executable"
            yield Finding("flag", NAME, file.path, f"{shown(file.path, work)} {becomes}.")


def _link(work: Work, file: File) -> Finding:
    target = (file.new or b"").decode("utf-8", "surrogateescape")
    says = f"The symbolic link {shown(file.path, work)}"
    wrong = trouble(file.path, target)
    if wrong:
        return Finding("refuse", NAME, file.path, f"{says} {wrong}.")
    return Finding("approve", NAME, file.path, f"{says} is new: it leads to {shown(target, work)}.")


def trouble(path: str, target: str) -> str:
    """Why a link may not be published, as what goes on from its name; empty where it may."""
    if not target or len(target) > 4096 or any(unseen(letter) for letter in target):
        return "has a target that is no path"
    if target.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", target):
        return "leads to a place outside of the repository"
    parts = [part for part in re.split(r"[/\\]", target) if part not in ("", ".")]
    if any(is_git(part) for part in parts):
        return "leads into git's own folder"
    ups = next((count for count, part in enumerate(parts) if part != ".."), len(parts))
    if ups > path.count("/") or ".." in parts[ups:]:  # down through another link and up again can be anywhere
        return "leads out of the repository"
    return ""


POLICY = Policy(
    NAME,
    "Submodules, odd modes and links that leave the repository are refused, other links need approval, changed "
    "permissions are named.",
    judge,
)
