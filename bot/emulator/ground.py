"""What every verb stands on: the world, the shapes and the webhooks of one played GitHub with one App."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.emulator.fault import Exchange, Faults
from bot.emulator.hooks import Delivery, Hooks
from bot.emulator.shape_review import ReviewShape
from bot.emulator.world import Json, Repo, User, World

PERMISSIONS = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
EVENTS = (
    "check_run",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
)
ALWAYS = ("installation", "installation_repositories")
"""Events that every App gets without asking."""


@cache
def _key() -> rsa.RSAPrivateKey:
    """One key a process: making it is the dearest part of a start."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Ground:
    """One App on one GitHub. `permissions` and `events` are what the App asks for."""

    def __init__(
        self,
        folder: Path,
        *,
        hook_url: str | None = None,
        secret: str = "a secret of the played GitHub",
        app_id: int = 4711,
        slug: str = "tutti",
        permissions: Mapping[str, str] = PERMISSIONS,
        events: Iterable[str] = EVENTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder, self.app_id, self.slug = folder, app_id, slug
        self.permissions, self.events = dict(permissions), sorted(events)
        self.world = World(clock)
        self.faults = Faults()
        self.requests: list[Exchange] = []
        self.unknown: list[str] = []
        self.errors: list[str] = []
        self.bot = self.world.person(f"{slug}[bot]", "Bot")
        self.owner = self.world.person("tutti-makers", "Organization")
        self.hooks = Hooks(self.world, hook_url, secret, app_id)
        self.shape = ReviewShape(self.world, "http://unstarted.invalid", slug, app_id, self.events)

    @property
    def url(self) -> str:
        """Where pages and git are: the bot's `TUTTI_GITHUB_URL`."""
        return self.shape.url

    @property
    def api_url(self) -> str:
        """Where the API is, as on a GitHub Enterprise Server: the bot's `TUTTI_API_URL`."""
        return self.shape.api

    @property
    def hook_url(self) -> str | None:
        return self.hooks.url

    @hook_url.setter
    def hook_url(self, url: str | None) -> None:
        self.hooks.url = url

    @property
    def webhook_secret(self) -> str:
        return self.hooks.secret

    @property
    def deliveries(self) -> list[Delivery]:
        return self.hooks.deliveries

    @property
    def private_key(self) -> str:
        """The App's key as PEM."""
        return (
            _key()
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
            .decode()
        )

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return _key().public_key()

    async def delivered(self) -> None:
        """Waits until every webhook so far has its answer."""
        await self.hooks.delivered()

    def now(self) -> float:
        return self.world.clock()

    def who(self, by: str | User) -> User:
        return self.world.person(by) if isinstance(by, str) else by

    def app_json(self) -> Json:
        return self.shape.app(self.owner, self.permissions)

    def emit(self, event: str, action: str | None, repo: Repo, by: User, **details: object) -> None:
        """Fires the webhook when the App is on that repository and asked for the event."""
        installation = self.world.installation_of(repo)
        if installation is None or installation.suspended is not None or event not in self.events:
            return
        payload: Json = {} if action is None else {"action": action}
        payload |= details
        payload |= {"repository": self.shape.repo(repo), "sender": self.shape.user(by)}
        if repo.owner.type == "Organization":
            payload["organization"] = self.organization(repo.owner)
        payload["installation"] = {"id": installation.id, "node_id": f"MDIz{installation.id}"}
        self.hooks.fire(event, action, payload, installation, repo)

    def organization(self, owner: User) -> Json:
        api = f"{self.api_url}/orgs/{owner.login}"
        person = self.shape.user(owner)
        return {
            **{name: person[name] for name in ("login", "id", "node_id", "avatar_url")},
            "url": api,
            "repos_url": f"{api}/repos",
            "events_url": f"{api}/events",
            "hooks_url": f"{api}/hooks",
            "issues_url": f"{api}/issues",
            "members_url": f"{api}/members{{/member}}",
            "public_members_url": f"{api}/public_members{{/member}}",
            "description": "",
        }
