"""No secret goes out: not in what is new in files, nor in their names, nor in the words of the pull request."""

from collections.abc import Iterator

from bot.policy.finding import Finding, Policy
from bot.policy.secrets import Secret, secrets
from bot.policy.words import shown
from bot.policy.work import File, Work

NAME = "secrets"
_MOST_LINES = 3


def judge(work: Work) -> Iterator[Finding]:
    for place, words in work.words.items():
        for kind in _kinds(secrets(words.encode("utf-8", "surrogatepass"), work.canaries)):
            yield Finding("refuse", NAME, "", f"There is {kind} in the {shown(place, work)}.")
    names = [file for file in work.files if file.status != "D"]
    if secrets("\n".join(file.path for file in names).encode("utf-8", "surrogatepass"), work.canaries):
        yield from _in_names(work, names)
    for file in names:
        yield from _in_file(work, file)


def _in_names(work: Work, files: list[File]) -> Iterator[Finding]:
    for file in files:
        for kind in _kinds(secrets(file.path.encode("utf-8", "surrogatepass"), work.canaries)):
            yield Finding(
                "refuse", NAME, file.path, f"There is {kind} in the name of a file: {shown(file.path, work)}."
            )


def _in_file(work: Work, file: File) -> Iterator[Finding]:
    """One finding for each kind, with the first lines where it stands."""
    places = dict[str, list[int]]()
    for secret, line in _new(file, work.canaries):
        where = places.setdefault(secret.kind, [])
        if line not in where:
            where.append(line)
    for kind, where in places.items():
        spot = shown(file.path if file.binary else f"{file.path}:{where[0]}", work)
        more = ", ".join(str(line) for line in where[1 : 1 + _MOST_LINES])
        also = f" (also in line {more})" if more and not file.binary else ""
        yield Finding("refuse", NAME, file.path, f"There is {kind} in {spot}{also}.")


def _new(file: File, canaries: frozenset[str]) -> Iterator[tuple[Secret, int]]:
    """Secrets of which at least one line was not in the file before, with the number of that line."""
    data = file.new or b""
    found = secrets(data, canaries, binary=file.binary)
    if b"\0" in data:  # text in two bytes a character, which git takes for binary
        found += secrets(data.replace(b"\0", b""), canaries, binary=True)
    before = set(file.old.split(b"\n")) if found and file.old else set[bytes]()
    for secret in found:
        start, end = data.rfind(b"\n", 0, secret.start) + 1, data.find(b"\n", max(secret.start, secret.end - 1))
        own = data[start : end if end >= 0 else len(data)].split(b"\n")
        fresh = next((number for number, line in enumerate(own) if line not in before), None)
        if fresh is not None:
            yield secret, data.count(b"\n", 0, start) + 1 + fresh


def _kinds(found: list[Secret]) -> list[str]:
    return list(dict.fromkeys(secret.kind for secret in found))


POLICY = Policy(
    NAME, "Keys, tokens and passwords in new lines, names and messages are refused, Tutti's own in any writing.", judge
)
