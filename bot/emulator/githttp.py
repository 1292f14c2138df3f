"""git over smart HTTP: GitHub's rules at the door, the real upload-pack and receive-pack behind it."""

import tempfile
from collections.abc import Mapping

from aiohttp import web

from bot.emulator.bare import ZERO, RefChange, start_git
from bot.emulator.caller import Caller, at_least, holds, identify, sees
from bot.emulator.checking import CheckVerbs
from bot.emulator.problem import NotFound, Problem
from bot.emulator.world import Repo

SERVICES = ("git-upload-pack", "git-receive-pack")
CHUNK = 1 << 16
WORKFLOWS = ".github/workflows"


class Refused(Exception):  # noqa: N818
    """An answer in plain text, which git shows behind `remote:`."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        super().__init__(text)


async def serve(stage: CheckVerbs, request: web.Request, full_name: str, rest: str) -> web.StreamResponse:
    """Answers `info/refs?service=…`, `git-upload-pack` and `git-receive-pack`."""
    try:
        service = request.query.get("service", "") if rest == "info/refs" else rest
        if service not in SERVICES:
            raise Refused(403, "Please upgrade your git client.\n")
        caller = _caller(stage, request)
        repo = _repo(stage, caller, full_name)
        _permit(stage, caller, repo, write=service == "git-receive-pack")
        if rest == "info/refs":
            return await _advertise(repo, service, request.headers)
        body = await request.read()
        if service == "git-upload-pack":
            return await _stream(repo, service, request, body)
        return web.Response(
            body=await _receive(stage, caller, repo, request, body), headers=_headers(f"{service}-result")
        )
    except Refused as refused:
        asking = {"WWW-Authenticate": 'Basic realm="GitHub"'} if refused.status == 401 else None
        return web.Response(status=refused.status, text=refused.text, headers=asking)


def _caller(stage: CheckVerbs, request: web.Request) -> Caller:
    try:
        caller = identify(stage, request.headers.get("Authorization"))
    except Problem as problem:
        said = "Invalid username or token. Password authentication is not supported for Git operations.\n"
        raise Refused(problem.status, said if problem.status == 401 else f"{problem.message}\n") from None
    if caller.app:
        raise Refused(401, "Invalid username or token. Password authentication is not supported for Git operations.\n")
    return caller


def _repo(stage: CheckVerbs, caller: Caller, full_name: str) -> Repo:
    try:
        repo = stage.world.find_repo(full_name)
        if sees(stage, caller, repo):
            return repo
    except NotFound:
        pass
    raise Refused(404 if caller.user else 401, "Repository not found.\n")


def _permit(stage: CheckVerbs, caller: Caller, repo: Repo, *, write: bool) -> None:
    if not write and not repo.private:
        return
    if caller.user is None or caller.token is None:
        raise Refused(401, "No anonymous write access.\n")
    token = caller.token
    if token.installation is not None:
        given = repo.id in token.repos and holds(token.permissions, [f"contents:{'write' if write else 'read'}"])
    else:
        given = at_least(stage.world.level(repo, caller.user), "write" if write else "read")
    if not given:
        raise Refused(403, f"Permission to {repo.full_name}.git denied to {caller.user.login}.\n")
    if write and repo.archived:
        raise Refused(403, "This repository was archived so it is read-only.\n")


def _headers(kind: str) -> dict[str, str]:
    return {"Content-Type": f"application/x-{kind}", "Cache-Control": "no-cache, max-age=0, must-revalidate"}


def _protocol(headers: Mapping[str, str]) -> dict[str, str]:
    return {"GIT_PROTOCOL": headers["Git-Protocol"]} if "Git-Protocol" in headers else {}


async def _advertise(repo: Repo, service: str, headers: Mapping[str, str]) -> web.Response:
    """Version 2 wants no banner line in front."""
    argv = (service.removeprefix("git-"), "--stateless-rpc", "--advertise-refs", str(repo.git.path))
    process = await start_git(*argv, env=_protocol(headers))
    out, err = await process.communicate()
    if process.returncode:
        raise Refused(500, err.decode(errors="replace"))
    fresh = service == "git-upload-pack" and "version=2" in headers.get("Git-Protocol", "")
    banner = b"" if fresh else packet(f"# service={service}\n") + b"0000"
    return web.Response(body=banner + out, headers=_headers(f"{service}-advertisement"))


async def _stream(repo: Repo, service: str, request: web.Request, body: bytes) -> web.StreamResponse:
    argv = (service.removeprefix("git-"), "--stateless-rpc", str(repo.git.path))
    process = await start_git(*argv, env=_protocol(request.headers))
    response = web.StreamResponse(headers=_headers(f"{service}-result"))
    try:
        await response.prepare(request)
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("git has no pipes")
        process.stdin.write(body)
        process.stdin.write_eof()
        while chunk := await process.stdout.read(CHUNK):
            await response.write(chunk)
        await response.write_eof()
    finally:
        if process.returncode is None and not process.stdout.at_eof():  # type: ignore[union-attr]
            process.kill()
        await process.communicate()
    return response


async def _receive(stage: CheckVerbs, caller: Caller, repo: Repo, request: web.Request, body: bytes) -> bytes:
    """Judges the push, then hands it to git, then tells the world what moved."""
    commands, pack = read_commands(body)
    refused = [(each.ref, stage.refusal(repo, each.ref, _or_none(each.old), _or_none(each.new))) for each in commands]
    reasons = {ref: why for ref, why in refused if why is not None}
    token = caller.token
    if not reasons and token and token.installation and not holds(token.permissions, ["workflows:write"]):
        reasons = await _workflow_refusal(repo, commands, pack)
    if reasons:
        return _report(commands, reasons)
    async with repo.git.lock:
        process = await start_git("receive-pack", "--stateless-rpc", str(repo.git.path), env=_protocol(request.headers))
        out, _ = await process.communicate(body)
        moved = await repo.git.reload()
    await stage.pushed(repo, moved, by=caller.user or stage.bot)
    return out


def _or_none(sha: str) -> str | None:
    return None if sha == ZERO else sha


async def _workflow_refusal(repo: Repo, commands: list[RefChange], pack: bytes) -> dict[str, tuple[str, str]]:
    """Looks into the pack in quarantine: a token without the right may not bring workflow files of Actions."""
    if not pack.startswith(b"PACK"):
        return {}
    with tempfile.TemporaryDirectory(dir=repo.git.path) as quarantine:
        objects = repo.git.path / "objects"
        env = {"GIT_OBJECT_DIRECTORY": quarantine, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)}
        indexing = await start_git("--git-dir", str(repo.git.path), "index-pack", "--stdin", "--fix-thin", env=env)
        await indexing.communicate(pack)
        reasons: dict[str, tuple[str, str]] = {}
        for change in commands:
            path = "" if indexing.returncode or change.new == ZERO else await _touched(repo, change.new, env)
            if path:
                why = f"refusing to allow a GitHub App to create or update workflow `{path}`"
                reasons[change.ref] = ("", f"{why} without `workflows` permission")
    return reasons


async def _touched(repo: Repo, sha: str, env: dict[str, str]) -> str:
    argv = ("log", "--format=", "--name-only", "-z", "--max-count=1", "--diff-filter=AM", sha, "--not", "--all", "--")
    looking = await start_git("--git-dir", str(repo.git.path), *argv, WORKFLOWS, env=env)
    out, _ = await looking.communicate()
    return out.decode(errors="replace").strip("\n").split("\0")[0]


def packet(text: str) -> bytes:
    """One pkt-line."""
    raw = text.encode()
    return b"%04x" % (len(raw) + 4) + raw


def read_commands(body: bytes) -> tuple[list[RefChange], bytes]:
    """What a push asks for, and the pack behind it; raises Refused for what is no push."""
    commands, at = [], 0
    try:
        while (size := int(body[at : at + 4], 16)) != 0:
            old, new, ref = body[at + 4 : at + size].partition(b"\0")[0].decode().rstrip("\n").split(" ", 2)
            commands.append(RefChange(ref, old, new))
            at += size
    except (ValueError, UnicodeDecodeError):
        raise Refused(400, "This is not a push.\n") from None
    return commands, body[body.find(b"PACK", at) :] if b"PACK" in body[at:] else b""


def _report(commands: list[RefChange], reasons: dict[str, tuple[str, str]]) -> bytes:
    """A report-status in the side bands: one refusal refuses the whole push."""
    said = "".join(text for text, _ in reasons.values())
    lines = [packet("unpack ok\n")]
    for each in commands:
        why = reasons[each.ref][1] if each.ref in reasons else "pre-receive hook declined"
        lines.append(packet(f"ng {each.ref} {why}\n"))
    report = b"".join([*lines, b"0000"])
    told = _band(2, said.encode()) if said else b""
    return told + _band(1, report) + b"0000"


def _band(number: int, content: bytes) -> bytes:
    return b"%04x" % (len(content) + 5) + bytes([number]) + content
