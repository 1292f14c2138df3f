"""The errors that carry a meaning; everything else that is raised is a bug.

UserError   a sentence for the person who asked
ConfigError a file, a line and a sentence, for whoever wrote the file
Stop        a run ends here in one of the state words, with a sentence
TryAgain    the same step may succeed later
"""

from typing import Literal

State = Literal[
    "queued",
    "running",
    "waiting",
    "done",
    "no change",
    "skipped",
    "failed",
    "refused",
    "needs approval",
    "cancelled",
    "timed out",
    "over budget",
    "resource limit",
]
ACTIVE: frozenset[State] = frozenset({"queued", "running", "waiting"})


class UserError(Exception):
    """Its text is one sentence that may be shown to the person who asked."""


class ConfigError(Exception):
    """A file somebody wrote is wrong: `path:line: message (hint)`."""

    def __init__(self, path: str, line: int, message: str, hint: str = "") -> None:
        self.path, self.line, self.message, self.hint = path, line, message, hint
        super().__init__(f"{path}:{line}: {message}" + (f" ({hint})" if hint else ""))


class Stop(Exception):  # noqa: N818 - it ends a run, it is no error of the program
    """The run ends in `state`; `sentence` says why, for people."""

    def __init__(self, state: State, sentence: str) -> None:
        self.state, self.sentence = state, sentence
        super().__init__(sentence)


class TryAgain(Exception):  # noqa: N818
    """The step failed for a reason that passes; worth another try after `after` seconds."""

    def __init__(self, reason: str, after: float = 5.0) -> None:
        self.after = after
        super().__init__(reason)
