"""What starts a run of a workflow, and what ends it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from bot.document import Strict
from bot.workflow.right import starting

IssueAction = Literal["opened", "edited", "reopened", "closed", "labeled", "unlabeled", "assigned"]
PullAction = Literal["opened", "synchronize", "reopened", "ready_for_review", "review_requested", "edited", "closed"]
CheckAction = Literal["rerequested", "requested_action"]
CommandPlace = Literal["issues", "pull_request"]
InputKind = Literal["string", "number", "boolean"]
_KINDS: dict[InputKind, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}


class IssuesTrigger(Strict):
    """`issues:` as in Actions; `labels` narrows `labeled` and `unlabeled` to those names, in any case as on GitHub."""

    types: tuple[IssueAction, ...] = Field(min_length=1)
    labels: tuple[Annotated[str, AfterValidator(starting)], ...] = ()

    def matches(self, action: str, label: str | None) -> bool:
        if action not in self.types:
            return False
        if not self.labels or action not in ("labeled", "unlabeled"):
            return True
        return label is not None and label.casefold() in {name.casefold() for name in self.labels}


class PullTrigger(Strict):
    """`pull_request:` as in Actions; of `review_requested` those that ask the bot count, of `edited` a new base."""

    types: tuple[PullAction, ...] = Field(min_length=1)


class CheckTrigger(Strict):
    """`check_run:` as in Actions, for check runs of the bot's own; `button` is what `requested_action` names."""

    types: tuple[CheckAction, ...] = Field(min_length=1)
    button: str = ""

    def matches(self, action: str, button: str) -> bool:
        return action in self.types and (action != "requested_action" or button == self.button)


class Endings(Strict):
    """What ends a run: at least one of these."""

    issues: IssuesTrigger | None = None
    pull_request: PullTrigger | None = Field(default=None, alias="pull_request")

    @model_validator(mode="after")
    def _one_at_least(self) -> "Endings":
        if not self.events:
            raise ValueError("name at least one event")
        return self

    @property
    def events(self) -> frozenset[str]:
        """The names of what is listened to."""
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)

    def by_issue(self, action: str, label: str | None) -> bool:
        return self.issues is not None and self.issues.matches(action, label)

    def by_pull(self, action: str) -> bool:
        return self.pull_request is not None and action in self.pull_request.types


class Input(Strict):
    """A value that whoever uses the workflow gives: of which kind, and what it is where none is given."""

    type: InputKind = "string"
    description: str = ""
    required: bool = False
    default: str | float | bool | None = None

    @model_validator(mode="after")
    def _default_fits(self) -> "Input":
        if self.default is not None and not self.fits(self.default):
            raise ValueError(f"`default` is no {self.type}")
        return self

    def fits(self, value: Any) -> bool:
        return isinstance(value, _KINDS[self.type]) and isinstance(value, bool) == (self.type == "boolean")


class Call(Strict):
    """`workflow_call:` as in Actions: a job of another workflow may `uses` this one."""

    inputs: dict[str, Input] = Field(default_factory=dict)


class Triggers(Endings):
    """What starts a run: at least one of these.

    `command` is the word that a line of a comment begins with, without its slash; `command-in` says where such a
    comment may stand, without it wherever what the workflow publishes makes sense. Of several workflows with one
    command that one is meant whose `command-with`, globs, fits the first word after it.
    """

    check_run: CheckTrigger | None = Field(default=None, alias="check_run")
    workflow_call: Call | None = Field(default=None, alias="workflow_call")
    command: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,29}$")] | None = None
    command_in: tuple[CommandPlace, ...] = ()
    command_with: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = ()

    @model_validator(mode="after")
    def _has_its_command(self) -> "Triggers":
        for key, said in (("command-in", self.command_in), ("command-with", self.command_with)):
            if said and self.command is None:
                raise ValueError(f"`{key}` belongs to a `command`")
        return self

    @property
    def events(self) -> frozenset[str]:
        return super().events - {"command_in", "command_with"}

    @property
    def inputs(self) -> frozenset[str]:
        """The names of what whoever uses the workflow gives."""
        return frozenset(self.workflow_call.inputs if self.workflow_call else ())

    def by_check(self, action: str, button: str) -> bool:
        return self.check_run is not None and self.check_run.matches(action, button)
