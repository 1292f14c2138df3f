"""Names under which some file system would find git's own folder."""

import re
import unicodedata

_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f]")


def is_git(part: str) -> bool:
    """Whether a part of a path is `.git` to Linux, Windows (short names, dots, streams) or macOS (ignored letters)."""
    seen = unicodedata.normalize("NFKC", _IGNORED.sub("", part)).casefold()
    seen = seen.partition(":")[0].rstrip(" .")
    return seen == ".git" or re.fullmatch(r"git~[0-9]+", seen) is not None


def folded(path: str) -> str:
    """A path as file systems compare it that make no difference between letters' cases and writings."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
