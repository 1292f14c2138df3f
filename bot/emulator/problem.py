"""The answers that say no, in GitHub's own shape and words."""

from collections.abc import Mapping, Sequence
from typing import Any

DOCS = "https://docs.github.com/rest"


class Problem(Exception):  # noqa: N818 - it is an answer
    """An HTTP answer of `status` with GitHub's error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any] | str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.message, self.errors, self.headers = status, message, list(errors), dict(headers or {})
        super().__init__(f"{status} {message}")

    @property
    def body(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"message": self.message}
        if self.errors:
            shown["errors"] = self.errors
        return shown | {"documentation_url": DOCS, "status": str(self.status)}


class NotFound(Problem):
    def __init__(self, message: str = "Not Found") -> None:
        super().__init__(404, message)


class Invalid(Problem):
    """422 "Validation Failed" with one entry in `errors`."""

    def __init__(self, resource: str, field: str = "", code: str = "invalid", message: str = "") -> None:
        error = {"resource": resource, "code": code}
        error |= {"field": field} if field else {}
        error |= {"message": message} if message else {}
        super().__init__(422, "Validation Failed", errors=[error])
