"""Who asks: the App by its JWT, an installation or a person by a token, or nobody; and what they may do."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jwt

from bot.emulator.ground import Ground
from bot.emulator.problem import NotFound, Problem
from bot.emulator.world import LEVELS, Repo, Token, User

NAMES = {"read": 1, "write": 2, "admin": 3}
LONGEST_JWT = 600
ANYBODY_WRITES = ("issues:write",)


@dataclass(frozen=True)
class Caller:
    """`user` is the actor of what the caller does: the bot for the App; None for nobody."""

    user: User | None
    token: Token | None = None
    app: bool = False


NOBODY = Caller(None)


def credential(header: str | None) -> str:
    """The token or JWT in an Authorization header (`Bearer`, `token`, or Basic with it as password)."""
    scheme, _, value = (header or "").strip().partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return value.strip()
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Problem(401, "Bad credentials") from None
        return password if password and password != "x-oauth-basic" else name
    return ""


def identify(ground: Ground, header: str | None) -> Caller:
    """Raises Problem 401 for a token or JWT that is not good, 403 for a suspended installation."""
    value = credential(header)
    if not header:
        return NOBODY
    if value.count(".") == 2:
        check_jwt(ground, value)
        return Caller(ground.bot, app=True)
    token = ground.world.tokens.get(value)
    if token is None or token.expires <= ground.now():
        raise Problem(401, "Bad credentials")
    if token.installation is not None and token.installation.suspended is not None:
        raise Problem(403, "This installation has been suspended")
    return Caller(token.user, token)


def check_jwt(ground: Ground, value: str) -> None:
    try:
        claims = jwt.decode(
            value,
            ground.public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["iat", "exp", "iss"]},
        )
    except jwt.PyJWTError:
        raise Problem(401, "A JSON web token could not be decoded") from None
    now, began, ends = ground.now(), claims["iat"], claims["exp"]
    if not isinstance(began, int | float) or began > now + 60:
        said = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        raise Problem(401, said)
    if not isinstance(ends, int | float) or ends <= now:
        said = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which"
        raise Problem(401, f"{said} the assertion expires")
    if ends > now + LONGEST_JWT + 60:
        raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
    if str(claims["iss"]) not in (str(ground.app_id), f"Iv1.{ground.app_id:016x}"):
        raise Problem(401, "'Issuer' claim ('iss') must be the App's id")


def holds(permissions: Mapping[str, str], needs: Sequence[str]) -> bool:
    """Whether one of the needs (`issues:write`) is met; no needs are always met."""
    for need in needs:
        name, _, level = need.partition(":")
        if NAMES.get(permissions.get(name, ""), 0) >= NAMES[level]:
            return True
    return not needs


def sees(ground: Ground, caller: Caller, repo: Repo) -> bool:
    if not repo.private:
        return True
    if caller.token is None or caller.user is None:
        return False
    if caller.token.installation is not None:
        return repo.id in caller.token.repos
    return ground.world.level(repo, caller.user) != "none"


def permit(ground: Ground, caller: Caller, repo: Repo, needs: Sequence[str], *, write: bool) -> None:
    """Raises Problem unless the caller may do this to the repository."""
    if not sees(ground, caller, repo):
        raise NotFound
    if caller.token is None or caller.user is None:
        if write:
            raise Problem(401, "Requires authentication")
    elif caller.token.installation is not None:
        _permit_installation(caller.token, repo, needs, write=write)
    elif write and needs[:1] != ANYBODY_WRITES and not at_least(ground.world.level(repo, caller.user), "write"):
        raise Problem(403, "Must have push access to the repository.")
    if write and repo.archived:
        raise Problem(403, "Repository was archived so is read-only.")


def _permit_installation(token: Token, repo: Repo, needs: Sequence[str], *, write: bool) -> None:
    given = repo.id in token.repos
    if (given and holds(token.permissions, needs)) or (not given and not write):
        return
    accepted = "; ".join(need.replace(":", "=") for need in needs)
    raise Problem(403, "Resource not accessible by integration", headers={"X-Accepted-GitHub-Permissions": accepted})


def at_least(level: str, wanted: str) -> bool:
    return LEVELS.index(level) >= LEVELS.index(wanted)
