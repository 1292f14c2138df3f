"""The pages: what a person sees in a browser, and that nothing anybody wrote can run there."""

import asyncio
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emulator.bare import Content
from bot.emulator.markup import markdown
from bot.emulator.world import Pull
from tests.emulator.played import Played

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\"><b>bold <i>open"


async def page(played: Played, path: str) -> tuple[int, str]:
    async with played.session.get(played.emulator.url + path, headers={"Accept": "text/html"}) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return answer.status, await answer.text()


async def scene(played: Played) -> None:
    """Issue 1 that was talked about, pull request 2 with a check."""
    emulator = played.emulator
    issue = await emulator.open_issue(played.repo, "Add <refunds>", f"Please, @ana. See #2.\n\n{HOSTILE}", by="ana")
    await emulator.label(issue, "auto-implement")
    await emulator.comment(issue, "<!-- hidden marker -->\n- [x] read\n- [ ] write", by=emulator.bot)
    files: dict[str, Content] = {"shop/cart.py": "total = 1 < 2\n", "logo.bin": b"\0\1"}
    sha = await emulator.push_commit(played.repo, "feature/x", files, message="feat: refunds\n\nBecause.")
    await emulator.open_pull(played.repo, "feature/x", title="Refunds", body="Closes #1", by=emulator.bot)
    output = {"title": "3 passed", "summary": "All *green*"}
    await emulator.create_check(
        played.repo, {"name": "tutti", "head_sha": sha, "conclusion": "success", "output": output}
    )


async def test_an_issue_is_shown_with_its_labels_and_comments(played: Played) -> None:
    await scene(played)
    status, html = await page(played, "/acme/shop/issues/1")
    assert status == 200
    for shown in ("Add &lt;refunds&gt;", "auto-implement", '<a href="/acme/shop/issues/2">#2</a>', "checked> read"):
        assert shown in html
    assert "hidden marker" not in html
    assert "<script" not in html


async def test_a_pull_request_is_shown_with_diff_checks_and_branches(played: Played) -> None:
    await scene(played)
    _, html = await page(played, "/acme/shop/pull/2")
    for shown in ("feature/x", "feat: refunds", "+total = 1 &lt; 2", "-total = 0", "3 passed", "No conflicts"):
        assert shown in html
    await played.emulator.merge_pull(played.repo.pulls[0])
    _, html = await page(played, "/acme/shop/pull/2")
    assert "Merged by maintainer" in html
    assert "+total = 1 &lt; 2" in html


async def reviewed(played: Played) -> Pull:
    """Pull request 2 with a review of three remarks: one answered, one outdated, one resolved."""
    await scene(played)
    (pull,), emulator = played.repo.pulls, played.emulator
    await emulator.push_commit(played.repo, "feature/x", {"new.py": "one\ntwo\nthree\n"})
    suggestion = "Slow:\n\n```suggestion\ntotal = 1 <= 2\n```\n<!-- marker -->"
    comments = [
        {"path": "shop/cart.py", "line": 1, "body": suggestion},
        {"path": "new.py", "start_line": 1, "line": 2, "body": "Two lines\n```suggestion\n```"},
        {"path": "new.py", "line": 3, "body": "Why three?"},
    ]
    await emulator.review(pull, f"**Findings** {HOSTILE}", "REQUEST_CHANGES", comments, by="ana")
    await emulator.reply(pull.remarks[0], "Good catch", by=emulator.bot)
    emulator.react(pull.remarks[0], "+1", "ana")
    await emulator.resolve_thread(pull.remarks[2], by="ana")
    await emulator.push_commit(played.repo, "feature/x", {"new.py": "one\n2\nthree\n"})
    return pull


async def test_a_review_is_shown_with_its_threads_in_the_talk_and_in_the_diff(played: Played) -> None:
    await reviewed(played)
    _, html = await page(played, "/acme/shop/pull/2")
    talk, _, files = html.partition("Files changed")
    assert talk.index("requested changes") < talk.index("<strong>Findings</strong>") < talk.index("Good catch")
    change = '<tr class="del"><td class="no">-</td><td class="code">total = 1 &lt; 2</td></tr>'
    change += '<tr class="add"><td class="no">+</td><td class="code">total = 1 &lt;= 2</td></tr>'
    for part in (talk, files):
        assert (part.count(change), part.count("+1 <b>1</b>"), part.count("Good catch")) == (1, 1, 1)
        assert part.count("resolved by ana") == 1
    assert (talk.count(">outdated<"), files.count(">outdated<")) == (1, 0)
    assert (talk.count('<details class="thread" open>'), talk.count('<details class="thread">')) == (1, 2)
    assert re.findall(r'<td class="code">(one|two)</td>', talk) == ["one", "two"]
    assert "marker" not in html
    assert "<script" not in html


async def test_a_review_without_words_of_its_own_is_shown_only_where_something_hangs_on_it(played: Played) -> None:
    pull = await reviewed(played)
    await played.emulator.review(pull, "", "APPROVE", by="lee")
    pull.reviews[0].minimized = "outdated"
    _, html = await page(played, "/acme/shop/pull/2")
    assert [html.count(f'id="pullrequestreview-{each.id}"') for each in pull.reviews] == [1, 0, 1]
    assert "approved these changes" in html
    assert "wrote what is now hidden as outdated" in html


async def test_a_check_run_shows_its_buttons_and_annotations(played: Played) -> None:
    note = {"path": "a.py", "start_line": 1, "end_line": 3, "annotation_level": "failure", "message": "Look <here>"}
    output = {"title": "T", "summary": "S", "annotations": [note]}
    buttons = [{"label": "Review again", "description": "Reads all of it", "identifier": "again"}]
    asked = {"name": "tutti", "head_sha": played.repo.branches["main"], "actions": buttons, "output": output}
    run = await played.emulator.create_check(played.repo, asked)
    _, html = await page(played, f"/acme/shop/runs/{run.id}")
    for shown in ("disabled", "Review again</button>", "Reads all of it", "a.py:1\u20133", "Look &lt;here&gt;"):
        assert shown in html


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "acme/shop"),
        ("/acme", "acme/shop"),
        ("/acme/shop", "shop/cart.py"),
        ("/acme/shop/tree/feature/x", "logo.bin"),
        ("/acme/shop/blob/feature/x/shop/cart.py", "total = 1 &lt; 2"),
        ("/acme/shop/issues", "Add &lt;refunds&gt;"),
        ("/acme/shop/pulls", "Refunds"),
        ("/apps/tutti", "pull requests"),
        ("/deliveries", "issues.labeled"),
        ("/assets/style.css", "prefers-color-scheme"),
    ],
)
async def test_every_page_is_there(played: Played, path: str, shown: str) -> None:
    await scene(played)
    status, html = await page(played, path)
    assert (status, shown in html) == (200, True)


async def test_commits_and_check_runs_have_pages(played: Played) -> None:
    await scene(played)
    sha, run = played.repo.branches["feature/x"], played.repo.checks[0].id
    assert "Because." in (await page(played, f"/acme/shop/commit/{sha}"))[1]
    assert "All <em>green</em>" in (await page(played, f"/acme/shop/runs/{run}"))[1]
    assert "<svg" in (await page(played, f"/avatars/{played.emulator.bot.id}.svg"))[1]


@pytest.mark.parametrize(
    "path", ["/nobody", "/acme/none", "/acme/shop/issues/9", "/acme/shop/blob/main/none", "/a/b/c/d"]
)
async def test_what_is_not_there_is_said_to_be_missing(played: Played, path: str) -> None:
    status, html = await page(played, path)
    assert (status, "Nothing is here" in html) == (404, True)


async def test_every_link_on_the_pages_leads_somewhere(played: Played) -> None:
    await scene(played)
    seen, waiting = set[str](), ["/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        status, html = await page(played, path)
        assert status == 200, path
        waiting += {link for link in re.findall(r'(?:href|src)="(/[^"#]*)', html) if link not in seen | set(waiting)}
    assert "/acme/shop/pull/2" in seen
    assert len(seen) > 12


async def test_a_real_browser_shows_it_and_runs_nothing_of_it(played: Played, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "This test needs Chromium: install the system package `chromium`."
    await scene(played)
    argv = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom"]
    process = await asyncio.create_subprocess_exec(
        chromium, *argv, f"{played.emulator.url}/acme/shop/issues/1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert "<title>Add &lt;refunds&gt; · #1</title>" in out.decode()
    assert "auto-implement" in out.decode()


class Tags(HTMLParser):
    """Which tags and attributes there are, and whether each that was opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.balance: dict[str, int] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.balance[tag] = self.balance.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        self.balance[tag] = self.balance.get(tag, 0) - 1


PIECES = ["<script>", "<img src=x onerror=y>", "<b>", "</b>", "<i x=y>", "</i>", "<details open>", "</details>", "<!--",
          "-->", "</div>", "<td>", "[a](javascript:b)", "**", "`", "\n\n", "- [x] ", "#1", "@a",
          "<", ">", "&", '"', "| a |"]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=30).map("".join))
def test_a_suggestion_holds_nothing_but_text(text: str) -> None:
    tags = Tags(str(markdown(f"```suggestion\n{text.replace('`', '')}\n```", "", [text])))
    assert tags.names == {"div", "table", "tr", "td"}
    assert set(tags.balance.values()) == {0}


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=30).map("".join))
def test_whatever_somebody_writes_stays_inside_its_box_and_harmless(text: str) -> None:
    tags = Tags(str(markdown(text, "/acme/shop")))
    assert not tags.names & {"script", "img", "iframe", "div", "td", "style", "form"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    for each in ("b", "i", "details", "summary", "sub", "code"):
        assert tags.balance.get(each, 0) == 0
