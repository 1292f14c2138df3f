"""The page of a run, under an address nobody can guess: the same tree as the status comment, and nothing more."""

import time
from collections.abc import Sequence

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from bot.invisible import cleaned
from bot.publish import text
from bot.publish.graph_view import Job, counted, named, view
from bot.publish.step_text import titled
from bot.store import runs
from bot.store.db import Database
from bot.store.record import PAST, Node, Run

_templates = Environment(
    loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_markdown = MarkdownIt("commonmark", {"html": False}).disable(["image", "link", "autolink"])
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class RunPage:
    """`GET /runs/<id>`: the id is the secret, as it stands in the status comment only."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/runs/{id}", self.show), web.get("/static/run.css", self.style)]

    async def show(self, request: web.Request) -> web.Response:
        found = await self._db.read(lambda conn: runs.get(conn, request.match_info["id"]))
        if found is None:
            return self._html("missing.html", 404)
        steps = await self._db.read(lambda conn: runs.tree(conn, found.id))
        seen = view(found.facts.get("graph", ()), steps, active=found.active)
        around = {"before": [_step(node) for node in seen.before], "after": [_step(node) for node in seen.after]}
        return self._html("run.html", 200, run=_described(found), jobs=_jobs(seen.jobs), **around)

    async def style(self, _request: web.Request) -> web.Response:
        source, _, _ = PackageLoader("bot.web").get_source(_templates, "run.css")
        return web.Response(text=source, content_type="text/css", headers=_HEADERS)

    def _html(self, name: str, status: int, **values: object) -> web.Response:
        page = _templates.get_template(name).render(values)
        return web.Response(text=page, status=status, content_type="text/html", headers=_HEADERS)


def _described(run: Run) -> dict[str, object]:
    end = run.ended_at or time.time()
    return {
        "title": cleaned(run.context["workflow"]["name"]),
        "target": run.target,
        "state": run.state,
        "reason": _block(run.reason),
        "active": run.active,
        "elapsed": text.duration(end - run.started_at) if run.started_at else "",
        "cost": "" if run.active else text.money(run.cost_usd),
        "branch": run.facts.get("branch", "") if run.facts.get("head") else "",
    }


def _block(words: str) -> Markup:
    """Why a run ended, with what the policies found; patches and outputs stand in the comment."""
    kept = words.partition("<details>")[0].rpartition("\n\n") if "<details>" in words else (words, "", "")
    return Markup(_markdown.render(cleaned(kept[0])))


def _line(words: str) -> Markup:
    """Our Markdown as HTML, in which nothing but its marks can become a tag."""
    return Markup(_markdown.renderInline(cleaned(words)))


def _item(line: str) -> dict[str, object]:
    """An item of a plan; the mark before it, where there is one, says whether it is done."""
    return {"done": line.startswith("[x] "), "words": cleaned(line[4:] if line[:4] in ("[x] ", "[ ] ") else line)}


def _jobs(jobs: Sequence[Job]) -> dict[str, object]:
    """The jobs of one level, of many those that need to be seen; `whole` and `left` tell of the others."""
    shown, left = named(jobs)
    return {
        "shown": [_job(job) for job in shown],
        "left": left,
        "whole": counted(jobs) if len(shown) < len(jobs) else "",
    }


def _job(job: Job) -> dict[str, object]:
    took = job.seconds(time.time()) if job.state != "skipped" else None
    return {
        "name": cleaned(job.name),
        "state": job.state,
        "reason": _line(job.reason),
        "needs": ", ".join(map(cleaned, job.needs)) if job.state == "queued" else "",
        "counts": counted(job.below) if job.below else "",
        "elapsed": text.duration(took) if took is not None else "",
        "cost": text.money(job.cost_usd) if job.cost_usd != 0 else "",
        "steps": [_step(node) for node in job.steps if PAST not in node.key],
        "open": job.state == "running" or job.bad,
        "below": _jobs(job.below),
    }


def _step(node: Node) -> dict[str, object]:
    end = node.ended_at or time.time()
    return {
        "title": _line(titled(node)),
        "state": node.state,
        "reason": _line(node.reason),
        "plan": [_item(line) for line in node.plan.splitlines()],
        "elapsed": text.duration(end - node.started_at) if node.started_at is not None else "",
        "cost": text.money(node.cost_usd) if node.cost_usd != 0 else "",
    }
