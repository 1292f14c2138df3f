"""Contents as text and lines; and lists of names as they are written here."""

TEXT_LIMIT = 2**20
"""Bytes of a file that is read as a program; a larger one is none."""

SETTINGS_LIMIT = 2**17
"""Bytes of a file that is read as settings, by readers that others wrote."""


def text(data: bytes | None) -> str:
    """A file's words; empty for none, for what is no text, and for what is too large to be read."""
    if data is None or len(data) > TEXT_LIMIT or b"\0" in data:
        return ""
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def settings(data: bytes | None) -> str | None:
    """The words of a file of settings, empty where there is no file; None where it cannot be read."""
    if data is not None and (len(data) > SETTINGS_LIMIT or b"\0" in data):
        return None
    return text(data)


def lines(data: bytes | None) -> list[str]:
    return text(data).split("\n")


def names(words: str) -> tuple[str, ...]:
    """What stands between spaces and line breaks."""
    return tuple(words.split())
