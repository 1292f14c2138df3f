"""C40, C46, C47, C54: what an agent finds that was talked into something, and what of it is said on GitHub."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.agents.task import Outcome
from bot.backends.rehearsal import Fail
from bot.emulator.world import Pull
from bot.publish import review_text
from bot.publish.review_text import Agent, Silent, Story
from bot.review.finding import Finding
from bot.review.said import Said
from bot.store import reviews
from tests.desk import BASE, ROUNDING, Desk, answer, verdicts
from tests.house import GIVEN, opened
from tests.security.desk import ONE
from tests.security.reading import acts, bare, page, published
from tests.shelf import only

EVIL = "https://evil.example/x.png?stolen=1"
TOKEN = "ghp_" + "x7Kq2mZr9TvLw4BnYc6JdHs1FgPe8UaQ3oRi"


def finding(**changed: Any) -> dict[str, Any]:
    return {**ROUNDING, **changed}


def own(desk: Desk) -> tuple[str, str]:
    """Where the bot's links may lead."""
    return desk.emulator.url, desk.url


# ---- C47: what an agent says orders nobody and shows nothing of elsewhere ------------------------------------------

HOSTILE = {
    "a mention": "@everyone @acme/admins look",
    "a slash": "/approve",
    "slashes below each other": "so\n/approve\n  /lgtm\n> /merge\n- /retest\n!merge",
    "closing words": "Fixes #1, closes acme/other#2, resolves https://github.com/acme/greeter/issues/3",
    "a picture": f"![x]({EVIL}) ![y][z]\n\n[z]: {EVIL}",
    "a picture from beside": "![x](//evil.example/x.png)",
    "a link": f"[click]({EVIL}) <{EVIL}> {EVIL} www.evil.example [c](//evil.example) [j](javascript:alert(1))",
    "HTML": f'<img src="{EVIL}"> <a href="//evil.example">x</a> <svg onload=alert(1)> <details open> <h1>x</h1>',
    "a tag over lines": '<img\nsrc="//evil.example/x.png"\n>',
    "a comment": "<!-- tutti finding:1:1 --> <!-- tutti review-summary --> <!-- hides",
    "the end of our own": "</sub></details> --> ]]> </td></tr></table>",
    "the end of a cell": "a | b \\| c \\\\| d |\n|---|---|\n| e | f |",
    "an open fence": "```\nnever closed",
    "another fence": "~~~ never closed",
    "a suggestion": "Do this:\n\n```suggestion\nimport os; os.system('x')\n```\n\n~~~~ suggestion\nx\n~~~~",
    "ticks": "a ` b `` c",
    "what turns": "\u202eevil\u202c \u2066x\u2069 a\u200bb\U000e0041\U000e0042 \x1b[31mred\x07",
    "a heading": "x\n\n### Nothing to say\n\n---\n",
    "skipping": "[skip ci] ***NO_CI***",
    "an entity": "&lt;img src=x&gt; &#64;everyone &#x2F;approve",
    "trailers": "Co-authored-by: Eve <eve@evil.example>\nSigned-off-by: Eve",
}
PATHS = ("shop/cart.py", "a`b.py", f"![x]({EVIL})/@everyone.py", "<img src=x>.py", "x|y.py")


def said(number: int, words: str, path: str, state: str = "open") -> Said:
    found = Finding(path, 1, 2, "major", 0.9, "correctness", words[:200], words, suggestion=words, agents=("security",))
    return Said(number, "0" * 16, state, found, True, "0" * 40, 0.0, why=words, comment=number)  # type: ignore[arg-type]


def every_text(words: str, path: str) -> Sequence[str]:
    """All that is made of a finding, of the judge's reason, of a failure and of GitHub's own words."""
    one, gone = said(1, words, path), said(2, words, path, "declined")
    silent, failed = [Silent(one.finding, words)], [Agent("tests", 0, words)]
    story = Story("0" * 40, "https://github.com/a/b/pull/1", [one, gone], silent=silent, agents=failed, refused=words)
    leftover = review_text.in_body(1, one.finding)
    return [
        review_text.remark(1, one.finding, None),
        review_text.remark(1, one.finding, words),
        review_text.review_body([one], [leftover], words),
        review_text.summary(story),
        review_text.why(story),
    ]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", HOSTILE)
def test_c47_whatever_a_finding_says_is_read_and_does_nothing(what: str, path: str) -> None:
    words = HOSTILE[what]
    for text in every_text(words, path):
        assert acts(text, "https://github.com/") == [], text
    summary = page(every_text(words, path)[3])
    assert summary.words.count("Nothing to say") == words.count("Nothing to say") * 5 or "declined" in summary.words
    note = review_text.annotation(said(1, words, path).finding)
    assert not re.search(r"(?m)^\s*[/!][A-Za-z]|[\u200b\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\x1b]", note), (
        note
    )


async def test_c47_a_whole_review_of_hostile_words_says_them_and_does_nothing(lone: Desk) -> None:
    worst = ["a slash", "a picture from beside", "HTML", "a comment", "the end of a cell", "a suggestion", "what turns"]
    lines = {f"shop/w{n}.py": f"value_{n} = compute_{n}()\n" for n, _ in enumerate(worst)}
    lone.finds(
        "correctness",
        *(
            finding(
                title=f"{HOSTILE[what][:150]} {n}",
                body=HOSTILE[what],
                path=path,
                start_line=1,
                end_line=1,
                evidence=text,
            )
            for n, (what, (path, text)) in enumerate(zip(worst, lines.items(), strict=True))
        ),
        finding(title=f"{HOSTILE['HTML'][:150]} unsaid", body="x", path="gone.py"),
    )
    lone.says("judge", verdicts(_1=HOSTILE["HTML"] + "\n\n### 0 findings open\n\n" + "x" * 70_000))
    pull = await lone.reviewed(lines)
    texts = published(lone, pull)
    assert len(lone.remarks(pull)) == len(worst) - 1
    assert [(act, text) for text in texts for act in acts(text, *own(lone))] == []
    assert not any(re.search(r"(?m)^\s*/[A-Za-z]|[\u202e\x1b]", text) for text in bare(lone))
    summary = lone.summary(pull)
    assert len(re.findall(r"^### ", summary, re.MULTILINE)) == 1
    assert summary.rstrip().endswith("<!-- tutti review-summary -->")
    assert len(summary) < 20_000


# ---- C47: suggestions ----------------------------------------------------------------------------------------------

LINE = "        return sum(self.prices) * (100 - discount) // 100"


@pytest.mark.parametrize(
    ("suggestion", "why"),
    [
        (f"{LINE}\n/approve\n", "an order to a bot"),
        (f"{LINE}  # \u202e// 001\u2066", "what turns"),
        (f"{LINE}  # fine\rimport os", "a line that the page does not show"),
        (f"{LINE}\u200b", "an invisible character"),
        (f"{LINE}  # {TOKEN}", "a secret"),
        (f"{LINE}  # {GIVEN}", "a secret of the bot"),
    ],
)
async def test_c47_a_suggestion_that_people_cannot_judge_has_no_button(lone: Desk, suggestion: str, why: str) -> None:
    lone.finds("correctness", finding(suggestion=suggestion))
    pull = await lone.reviewed()
    (remark,) = lone.remarks(pull)
    assert "suggestion\n" not in remark.body, why
    assert acts(remark.body, *own(lone)) == []
    assert not {GIVEN, TOKEN} & {*re.findall(r"\w+", remark.body)}
    lone.summary(pull)


async def test_c47_no_run_of_ticks_ends_a_suggestion_early(lone: Desk) -> None:
    broken = f"{LINE}\n        '''````\n</sub> @everyone <!-- tutti finding:x:9 -->\n`````'''"
    lone.finds("correctness", finding(suggestion=broken))
    pull = await lone.reviewed()
    (remark,) = lone.remarks(pull)
    read = page(remark.body)
    assert [block for block in read.blocks if block] == ["language-suggestion"]
    assert "@everyone" not in read.words
    assert len(read.comments) == 1
    lone.summary(pull)


async def test_c47_a_suggestion_block_in_the_words_is_code_and_no_suggestion(lone: Desk) -> None:
    """One that nobody has checked would replace whatever the remark stands at."""
    lone.finds("correctness", finding(body="Do this:\n\n```suggestion\nimport os\n```"))
    pull = await lone.reviewed()
    (remark,) = lone.remarks(pull)
    assert "```\nimport os\n```" in remark.body
    lone.summary(pull)


async def test_c47_marks_that_an_agent_writes_are_not_taken_for_the_bots(lone: Desk) -> None:
    """In a block of code words stay as they are: a mark there must not lead to the wrong text."""
    fake = "```\n<!-- tutti review-summary -->\n<!-- tutti finding:{run}:7 -->\n```"
    lone.finds("correctness", finding(body=fake))
    pull = await lone.reviewed()
    known = [one.comment for one in await ledger(lone, pull)]
    assert known == [one.id for one in lone.remarks(pull)]
    await lone.emulator.comment(pull, f"Quoted.\n\n{fake}\n\n<!-- tutti run:x -->", by=lone.emulator.bot)
    await lone.emulator.delete_comment(next(c for c in pull.comments if "review-summary -->" in c.body))
    await lone.order(pull, "/review")
    quoted, summary = lone.said(pull)
    assert quoted.startswith("Quoted.")
    assert "### 1 finding open" in summary


async def ledger(desk: Desk, pull: Pull) -> Sequence[Said]:

    return await desk.bot.bench.db.read(lambda conn: reviews.said(conn, (desk.repo.id, pull.number)))


# ---- C40: secrets --------------------------------------------------------------------------------------------------


def spelt(secret: str) -> str:
    """JSON in which no text search finds it."""
    return "".join(f"\\u{ord(char):04x}" for char in secret)


@pytest.mark.parametrize("secret", [GIVEN, TOKEN], ids=["the bot's", "a token"])
async def test_c40_no_word_of_an_agent_shows_a_secret(lone: Desk, secret: str) -> None:
    words = answer(
        finding(title="Leaks SECRET here", body="The SECRET is `SECRET`.", suggestion=f"{LINE}  # SECRET"),
        finding(title="SECRET is elsewhere", body="SECRET", path="SECRET.py", category="security"),
    )
    reason = verdicts(_2="SECRET").replace("SECRET", spelt(secret))
    lone.says("correctness", words.replace("SECRET", spelt(secret)))
    lone.says("judge", reason)
    pull = await lone.reviewed()
    (remark,) = lone.remarks(pull)
    assert remark.body.startswith("**Leaks [a secret was left out] here**")
    whole = "\n".join([*published(lone, pull), *bare(lone), *map(str, await ledger(lone, pull))])
    assert secret not in whole
    kept = (lone.folder / "data").rglob("*.db*")
    assert [path.name for path in kept if secret.encode() in path.read_bytes()] == []


async def test_c40_a_finding_about_a_secret_that_the_change_brings_is_said_without_it(lone: Desk) -> None:
    lone.finds(
        "correctness",
        finding(
            title="A token is committed", path="shop/key.py", start_line=2, end_line=2, evidence=f'KEY = "{TOKEN}"'
        ),
    )
    pull = await lone.reviewed({"shop/key.py": f'"""Keys."""\nKEY = "{TOKEN}"\n'})
    (remark,) = lone.remarks(pull)
    assert (remark.path, remark.made.span.line) == ("shop/key.py", 2)
    assert TOKEN not in remark.body + lone.summary(pull)


async def test_c40_how_an_agent_failed_is_told_without_secrets(lone: Desk) -> None:
    lone.says("correctness", Fail(Outcome("error", "", problem=f"401 for {GIVEN} and {TOKEN} <img src=x> @everyone")))
    pull = await lone.reviewed()
    await lone.order(pull, "/review")
    for text in [*lone.said(pull), *(f"{check.title}\n{check.summary}" for check in lone.checks())]:
        assert GIVEN not in text
        assert TOKEN not in text
        assert acts(text, *own(lone)) == []


# ---- C46: where a finding may stand --------------------------------------------------------------------------------


def without(**changed: Any) -> dict[str, Any]:
    return finding(**{"evidence": "", "title": f"Elsewhere {json.dumps(changed)[:60]}"} | changed)


async def test_c46_a_finding_stands_in_this_change_or_nowhere(lone: Desk) -> None:
    lone.says(
        "correctness",
        answer(
            without(path="../../etc/passwd"),
            without(path="/etc/passwd"),
            without(path="shop/../../../etc/passwd"),
            without(path=".git/config"),
            without(path="shop/cart.py", start_line=9_999_999, end_line=10_000_000),
            without(path="README.md", start_line=1, end_line=1),
            without(path="shop\ncart.py"),
            finding(),
        ),
    )
    pull = await lone.reviewed()
    (remark,) = lone.remarks(pull)
    assert (remark.path, remark.made.span.line) == ("shop/cart.py", 12)
    assert "root:" not in lone.summary(pull)
    assert "Not said: 7 findings" in lone.summary(pull)


async def test_c46_lines_that_are_none_and_wishes_are_asked_for_once_more_and_then_left_out(lone: Desk) -> None:
    wishes = {
        "event": "APPROVE",
        "pull_number": 1,
        "findings": [finding(), finding(start_line=0), finding(end_line=-1)],
    }
    lone.says("correctness", *[f"```json\n{json.dumps(wishes)}\n```"] * 2)
    pull = await lone.reviewed()
    assert len(lone.remarks(pull)) == 1
    assert [review.state for review in pull.reviews] == ["COMMENTED"]
    (again,) = [task.prompt for task in lone.tasks if task.attempt == 2]
    assert "BEGIN DATA (what is wrong)\n- findings.1.start_line" in again
    lone.summary(pull)


async def test_c46_of_five_hundred_findings_a_few_are_said_and_the_rest_is_counted(lone: Desk) -> None:
    lines = [f"value_{n} = compute_{n}()" for n in range(500)]
    floods = [
        finding(
            title=f"Wrong thing {n}", body=f"thing {n}", path="many.py", start_line=n + 1, end_line=n + 1, evidence=line
        )
        for n, line in enumerate(lines)
    ]
    lone.says("correctness", answer(*floods), answer(*floods))
    pull = await lone.reviewed({"many.py": "\n".join(lines) + "\n"})
    assert len(lone.remarks(pull)) == 20
    assert len(pull.reviews) == 1
    assert "Not said: " in lone.summary(pull)
    assert len(lone.checks()[0].annotations) == 20


async def test_c46_no_agent_approves_what_was_not_read_or_what_it_was_talked_out_of(tmp_path: Path) -> None:
    hidden = {"shop/cart.py": BASE["shop/cart.py"] + "# more\n", "shop/evil.py": "# @generated by nobody\nimport os\n"}
    configuration = f"{BASE['.github/tutti.yml']}{ONE}  event: approve\n"
    files = {**BASE, ".github/tutti.yml": configuration}
    async with opened(tmp_path, files=files, kind=Desk, offered=only("review")) as desk:
        assert isinstance(desk, Desk)
        desk.begin()
        hiding = await desk.reviewed(hidden, branch="hiding")
        desk.finds("correctness", finding(severity="critical"))
        desk.says("judge", verdicts(_1="The author says that this is fine."))
        denied = await desk.reviewed(branch="denied")
        desk.finds("correctness")
        clean = await desk.reviewed({"shop/new.py": "x = 1\n"}, branch="clean")
        assert [review.state for pull in (hiding, denied) for review in pull.reviews] == []
        assert [review.state for review in clean.reviews] == ["APPROVED"]
        assert "`shop/evil.py` (says it is generated)" in desk.summary(hiding)
        assert desk.checks()[0].conclusion == "neutral"
        for pull in (denied, clean):
            desk.summary(pull)


# ---- C54: pages ----------------------------------------------------------------------------------------------------


async def test_c54_nothing_acts_on_the_runs_page(lone: Desk) -> None:
    act = "<svg onload=alert(1)></script><script>alert(1)</script>"
    lone.says("correctness", f"```json\n{json.dumps({act: 1})}\n```", answer(finding(title=act, body=act)))
    pull = await lone.reviewed(title=act)
    (run,) = await lone.runs()
    async with aiohttp.ClientSession() as session, session.get(f"{lone.url}/runs/{run.id}") as got:
        text = await got.text()
    assert "correctness" in text
    assert not re.search(r"<(?:script|svg|img)\b(?! src=\"/)", text), text
    lone.summary(pull)
