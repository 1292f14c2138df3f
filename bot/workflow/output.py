"""What a run of a workflow may publish, and how much of it."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bot import template
from bot.document import Strict

NAMES = ("issue", "repo", "change")
_EXAMPLE = {"issue": {"title": "Title", "number": 1}, "repo": {"name": "owner/name"}, "change": {"title": "Title"}}


class PullRequest(Strict):
    """The pull requests a run may ask for: more than one where the work has more than `files` files.

    Where `condition` (`if`) does not hold once the jobs have ended, nothing is published.
    """

    max: Annotated[int, Field(ge=1, le=20)] = 1
    files: Annotated[int, Field(ge=1, le=3000)] | None = None
    branch_prefix: str = Field(default="feature/auto", pattern=r"^[a-z0-9]+(?:[/._-][a-z0-9]+)*$")
    title: str = "{{ change.title }}"
    labels: tuple[str, ...] = ()
    draft: bool = False
    condition: str = Field(default="", alias="if")

    @field_validator("title")
    @classmethod
    def _is_a_template(cls, title: str) -> str:
        if wrong := template.problem(title, NAMES) or template.busy(title):
            raise ValueError(wrong)
        template.render(title, _EXAMPLE)
        return title


class Commits(Strict):
    """The commits a run may push to the pull request it works on."""

    max: Annotated[int, Field(ge=1, le=100)] = 20


class Review(Strict):
    """The review a run may post, with so many inline comments."""

    max: Literal[1] = 1
    comments: Annotated[int, Field(ge=0, le=50)] = 20


class Comment(Strict):
    """The answer a run may give: it stands in the run's status comment."""

    max: Literal[1] = 1


class Description(Strict):
    """The section of the pull request's text that a run may write; what people wrote around it stays."""

    max: Literal[1] = 1


class Outputs(Strict):
    """The only thing a run of this workflow may publish, beside its status: exactly one of these."""

    pull_request: PullRequest | None = None
    commits: Commits | None = None
    review: Review | None = None
    comment: Comment | None = None
    description: Description | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Outputs":
        if len(self.named) != 1:
            raise ValueError("name one of pull-request, commits, review, comment, description")
        return self

    @property
    def named(self) -> frozenset[str]:
        return frozenset(name for name in type(self).model_fields if getattr(self, name) is not None)
