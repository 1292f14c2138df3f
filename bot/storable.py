"""Words as both databases, JSON and GitHub can hold them. Pure."""


def storable(words: str) -> str:
    """The words without NUL characters and halves of characters, each of which becomes U+FFFD."""
    return words.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
