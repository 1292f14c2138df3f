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
from bot.emulator.patch import diff_lines
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
def test_whatever_somebody_writes_stays_inside_its_box_and_harmless(text: str) -> None:
    tags = Tags(str(markdown(text, "/acme/shop")))
    assert not tags.names & {"script", "img", "iframe", "div", "td", "style", "form"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    for each in ("b", "i", "details", "summary", "sub", "code"):
        assert tags.balance.get(each, 0) == 0


def test_the_lines_of_a_diff_carry_the_numbers_of_both_sides() -> None:
    lines = list(diff_lines("@@ -1,2 +1,2 @@ def f\n same\n-old\n+new\n\\ No newline at end of file"))
    assert [(each.kind, each.old, each.new) for each in lines] == [
        ("hunk", None, None),
        ("same", 1, 1),
        ("del", 2, None),
        ("add", None, 2),
        ("hunk", None, None),
    ]
