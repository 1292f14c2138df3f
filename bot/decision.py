"""What an event may lead to, as plain values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.github.events import RepoRef
from bot.slash import Order


@dataclass(frozen=True)
class Start:
    """A run of `workflow`. `label` is the one that asks for it, `order` the command; `taken_as` is set where its words
    were somebody's own.

    `asked`: somebody asks for it, who must have the right; else it follows from what happened. `anew`: it takes the
    place of one that is under way, for the pull request has changed; `pushed`: by commits, which seldom come alone.
    """

    workflow: str
    label: str = ""
    order: Order | None = None
    taken_as: str = ""
    asked: bool = True
    anew: bool = False
    pushed: bool = False


@dataclass(frozen=True)
class Control:
    """A command that controls the bot; `taken_as` as above."""

    order: Order
    taken_as: str = ""


@dataclass(frozen=True)
class Refuse:
    """Somebody said a command that cannot be carried out: `sentence` says why."""

    sentence: str


@dataclass(frozen=True)
class Cancel:
    """Every active run of `workflow` for the event's target ends, and `sentence` says why."""

    workflow: str
    sentence: str


@dataclass(frozen=True)
class Approve:
    """What waits for approval on the issue is published, if whoever set the label may write."""


@dataclass(frozen=True)
class Leave:
    """The bot has left these repositories, or all of `installation` where that is not 0: every run in them ends."""

    repos: tuple[RepoRef, ...]
    installation: int = 0


@dataclass(frozen=True)
class Welcome:
    """The bot came to these repositories: its labels are created there."""

    repos: tuple[RepoRef, ...]


@dataclass(frozen=True)
class Reread:
    """The repository's configuration changed on its default branch, at `commit`: in these files.

    `whole`: in any of them, for GitHub did not tell all that changed.
    """

    repo: RepoRef
    commit: str
    paths: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True)
class Hear:
    """Somebody said or did something about a finding: it is kept, and may decline the finding."""


Decision = Start | Control | Refuse | Cancel | Approve | Leave | Welcome | Reread | Hear


@dataclass(frozen=True)
class Own:
    """Who the bot is and what it knows: the numeric id of its account and its `slug`; the control commands, with the
    words that may follow each; the bots that may command; the commands that this repository switched off; and by the
    commands and labels that would start it the repository's own workflow file that stands in the way of ours of its
    name, and never was good.
    """

    id: int = 0
    slug: str = ""
    controls: Mapping[str, str] = field(default_factory=dict)
    bots: frozenset[int] = frozenset()
    off: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)
