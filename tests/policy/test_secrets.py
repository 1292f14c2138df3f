"""Secrets: found in whatever is new, shown nowhere, and told from what only looks like one."""

import random
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy.judge import judge
from bot.policy.secrets import HIDDEN, redacted
from tests.github.test_events import untimed
from tests.policy.made import file, found, levels, sentences, work

_CHANCE = random.Random(20)


def drawn(count: int, letters: str = string.ascii_letters + string.digits) -> str:
    """Letters as a service draws them, with at least one figure."""
    return "".join(_CHANCE.choices(letters, k=count - 1)) + "7"


def signed(claims: str) -> str:
    parts = (urlsafe_b64encode(said.encode()).decode().rstrip("=") for said in ('{"alg":"HS256"}', claims))
    return ".".join([*parts, drawn(43)])


KEY = "\n".join(drawn(64) for _ in range(6))
SECRETS = {
    "a GitHub token": f"ghs_{drawn(36)}",
    "a GitHub token of one repository": f"github_pat_{drawn(22)}_{drawn(59)}",
    "a long GitHub token": f"ghs_{drawn(40)}.{drawn(200)}.{drawn(40)}",
    "an Anthropic key": f"sk-ant-api03-{drawn(93)}",
    "an OpenAI key": f"sk-proj-{drawn(60)}",
    "an AWS key": f"AKIA{drawn(16, string.ascii_uppercase + string.digits)}",
    "a Google key": f"AIza{drawn(35)}",
    "a Slack token": f"xoxb-{drawn(12, string.digits)}-{drawn(24)}",
    "a Stripe key": f"sk_live_{drawn(24)}",
    "a GitLab token": f"glpat-{drawn(20)}",
    "a signed token": signed('{"sub":"x","exp":1}'),
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----",
    "a private key in a string": f"-----BEGIN PRIVATE KEY-----\\n{KEY}".replace("\n", "\\n"),
}
CONTEXT = {
    "a password in an address": (f"postgres://app:{(word := drawn(16))}@db.corp.net/x", word),
    "an AWS secret": (f'aws_secret_access_key = "{(word := drawn(40))}"', word),
}
HARMLESS = {
    "an example of AWS": "AKIAIOSFODNN7" + "EXAMPLE",
    "a token of x": "ghp_" + "x" * 36,
    "a token of the alphabet": "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "a token to fill in": "github_pat_your_token_here_and_" + "a1" * 40,
    "a header": '"-----BEGIN RSA PRIVATE KEY-----" in text and another_name_of_forty_letters_or_more_here',
    "a key left out": "-----BEGIN PRIVATE KEY-----\nMII...\n-----END PRIVATE KEY-----",
    "a password for tests": "postgres://postgres:postgres1@localhost/db",
    "a password of an example": f"https://user:{drawn(12)}@example.com",
    "a password that is a variable": "https://user:${PASS123word}@host.net https://x:%s@host.net",
    "a hash": "sha256:" + drawn(64, "0123456789abcdef"),
    "a lock": f'"integrity": "sha512-{b64encode(bytes(range(64))).decode()}"',
    "a uuid": "6f1c2a9e-8a3d-4f6b-9d2e-0b1c2d3e4f50",
    "a commit": drawn(40, "0123456789abcdef"),
    "a variable": 'password = "correct horse battery staple"; api_key = os.environ["KEY"]',
    "an image": f"data:image/png;base64,{drawn(2000)}",
    "a token of a document": signed('{"some":"payload"}'),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_is_refused_named_and_not_shown(secret: str) -> None:
    change = work(file("src/a.py", f"import os\nKEY = '{secret}'\n"), words={"title": f"Use {secret}."})
    words = sentences(judge(change))
    assert "in `src/a.py:2`" in words
    assert "in the `title`" in words
    assert secret not in words
    assert secret[-20:] not in words


ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda secret: b64encode(secret.encode()).decode(),
    "base64 for addresses": lambda secret: urlsafe_b64encode(f"?>{secret}".encode()).decode().rstrip("="),
    "base64 on many lines": lambda secret: "\n".join(_cut(b64encode(f"{secret}{' ' * 50}".encode()).decode(), 60)),
    "hex": lambda secret: secret.encode().hex(),
}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", ["a long GitHub token", "an Anthropic key", "a private key"])
def test_a_secret_in_another_writing_is_one(name: str, encoding: Callable[[str], str]) -> None:
    word = encoding(SECRETS[name])
    assert levels(work(file("a.txt", f"key: '{word}'\n")), "secrets") == ["refuse"]
    assert word[:40] not in redacted(f"It is {word}.", [])


@pytest.mark.parametrize(("text", "word"), CONTEXT.values(), ids=CONTEXT)
def test_what_stands_around_it_makes_a_secret(text: str, word: str) -> None:
    assert [level for level, _ in found(work(file("a.ini", text)), "secrets")] == ["refuse"]
    assert word not in redacted(text, [])


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_a_secret_is_left_alone(text: str) -> None:
    assert found(work(file("a.txt", f"{text}\n"), words={"summary": text}), "secrets") == []
    assert redacted(text, []) == text


def test_lines_that_were_there_before_are_no_finding() -> None:
    line = f"KEY = '{SECRETS['a GitHub token']}'\n"
    assert found(work(file("a.py", f"import os\n{line}", line)), "secrets") == []
    assert len(found(work(file("a.py", f"{line}import os\n", "import os\n")), "secrets")) == 1
    assert found(work(file("a.py", None, line)), "secrets") == []


def test_a_key_whose_header_was_there_before_is_one() -> None:
    head, foot = "-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----\n"
    change = work(file("key.pem", f"{head}{KEY}{foot}", f"{head}...{foot}"))
    assert found(change, "secrets") == [("refuse", "There is a private key in `key.pem:2`.")]


def test_the_same_kind_in_one_file_is_one_finding() -> None:
    text = "".join(f"ghp_{drawn(36)}\n" for _ in range(9))
    assert found(work(file("a.txt", text)), "secrets") == [
        ("refuse", "There is a GitHub token in `a.txt:1` (also in line 2, 3, 4).")
    ]


def test_a_file_that_is_no_text_is_searched_for_what_cannot_be_chance() -> None:
    token = SECRETS["a GitHub token"]
    for content in (b"\0\1" + token.encode(), token.encode("utf-16")):
        assert found(work(file("a.bin", content)), "secrets") == [("refuse", "There is a GitHub token in `a.bin`.")]


def test_a_secret_in_a_name_is_not_shown_either() -> None:
    token = SECRETS["a GitHub token"]
    (finding,) = judge(work(file(f"src/{token}.py")))
    assert finding.sentence == f"There is a GitHub token in the name of a file: `src/{HIDDEN}.py`."
    assert finding.path == f"src/{HIDDEN}.py"


def test_a_secret_in_the_name_of_a_test_is_not_shown() -> None:
    token = SECRETS["a GitHub token"]
    words = sentences(judge(work(file("tests/test_a.py", "", f"def test_{token}():\n    assert 1\n"))))
    assert f"`test_{HIDDEN}`" in words


# ---- the installation's own ------------------------------------------------------------------------------------------

OWN = f"tutti-webhook/{drawn(20)}+{drawn(20)}"
WRITINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "backwards": lambda secret: secret[::-1],
    "in base64": lambda secret: b64encode(secret.encode()).decode(),
    "in base64 after another letter": lambda secret: b64encode(f"x{secret}".encode()).decode(),
    "in base64 after two": lambda secret: b64encode(f"xy{secret}z".encode()).decode(),
    "in base64 for addresses": lambda secret: urlsafe_b64encode(secret.encode()).decode(),
    "in base64 on many lines": lambda secret: "\n".join(_cut(b64encode(secret.encode()).decode(), 20)),
    "in hex": lambda secret: secret.encode().hex(),
    "in hex with colons": lambda secret: secret.encode().hex(":").upper(),
    "in escapes": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()),
    "in an address": lambda secret: quote(secret, safe=""),
    "cut by seven": lambda secret: secret[7:-7],
    "cut by seven and backwards": lambda secret: secret[7:-7][::-1],
    "cut by seven and in base64": lambda secret: b64encode(secret[7:-7].encode()).decode(),
    "in pieces": lambda secret: "' + '".join(_cut(secret, 9)),
    "in a list": lambda secret: ", ".join(f"'{letter}'" for letter in secret),
}


def _cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("writing", WRITINGS.values(), ids=WRITINGS)
def test_its_own_secrets_are_found_in_any_writing(writing: Callable[[str], str]) -> None:
    hidden = f"The key\nis '{writing(OWN)}' here"
    change = work(file("a.txt", f"one\n{hidden}\n"), words={"branch": hidden}, canaries=frozenset({OWN}))
    findings = found(change, "secrets")
    assert any(said.startswith("There is a secret of this Tutti in `a.txt:3`") for _, said in findings)
    assert ("refuse", "There is a secret of this Tutti in the `branch`.") in findings
    assert redacted(hidden, [OWN]).startswith("The key\nis ")
    assert redacted(hidden, [OWN]).endswith(" here")


@pytest.mark.parametrize("half", [OWN[: len(OWN) // 2], OWN[len(OWN) // 2 :], OWN[12:], OWN[:-12]])
def test_less_than_all_but_eight_letters_at_each_end_is_not_found(half: str) -> None:
    """Where the search ends: who may write a program can cut a secret so that each part looks like chance."""
    assert redacted(half, [OWN]) == half
    assert redacted(f"{OWN[: len(OWN) // 2]}\n{OWN[len(OWN) // 2 :]}", [OWN]) == HIDDEN


def test_a_private_key_is_known_by_each_of_its_lines() -> None:
    pem = SECRETS["a private key"]
    line = pem.split("\n")[3]
    assert line not in redacted(f"so: {line}.", [pem])
    assert redacted("-----BEGIN RSA PRIVATE KEY-----", [pem]) == "-----BEGIN RSA PRIVATE KEY-----"


def test_a_word_of_few_letters_is_no_secret_that_can_be_looked_for() -> None:
    assert redacted("the test is good", ["test", ""]) == "the test is good"
    assert redacted("it is hunter22!", ["hunter22"]) == f"it is {HIDDEN}!"


def test_words_around_a_secret_stay() -> None:
    token = SECRETS["a GitHub token"]
    assert redacted(f"Größe: {token}\nEnde \ud800", [OWN]) == f"Größe: {HIDDEN}\nEnde \ud800"
    assert redacted(f"x={OWN}; ä{OWN}ä ", [OWN]) == f"x={HIDDEN}; ä{HIDDEN}ä "


PIECES = [
    *(f" {secret} " for secret in SECRETS.values()),
    *(writing(OWN) for writing in WRITINGS.values()),
    OWN,
    "a ",
    "\n",
    "ä",
    '"',
    "\ud800",
    HIDDEN,
]
PIECES += ["-----BEGIN PRIVATE KEY-----", "://a:", "@host.net", "eyJ", "ghp_", "\0", ".", "+", "0aA"]


@untimed
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=8).map("".join))
def test_nothing_is_left_out_twice_and_no_secret_stays(text: str) -> None:
    made = redacted(text, [OWN])
    assert redacted(made, [OWN]) == made
    assert not [name for name, secret in SECRETS.items() if secret in made]
    assert OWN not in made


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_clean_words_stay_as_they_are(text: str) -> None:
    assert redacted(text, [OWN]) == text
