"""The function or class that a line of code is in, found by indentation and the words that begin one. Pure."""

import re
from collections.abc import Sequence

FARTHEST = 400  # lines that are looked at
_LONGEST = 300  # characters of a line that are looked at: what begins a function is short
_WORD = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|async|abstract|final|override|unsafe|extern|virtual"
    r"|inline|open|sealed|data|partial|local|declare|pub(?:\([a-z]+\))?|create|or|replace)\s+)*"
    r"(?:def|defp|defmodule|class|func|fn|fun|function|procedure|interface|struct|enum|trait|impl|module|mod|namespace"
    r"|object|type|sub|proc|record|protocol|extension|init|view|trigger)\b\s*[\w(<*$&]",
    re.IGNORECASE,
)
_BLOCK = re.compile(
    r"(?:if|else|elif|for|foreach|while|until|switch|select|match|case|default|try|catch|except|finally|do|loop|with"
    r"|using|lock|unsafe|synchronized|return|defer|go)\b"
)
_BETWEEN = re.compile(
    r"[)\]}{#@]|//|/\*|\*|\w+:\s*$|(?:case|default)\b|(?i:begin)\b"
)  # it may stand farther left than its function


def head_of(lines: Sequence[str], first: int, depth: int) -> int | None:
    """The line above `first` (both from 1) that begins what a line indented by `depth` is in, if anything does."""
    for number in range(first - 1, max(0, first - 1 - FARTHEST), -1):
        line = lines[number - 1]
        indent = indent_of(line)
        if indent >= depth:
            continue
        words = line[indent : indent + _LONGEST].rstrip()
        if not words or _BETWEEN.match(words):
            continue
        if _begins(words) or (lines[number : number + 1] and lines[number].strip() == "{" and _begins(f"{words} {{")):
            return number
        depth = indent
        if not depth:
            return None
    return None


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip())


def _begins(words: str) -> bool:
    """Whether a line begins a function, a class or something else with a name and a body."""
    if _WORD.match(words):
        return True
    if _BLOCK.match(words):
        return False
    return words.endswith(("{", "=>")) or words.count("(") > words.count(")")
