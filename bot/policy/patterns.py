"""What secrets look like. Every pattern runs in time linear to the text, and only where its literal stands."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector

Places = Callable[[str], Iterator[tuple[int, int]]]


@dataclass(frozen=True)
class Kind:
    """One kind of secret; `anywhere`: so long and so plain that no binary data looks like it by chance."""

    name: str
    literals: tuple[bytes, ...]
    places: Places
    anywhere: bool = True


_INVENTED = re.compile(
    r"example|x{4}|\*{3}|\.{3}|fake|dummy|sample|placeholder|redacted|change.?me|your[-_]?|insert"
    r"|(.)\1{5}|<|>|\$\{|\{\{",
    re.IGNORECASE,
)
_JOHN_DOE = b'"John Doe"'  # the token on the front page of jwt.io, in thousands of documents
_COMMON = re.compile(r"pass|secret|postgres|mysql|admin|guest|test|token|user|root|letmein|hunter|pw|foo|bar", re.I)
_NOBODYS = re.compile(
    r"localhost$|127\.|0\.0\.0\.0|(?:[\w-]+\.)*example(?:\.\w+)?$|.*\.(?:test|invalid|local|localhost)$", re.IGNORECASE
)


def invented(value: str) -> bool:
    """Whether a value is plainly one for documents and tests: few letters, runs of neighbours, words that say so."""
    return (
        len(set(value)) < min(10, len(value) // 2)
        or bool(_INVENTED.search(value))
        or _longest_run([ord(letter) for letter in value]) >= 5
    )


def _longest_run(codes: list[int]) -> int:
    best = run = 1
    for before, after in pairwise(codes):
        run = run + 1 if after == before + 1 else 1
        best = max(best, run)
    return best


def _mixed(value: str) -> bool:
    """Whether letters and digits both stand in it, as in what chance made."""
    return any(letter.isdigit() for letter in value) and any(letter.isalpha() for letter in value)


def _in_bytes(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    """A pattern for which the parts of other letters are none: texts are searched as bytes."""
    if isinstance(pattern, str):
        return re.compile(pattern, re.ASCII)
    return re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII)


def _matches(*patterns: str | re.Pattern[str]) -> Places:
    """The places of patterns that no invented value fits."""
    compiled = [_in_bytes(pattern) for pattern in patterns]

    def places(text: str) -> Iterator[tuple[int, int]]:
        for pattern in compiled:
            for hit in pattern.finditer(text):
                if _mixed(hit[0]) and not invented(hit[0]):
                    yield hit.span()

    return places


_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{10,4000}+\.[\w-]{10,8000}+\.[\w-]{20,1000}+", re.ASCII)


def _tokens(text: str) -> Iterator[tuple[int, int]]:
    for hit in _JWT.finditer(text):
        try:
            valid = JwtTokenDetector.is_formally_valid(hit[0])
        except RecursionError:  # it is JSON that was made to hurt
            valid = False
        if valid and _dated(hit[0].split(".")[1]):
            yield hit.span()


def _dated(claims: str) -> bool:
    """Whether a token says when it was made or ends: those in documents and tests seldom do."""
    said = urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    return _JOHN_DOE not in said and any(claim in said for claim in (b'"exp"', b'"iat"', b'"nbf"', b'"jti"'))


_HEADER = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[23]:")
_BODY = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{40,}+")
_REST = re.compile(r"""(?:(?:\\[nr]|[\s"',+]){0,12}+[A-Za-z0-9+/=]{16,}+)*+""", re.ASCII)
_NEAR, _LONGEST_KEY = 500, 20_000


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Headers with a body: code that only speaks of keys has none. To the end of the key, so far as it can be seen."""
    end = 0
    for header in _HEADER.finditer(text):
        if header.start() < end:
            continue
        near = text[header.end() : header.end() + _NEAR].partition("-----")[0]
        body = _BODY.search(near.replace("\\n", "\n").replace("\\r", "\n"))
        if body is None or not _mixed(body[0]) or invented(body[0]):
            continue
        foot = text.find("-----END", header.end(), header.end() + _LONGEST_KEY)
        close = text.find("-----", foot + 8, foot + 80) if foot >= 0 else -1
        first = text.find(body[0], header.end())
        rest = _REST.match(text, first) if first >= 0 else None
        end = close + 5 if close >= 0 else max(header.end(), rest.end() if rest else 0)
        yield header.start(), end


_FORTY = re.compile(r"""(?<=['"])[0-9a-zA-Z/+]{40}(?=['"])""")
_SAYS_AWS = re.compile(r"aws.{0,30}?(?:key|secret|token|pass)", re.IGNORECASE)


def _aws_secrets(text: str) -> Iterator[tuple[int, int]]:
    """They have no mark of their own: forty letters in quotes, after a name that says what they are."""
    for hit in _FORTY.finditer(text):
        before = text[max(0, hit.start() - 80) : hit.start()]
        if _SAYS_AWS.search(before.rpartition("\n")[2]) and _mixed(hit[0]) and not invented(hit[0]):
            yield hit.span()


_ADDRESS = re.compile(
    r"://([\w.~!$&'()*+,;=%-]{1,64})?:([\w.~!$&'()*+,;=%-]{8,128})@((?:[A-Za-z0-9-]{1,63}\.){0,9}[A-Za-z0-9-]{1,63})",
    re.ASCII,
)


def _passwords(text: str) -> Iterator[tuple[int, int]]:
    """Addresses with a password that is no word, on a host that can be somebody's."""
    for hit in _ADDRESS.finditer(text):
        user, password, host = hit[1] or "", hit[2], hit[3]
        if password == user or not _mixed(password) or invented(password) or _COMMON.search(password):
            continue
        if not _NOBODYS.match(host) and not re.search(r"[$%]\(|\$\w", password):
            yield hit.span(2)


KINDS = (
    Kind("a private key", (b"PRIVATE KEY", b"PuTTY-User"), _private_keys),
    Kind(
        "a GitHub token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        _matches(r"gh[pousr]_[A-Za-z0-9]{36,255}+(?:[._-][A-Za-z0-9_-]{20,2000}+){0,3}", r"github_pat_\w{50,255}+"),
    ),
    Kind("an Anthropic key", (b"sk-ant-",), _matches(r"sk-ant-[a-z]{2,12}[0-9]{2}-[\w-]{20,255}+")),
    Kind(
        "an OpenAI key",
        (b"T3BlbkFJ", b"sk-proj-", b"sk-svcacct-", b"sk-admin-"),
        _matches(r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", r"sk-(?:proj|svcacct|admin)-[\w-]{40,255}+"),
    ),
    Kind(
        "an AWS key",
        (b"AKIA", b"ASIA", b"ABIA", b"ACCA"),
        _matches(r"(?<![\w+/])(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![\w+/])"),
    ),
    Kind("an AWS secret", (b"aws", b"AWS", b"Aws"), _aws_secrets, anywhere=False),
    Kind("a Google key", (b"AIza", b"GOCSPX-"), _matches(r"AIza[\w-]{35}", r"GOCSPX-[\w-]{28}")),
    Kind("an Azure key", (b"AccountKey=",), _matches(*AzureStorageKeyDetector.denylist)),
    Kind(
        "a GitLab token", (b"glpat-", b"gldt-", b"glft-", b"glsoat-", b"glrt-"), _matches(*GitLabTokenDetector.denylist)
    ),
    Kind(
        "a Slack token",
        (b"xox", b"xapp-"),
        _matches(SlackDetector.denylist[0], r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-\w{30,255}+"),
    ),
    Kind("a Slack address", (b"hooks.slack.com",), _matches(SlackDetector.denylist[1])),
    Kind("a Stripe key", (b"k_live_",), _matches(*StripeDetector.denylist)),
    Kind("a Square key", (b"sq0csp-",), _matches(*SquareOAuthDetector.denylist)),
    Kind("a SendGrid key", (b"SG.",), _matches(*SendGridDetector.denylist)),
    Kind("a Telegram token", (b":AA",), _matches(r"(?<!\w)[0-9]{8,10}:AA[\w-]{33}(?![\w-])"), anywhere=False),
    Kind(
        "a token of a package registry",
        (b"pypi-", b"npm_"),
        _matches(*PypiTokenDetector.denylist, r"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)"),
    ),
    Kind("a Hugging Face token", (b"hf_",), _matches(r"(?<!\w)hf_[A-Za-z0-9]{34}(?!\w)")),
    Kind("a Vault token", (b"hvs.",), _matches(r"(?<!\w)hvs\.[\w-]{24,255}+")),
    Kind("an age key", (b"AGE-SECRET-KEY-1",), _matches(r"AGE-SECRET-KEY-1[0-9A-Z]{58}")),
    Kind("a signed token (JWT)", (b"eyJ",), _tokens, anywhere=False),
    Kind("a password in an address", (b"://",), _passwords, anywhere=False),
)
LITERALS = frozenset(literal for kind in KINDS for literal in kind.literals)
