"""What GitHub's refusals mean to people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from gidgethub import GitHubBroken, HTTPException

from bot.errors import TryAgain, UserError
from bot.github.shape import MissingError, text

Kind = Literal[
    "absent",
    "archived",
    "credentials",
    "empty",
    "invalid",
    "moved",
    "permission",
    "refused",
    "suspended",
    "unreachable",
]


class RefusalError(UserError):
    """GitHub refused for good: a sentence for people, the HTTP status (0: none), the kind, GitHub's own words."""

    def __init__(self, kind: Kind, sentence: str, status: int = 0, words: str = "") -> None:
        self.kind, self.status, self.words = kind, status, words
        super().__init__(sentence)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turns what gidgethub raises into RefusalError or TryAgain; `where` is a repository or `the App`."""
    try:
        yield
    except HTTPException as error:
        raise explain(error, where) from error
    except (MissingError, ValueError, LookupError, TypeError, AttributeError) as error:
        # gidgethub trusts the form of an answer; a proxy's error page, cut JSON or a strange charset break it so
        raise TryAgain(f"GitHub's answer about {where} makes no sense: {error}") from error


def explain(error: HTTPException, where: str) -> RefusalError | TryAgain:
    """The refusal in a sentence; TryAgain where it is GitHub that is broken."""
    status, words = int(error.status_code), _words(error)
    if isinstance(error, GitHubBroken):
        return TryAgain(f"GitHub answered {status} about {where}", after=10.0)
    kind = _kind(status, words.lower())
    sentence = _SENTENCES[kind].format(where=where, words=words or "no reason given", needed=_needed(error))
    return RefusalError(kind, sentence, status, words)


def _words(error: HTTPException) -> str:
    """GitHub's message and the codes of its complaints, in one line."""
    complaints = getattr(error, "errors", None)
    codes = [text(one, "code", limit=40) for one in complaints] if isinstance(complaints, list) else []
    said = " ".join(f"{error} {' '.join(code for code in codes if code not in ('', 'custom'))}".split())
    return said[:300].rstrip(".")


def _kind(status: int, said: str) -> Kind:
    if status == 401:
        return "credentials"
    if 300 <= status < 400:
        return "moved"
    for kind, statuses, mark in _MARKS:
        if status in statuses and mark in said:
            return kind
    return _BY_STATUS.get(status, "refused")


def _needed(error: HTTPException) -> str:
    """The permission that GitHub itself names, as `issues: write`."""
    accepted = error.headers.get("x-accepted-github-permissions", "")
    return f" ({accepted.replace('=', ': ').replace(';', ' or')})" if accepted else ""


_MARKS: tuple[tuple[Kind, tuple[int, ...], str], ...] = (
    ("suspended", (403,), "suspended"),
    ("archived", (403, 422), "archived"),
    ("permission", (403, 422), "not accessible by integration"),
    ("permission", (403, 422), "permissions requested are not granted"),
    ("absent", (422,), "not accessible to the parent installation"),
    ("empty", (409, 404), "repository is empty"),
)
_BY_STATUS: dict[int, Kind] = {404: "absent", 410: "absent", 422: "invalid"}
_SENTENCES: dict[Kind, str] = {
    "absent": "GitHub does not find this in {where}, or the App may not see it.",
    "archived": "{where} is archived, so nothing can be written to it.",
    "credentials": "GitHub does not accept the App's credentials for {where}: {words}.",
    "empty": "{where} is empty: it has no commit yet.",
    "invalid": "GitHub does not accept this for {where}: {words}.",
    "moved": "{where} has moved to another address.",
    "permission": "The App lacks a permission{needed} on {where}; an owner can grant it in the App's installation.",
    "refused": "GitHub refused this for {where}: {words}.",
    "suspended": "The App's installation is suspended, so nothing can be done in {where}.",
    "unreachable": "{words}",
}
