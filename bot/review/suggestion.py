"""What an agent suggests in the place of lines, checked by putting it there. Pure."""

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Callable, Sequence
from itertools import takewhile

from bot.review.anchor import LONGEST_SUGGESTED, Placed
from bot.review.quote import bare, fold

PARSED = 200_000  # characters of a file that is parsed
_FENCED = re.compile(r"\s*(`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)\n?[ \t]*\1[ \t]*\s*", re.DOTALL)
_FENCE = re.compile(r"\s*(?:```|~~~)")
_OPENS = (":", "{", "(", "[", ",", "\\", "=", "->", "=>", "then", "do", "else", "begin")
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\\n]|\\.)*`|//[^\n]*|(?<![\w$.])#[^\n]*")
_PAIRS = ("()", "[]", "{}")


def apply(lines: Sequence[str], start: int, end: int, suggestion: str) -> list[str]:
    """The file's lines with `suggestion` in the place of those from `start` to `end`; line ends stay as they are."""
    replaced = lines[start - 1 : end]
    ending = "\r" if replaced and sum(line.endswith("\r") for line in replaced) * 2 > len(replaced) else ""
    put = [line.rstrip("\r") + ending for line in suggestion.split("\n")]
    return [*lines[: start - 1], *put, *lines[end:]]


def checked(placed: Placed, lines: Sequence[str]) -> tuple[str | None, str]:
    """The suggestion as GitHub may apply it, or None with half a sentence that says why; "" where there is none.

    `lines` are those of the file at the pull request's head. What an agent loses on the way is put back: indentation,
    a fence around it, lines around it that it says again.
    """
    finding = placed.finding
    if finding.suggestion is None or not finding.suggestion.strip():
        return None, ""
    if finding.side == "old":
        return None, "it is for lines that are gone"
    if placed.inline is None:
        return None, "its lines are not in the diff"
    if not placed.exact:
        return None, "which lines it replaces is not certain"
    if finding.end - finding.start >= LONGEST_SUGGESTED:
        return None, "it replaces too many lines"
    page = [line.rstrip("\r") for line in lines]
    old = page[finding.start - 1 : finding.end]
    new = _indented(_plain(finding.suggestion, old), old)
    if len(new) > 2 * LONGEST_SUGGESTED:
        return None, "it is too long"
    fitted = _without_neighbours(new, page, finding.start, finding.end)
    if fitted is None:
        return None, "it repeats the lines beside it"
    fitted = _trimmed(list(fitted), old)
    if [line.rstrip() for line in fitted] == [line.rstrip() for line in old]:
        return None, "it changes nothing"
    suggestion = "\n".join(fitted)
    doubt = _broken(finding.path, page, apply(page, finding.start, finding.end, suggestion))
    return (None, doubt) if doubt else (suggestion, "")


# ---- what agents put around it ---------------------------------------------------------------------------------------


def _plain(suggestion: str, old: Sequence[str]) -> list[str]:
    """The lines alone: without a fence, numbers, a diff's signs, and blank lines at both ends that were not there."""
    text = suggestion.replace("\r\n", "\n")
    fenced = _FENCED.fullmatch(text)
    inside = fenced is not None and fenced[1] not in fenced["code"] and not _FENCE.match("\n".join(old))
    lines = (fenced["code"] if fenced and inside else text).split("\n")
    if bare(old) == list(old):
        lines = bare(lines)
    return _trimmed(_from_diff(lines, old), old)


def _trimmed(lines: list[str], old: Sequence[str]) -> list[str]:
    """Without blank lines at both ends that were not there."""
    if old and old[0].strip():
        lines = lines[len(list(takewhile(lambda line: not line.strip(), lines))) :]
    if old and old[-1].strip():
        while len(lines) > 1 and not lines[-1].strip():
            lines.pop()
    return lines


def _from_diff(lines: Sequence[str], old: Sequence[str]) -> list[str]:
    """What a diff leaves, where the lines are one: each has a sign, and those with a minus are the old ones."""
    told = [line for line in lines if line.strip()]
    taken = {fold(line[1:]) for line in told if line[0] == "-"}
    if not taken or not taken <= {fold(line) for line in old} or any(line[0] not in "+- " for line in told):
        return list(lines)
    return [line[1:] for line in lines if not line.startswith("-")]


# ---- indentation -----------------------------------------------------------------------------------------------------


def _indented(new: Sequence[str], old: Sequence[str]) -> list[str]:
    """The lines with the indentation that all of them, or the first of them, lack against those they replace."""
    wanted, given = _common(old), _common(new)
    lines = _with_tabs(new, given) if "\t" in wanted and "\t" not in "".join(map(_indent, new)) else list(new)
    given = _common(lines)
    if given == wanted or not wanted or given:
        return lines
    rest = lines[1:]
    if _common(rest).startswith(wanted) and _first_alone(lines[0], rest, wanted):
        return [wanted + lines[0], *rest]
    return [wanted + line if line.strip() else line for line in lines]


def _first_alone(first: str, rest: Sequence[str], wanted: str) -> bool:
    """Whether only the first line lost its indentation: what follows stands as deep as it has to."""
    if first.rstrip().endswith(_OPENS):
        return len(_indent(rest[0])) > len(wanted)
    return _common(rest) == wanted


def _with_tabs(lines: Sequence[str], given: str) -> list[str]:
    """Lines indented by spaces for a file that uses tabs."""
    depths = {len(_indent(line)) - len(given) for line in lines if line.strip()} - {0}
    unit = min(depths, default=0) or len(given)
    if not unit or any(len(_indent(line)) % unit for line in lines if line.strip()):
        return list(lines)
    return ["\t" * (len(_indent(line)) // unit) + line.lstrip(" ") for line in lines]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _common(lines: Sequence[str]) -> str:
    """The white space with which every line begins that is not blank."""
    indents = [_indent(line) for line in lines if line.strip()]
    if not indents:
        return ""
    least, most = min(indents), max(indents)
    return least[: next((n for n, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), len(least))]


# ---- what it says again ----------------------------------------------------------------------------------------------


def _without_neighbours(new: Sequence[str], page: Sequence[str], start: int, end: int) -> list[str] | None:
    """The lines without those beside the place that they repeat; None where what is meant cannot be told."""
    old, lines = page[start - 1 : end], list(new)
    above = _repeated(lines[::-1], page[: start - 1][::-1], old[::-1])
    if above:
        lines = lines[above:]
    below = _repeated(lines, page[end:], old)
    if below:
        lines = lines[: len(lines) - below]
    if not above and not below:
        return lines
    if not any(line.strip() for line in lines) or _open(lines) != _open(old):
        return None
    still = _repeated(lines[::-1], page[: start - 1][::-1], old[::-1]) or _repeated(lines, page[end:], old)
    return None if still else lines


def _repeated(new: Sequence[str], after: Sequence[str], old: Sequence[str]) -> int:
    """How many lines at the end of `new` are those that follow the place, and no end of what stands there now.

    A line without a letter, as a closing bracket, repeats nothing where the brackets come out right with it.
    """
    for count in range(min(len(new), len(after), LONGEST_SUGGESTED), 0, -1):
        again = [line.rstrip() for line in new[-count:]]
        if again != [line.rstrip() for line in after[:count]] or not "".join(again).strip():
            continue
        if again == [line.rstrip() for line in old[-count:]]:
            continue
        if any(re.search(r"\w", line) for line in again) or _open(new) != _open(old):
            return count
    return 0


# ---- whether the file still holds together ---------------------------------------------------------------------------


def _broken(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    """What is wrong with a file that was right before; "" where nothing is."""
    texts = ["\n".join(lines) + "\n" for lines in (before, after)]
    if max(map(len, texts)) > PARSED:
        return ""
    parse = _PARSERS.get(path.rpartition(".")[2].lower())
    if parse is not None:
        return "the file would not parse" if _parses(parse, texts[0]) and not _parses(parse, texts[1]) else ""
    return "it would leave a bracket open" if not any(_open(before)) and any(_open(after)) else ""


def _python(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


_PARSERS: dict[str, Callable[[str], object]] = {
    "py": _python,
    "pyi": _python,
    "json": json.loads,
    "toml": tomllib.loads,
}


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _open(lines: Sequence[str]) -> tuple[int, ...]:
    """How many brackets of each kind are open at the end, outside of what looks like strings and comments."""
    text = _QUOTED.sub("", "\n".join(lines))
    return tuple(text.count(pair[0]) - text.count(pair[1]) for pair in _PAIRS)
