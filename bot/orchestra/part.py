"""A job of a graph as it is played, and how it ended. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.errors import State
from bot.workflow.job import Job

Result = Literal["success", "failure", "cancelled", "skipped"]
REPAIR = "repair"  # in the keys of a mend that others wait for, with the tree that is mended
WELL: frozenset[State] = frozenset({"done", "no change"})


@dataclass(frozen=True)
class Part:
    """One job, or one instance of a job with a matrix: `spec` is it with every text filled in.

    `name` is unique in the run (`build/api`), `needs` are the names of parts, `values` those of its matrix. `phase` is
    the one of a symphony that it is of, `plain` the inputs that its file gives as they are. `ready`: its texts
    are filled in, and what looks like a template in them is none.
    """

    name: str
    spec: Job
    needs: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    phase: str = ""
    plain: frozenset[str] = frozenset()
    ready: bool = False


@dataclass(frozen=True)
class Ended:
    """How a job ended: its state, why, what its agent said by name, and in words; of one that reads, which tree.

    `behind`: a job failed that it needs, or one that such a job needs.
    """

    state: State
    reason: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    read: str = ""
    behind: bool = False

    @property
    def well(self) -> bool:
        return self.state in WELL

    @property
    def result(self) -> Result:
        """In the words of Actions."""
        if self.well:
            return "success"
        return "skipped" if self.state == "skipped" else "cancelled" if self.state == "cancelled" else "failure"


def together(ended: Sequence[Ended], reason: str) -> Ended:
    """The instances of one job as one: its outputs are lists, a value for each instance; `reason` where one failed."""
    names = dict.fromkeys(name for one in ended for name in one.outputs)
    outputs = {name: [one.outputs[name] for one in ended if name in one.outputs] for name in names}
    bad = next((one for one in ended if not one.well and one.state != "skipped"), None)
    if bad is not None:
        return Ended(bad.state, reason, outputs)
    if ended and all(one.state == "skipped" for one in ended):
        return Ended("skipped", ended[0].reason)
    return Ended("done", "", outputs, "\n\n".join(one.words for one in ended if one.words))


def leaves(ended: Mapping[str, Ended], known: Mapping[str, Ended]) -> dict[str, Ended]:
    """How the jobs of a graph ended, one that is but the sum of others as these; `known` has all of the run by name.

    Those in place of one are in the order of their names: after a crash they come in any other.
    """
    found = dict[str, Ended]()
    for name, one in ended.items():
        below = sorted(part for part in known if part.startswith(f"{name}/"))
        sums = around(below)
        found |= {part: known[part] for part in below if part not in sums} or {name: known.get(name, one)}
    return found


def said(ended: Mapping[str, Ended], needs: Collection[str]) -> dict[str, str]:
    """The words of these jobs, by name: of one that is but the sum of others, theirs."""
    wholes = {name.rpartition("/")[0] for name in ended}
    found = {name: one for name, one in ended.items() if not {name, name.rpartition("/")[0]}.isdisjoint(needs)}
    return {name: one.words for name, one in found.items() if one.words and name not in wholes}


def around(names: Iterable[str]) -> set[str]:
    """The jobs that these are parts of: of `build/api` it is `build`."""
    found: set[str] = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            found.add(name)
    return found
