"""What is judged: the paths that would change, their contents, and the words that would be published with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_LIMIT = 10 * 2**20
"""The largest content in bytes that is looked into."""

LINK, SUBMODULE, EXECUTABLE, PLAIN, NOTHING = "120000", "160000", "100755", "100644", "000000"


@dataclass(frozen=True)
class File:
    """One changed path, as git's objects have it; a rename is one path gone and one new.

    Modes are "000000" for none. Contents are None where there is none or it is larger than CONTENT_LIMIT; `size` is
    that of the new content in bytes. `added` and `deleted` count lines and are 0 for what git takes for binary.
    """

    path: str
    status: Literal["A", "M", "D", "T"]
    old_mode: str
    new_mode: str
    old: bytes | None = field(repr=False)
    new: bytes | None = field(repr=False)
    added: int
    deleted: int
    binary: bool
    size: int


@dataclass(frozen=True)
class Work:
    """A change with everything that would be published of it.

    `paths` is every path of the tree that would be published, `words` says by place ("title", "branch") the text. The
    globs in `owns` (as in .gitignore) say what may change, none: everything. `canaries` are the installation's own
    secrets, as they are written. `commands` are the command lines by which the tests are run. Of the repository's own
    globs `allowed` say the same as `owns` for all of its runs, and `protected` what a person has to approve. `smallest`
    says that it is to be no larger than what it mends.
    """

    files: tuple[File, ...]
    paths: frozenset[str]
    words: Mapping[str, str] = field(repr=False)
    owns: tuple[str, ...] = ()
    canaries: frozenset[str] = field(default=frozenset(), repr=False)
    commands: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    smallest: bool = False
