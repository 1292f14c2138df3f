"""The emulator's own web pages: what a person would look at on GitHub, made on the server, without scripts."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.emulator.checking import CheckVerbs
from bot.emulator.history import diff, log
from bot.emulator.markup import markdown
from bot.emulator.patch import chosen, diff_lines, excerpt
from bot.emulator.problem import NotFound
from bot.emulator.shape import REACTIONS
from bot.emulator.world import CheckRun, Comment, Issue, Pull, Reaction, Remark, Repo, Review

HERE = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'none'"
SHOWN = 500_000
Page = Callable[[CheckVerbs, re.Match[str]], Awaitable[web.Response]]
PAGES: list[tuple[re.Pattern[str], Page]] = []
REPO = "/(?P<owner>[^/]+)/(?P<repo>[^/]+)"


def page(pattern: str) -> Callable[[Page], Page]:
    def enter(maker: Page) -> Page:
        PAGES.append((re.compile(pattern), maker))
        return maker

    return enter


def wants(request: web.Request) -> bool:
    """Whether this is a browser's request for a page, or for something on one."""
    html = "text/html" in request.headers.get("Accept", "")
    return request.method == "GET" and (html or request.path.startswith(("/avatars/", "/assets/")))


async def serve(stage: CheckVerbs, request: web.Request) -> web.Response:
    path = request.rel_url.raw_path.rstrip("/") or "/"
    try:
        for pattern, maker in PAGES:
            if match := pattern.fullmatch(path):
                response = await maker(stage, match)
                break
        else:
            raise NotFound
    except NotFound:
        response = _render(stage, "missing.html", status=404)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _render(stage: CheckVerbs, template: str, status: int = 200, **values: Any) -> web.Response:
    text = TEMPLATES.get_template(template).render(slug=stage.slug, repo=None, **values)
    return web.Response(text=text, content_type="text/html", status=status)


def _ago(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y %H:%M:%S UTC")


def _contrast(color: str) -> str:
    """Black or white, whichever is read better on that colour."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (0, 2, 4))
    return "#1f2328" if red * 299 + green * 587 + blue * 114 > 140_000 else "#ffffff"


def _counted(given: list[Reaction]) -> list[tuple[str, int]]:
    """What reactions there are, and how many of each."""
    kinds = [each[2] for each in given]
    return [(kind, kinds.count(kind)) for kind in REACTIONS if kind in kinds]


def _remark(remark: Remark, repo: str) -> Markup:
    """Its text, with suggestions as the change they would make; on the old side there is nothing to change."""
    made = remark.first.made
    replaced = [line.text[1:] for line in chosen(made)] if made.span.side == "RIGHT" else None
    return markdown(remark.body, repo, replaced)


TEMPLATES = Environment(
    loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
TEMPLATES.filters |= {"ago": _ago, "contrast": _contrast, "markdown": markdown, "diff_lines": diff_lines}
TEMPLATES.filters |= {"excerpt": excerpt, "remark": _remark, "counted": _counted}


def _repo(stage: CheckVerbs, match: re.Match[str]) -> Repo:
    return stage.world.find_repo(unquote(f"{match['owner']}/{match['repo']}"))


def _show(stage: CheckVerbs, template: str, repo: Repo, **values: Any) -> web.Response:
    text = TEMPLATES.get_template(template).render(slug=stage.slug, repo=repo, **values)
    return web.Response(text=text, content_type="text/html")


@page("/")
async def home(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    return _render(stage, "home.html", repos=list(stage.world.repos.values()), title="Repositories")


@page("/assets/style.css")
async def style(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    return web.Response(text=STYLE, content_type="text/css")


STYLE = (HERE / "style.css").read_text(encoding="utf-8")


@page(r"/avatars/(?P<id>\d+)\.svg")
async def avatar(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    user = next((each for each in stage.world.users.values() if each.id == int(match["id"])), None)
    if user is None:
        raise NotFound
    text = TEMPLATES.get_template("avatar.svg").render(letter=user.login[0].upper(), hue=user.id * 47 % 360)
    return web.Response(text=text, content_type="image/svg+xml")


@page("/deliveries")
async def deliveries(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    return _render(stage, "deliveries.html", deliveries=stage.deliveries[::-1], url=stage.hook_url)


@page("/apps/(?P<slug>[^/]+)")
async def app(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    return _render(stage, "app.html", ground=stage)


@page(f"{REPO}(?:/tree/(?P<rev>.+))?")
async def code(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    repo = _repo(stage, match)
    rev = unquote(match["rev"] or repo.default_branch)
    sha = await repo.git.sha(rev)
    if sha is None and repo.branches:
        raise NotFound
    files = await repo.git.entries(sha, deep=True) if sha else []
    readme = next((each for each in files if each.path.lower() == "readme.md"), None)
    text = (await repo.git.blob(readme.sha)).decode(errors="replace") if readme else ""
    commits = await log(repo.git, sha, limit=10, files=False) if sha else []
    return _show(stage, "code.html", repo, files=files, readme=text, rev=rev, commits=commits)


@page(f"{REPO}/blob/(?P<place>.+)")
async def blob(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    """A branch's name may hold slashes: the longest that fits is meant."""
    repo, parts = _repo(stage, match), unquote(match["place"]).split("/")
    for cut in range(len(parts) - 1, 0, -1):
        rev, path = "/".join(parts[:cut]), "/".join(parts[cut:])
        sha = repo.branches.get(rev) or (await repo.git.sha(rev) if cut == 1 else None)
        found = await repo.git.entries(sha, path) if sha else []
        if found and found[0].type == "blob":
            text = (await repo.git.blob(found[0].sha))[:SHOWN].decode(errors="replace")
            return _show(stage, "blob.html", repo, rev=rev, path=path, lines=text.splitlines())
    raise NotFound


@page(f"{REPO}/commit/(?P<sha>[0-9a-f]+)")
async def commit(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    repo = _repo(stage, match)
    sha = await repo.git.sha(match["sha"])
    if sha is None:
        raise NotFound
    found = (await log(repo.git, sha, limit=1))[0]
    files = await diff(repo.git, found.parents[0], sha) if found.parents else []
    return _show(stage, "commit.html", repo, commit=found, files=files)


@page(f"{REPO}/(?P<kind>issues|pulls)")
async def listing(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    repo, pulls = _repo(stage, match), match["kind"] == "pulls"
    found = [each for each in reversed(repo.issues.values()) if isinstance(each, Pull) == pulls]
    return _show(stage, "list.html", repo, issues=found, kind=match["kind"])


def _issue(repo: Repo, match: re.Match[str]) -> Issue:
    try:
        return repo.issues[int(match["number"])]
    except KeyError:
        raise NotFound from None


def _said(issue: Issue) -> list[Comment | Review]:
    """Comments and reviews as they came; what only answers in a thread is shown there."""
    reviews = issue.reviews if isinstance(issue, Pull) else []
    shown = [each for each in reviews if each.body or each.state != "COMMENTED" or _begins(each)]
    both: list[Comment | Review] = [*issue.comments, *shown]
    return sorted(both, key=lambda each: (each.submitted if isinstance(each, Review) else each.created, each.id))


def _begins(review: Review) -> bool:
    return any(each.reply_to is None for each in review.remarks)


def _threads(pull: Pull) -> dict[tuple[str, int], list[Remark]]:
    """The threads that stand in the diff as it is now, by path and how far down the patch."""
    found: dict[tuple[str, int], list[Remark]] = {}
    for first in pull.threads:
        if first.spot and first.thread:
            found.setdefault((first.path, first.spot.position), []).append(first)
    return found


@page(rf"{REPO}/(?:issues|pull)/(?P<number>\d+)(?:/files)?")
async def thread(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    repo = _repo(stage, match)
    issue = _issue(repo, match)
    if not isinstance(issue, Pull):
        return _show(stage, "thread.html", repo, issue=issue, pull=None, said=_said(issue))
    await stage.measured(issue)
    commits = await log(repo.git, f"{issue.base_sha}..{issue.head_sha}", files=False)
    files = await diff(repo.git, issue.base_sha, issue.head_sha)
    checks = [each for each in repo.checks if each.head_sha == issue.head_sha]
    shown = {"commits": commits[::-1], "files": files, "checks": checks, "threads": _threads(issue)}
    return _show(stage, "thread.html", repo, issue=issue, pull=issue, said=_said(issue), **shown)


@page(rf"{REPO}/runs/(?P<id>\d+)")
async def run(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    repo = _repo(stage, match)
    found: CheckRun | None = next((each for each in repo.checks if each.id == int(match["id"])), None)
    if found is None:
        raise NotFound
    return _show(stage, "run.html", repo, run=found)


@page("/(?P<owner>[^/]+)")
async def owner(stage: CheckVerbs, match: re.Match[str]) -> web.Response:
    user = stage.world.find_user(unquote(match["owner"]))
    repos = [each for each in stage.world.repos.values() if each.owner is user]
    return _render(stage, "home.html", repos=repos, title=user.login)
