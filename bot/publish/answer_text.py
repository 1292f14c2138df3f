"""Every sentence of answers: the answer itself, the parts of a task, the section of a pull request's text. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from bot.agents.response import Answer, Description, Parts, Ref
from bot.git.slug import branch_name
from bot.github.harmless import HOST, cell, code, harmless, phrase, plain
from bot.publish.review_text import Coverage
from bot.review import name

LONGEST = 20_000  # characters of an answer
BESIDES = 6_000  # of the words before a list, which has the rest
SECTION = 12_000  # of a summary in a pull request's text
NAMED, REFS, PARTS, WALKS = 10, 20, 30, 60
_RENDERED = (".md", ".markdown", ".rst", ".adoc", ".ipynb", ".svg")  # GitHub shows these without lines


@dataclass(frozen=True)
class Read:
    """What an answer stands on: the repository's address, the commit, what of the change was shown, further notes."""

    address: str
    head: str
    host: str = HOST
    coverage: Coverage | None = None
    notes: Sequence[str] = ()


# ---- why there is none -----------------------------------------------------------------------------------------------


def usage(command: str, words: str) -> str:
    return f"Refused: there are no words to go by. Say it like this: {code(f'/{command} {words}')}."


def unrelated() -> str:
    return "Refused: the pull request has no commit in common with its base branch."


def already_described(head: str) -> str:
    return f"No change: the section in the pull request's text describes {code(head[:7])} already."


def no_room() -> str:
    return "Refused: the pull request's text is so long that GitHub takes no section below it."


# ---- answers ---------------------------------------------------------------------------------------------------------


def answered(said: Answer, refs: Sequence[Ref], read: Read) -> str:
    """An answer, the places that it speaks of as links to the commit that was read, and what was not read."""
    links = ", ".join(_link(ref, read) for ref in refs[:REFS])
    return _joined(_cut(said.answer, LONGEST, read.host), f"See {links}." if links else "", foot(read))


def divided(said: Parts, changed: Collection[str] | None, number: int, read: Read) -> str:
    """The parts of a task as a numbered list. `changed` are the paths of a pull request's change; None on an issue.

    A path that the change does not have is left out, and what of the change is in no part is named.
    """
    parts, room = said.parts[:PARTS], LONGEST - BESIDES
    rows: list[str] = []
    for at, part in enumerate(parts, 1):
        after = [other for other in sorted(set(part.after)) if 0 < other < at]
        paths = [path for path in dict.fromkeys(part.paths) if changed is None or path in changed]
        branch = branch_name(f"split/{number}", part.title, at)
        facts = [
            f"Branch {code(branch)}" if changed is not None else "An issue of its own",
            *([f"after {_listed(list(map(str, after)))}"] if after else []),
        ]
        why = phrase(part.why, 500, read.host)
        lines = [f"**{phrase(part.title, 120, read.host)}**", why, f"{', '.join(facts)}.", _paths(paths)]
        row = f"{at}. " + f"  \n{' ' * len(f'{at}. ')}".join(line for line in lines if line)
        room -= len(row)
        if room < 0:
            break
        rows.append(row)
    more = len(said.parts) - len(rows)
    named = {path for part in said.parts for path in part.paths}
    over = sorted(set(changed or ()) - named) if rows else []
    return _joined(
        _cut(said.answer, BESIDES, read.host),
        "\n".join(rows) or "It is best left whole.",
        f"And {more} more." if more else "",
        f"In no part: {_paths(over)}" if over else "",
        foot(read),
    )


def foot(read: Read) -> str:
    """What was read, and what was not."""
    lines = [f"Read at [{code(read.head[:7])}]({read.address}/tree/{read.head})."]
    if read.coverage is not None and read.coverage.left:
        left = read.coverage.left
        named = ", ".join(f"{name.code(path)} ({why})" for path, why in left[:NAMED])
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        lines.append(f"Shown {read.coverage.read} of {read.coverage.total} changed files; not shown: {named}{more}.")
    return " ".join([*lines, *read.notes])


# ---- descriptions ----------------------------------------------------------------------------------------------------


def section(said: Description, changed: Collection[str], read: Read) -> str:
    """The section of a pull request's text: what it does, file by file."""
    walks = list({walk.path: walk for walk in said.walkthrough if walk.path in changed}.values())
    rows = [f"| {cell(name.code(walk.path))} | {cell(phrase(walk.what, 300, read.host))} |" for walk in walks[:WALKS]]
    table = "\n".join(["| file | what changes |", "|---|---|", *rows]) if rows else ""
    return _joined(
        _cut(said.summary, SECTION, read.host),
        table,
        f"And {len(walks) - WALKS} more files." if len(walks) > WALKS else "",
        f"Described by Tutti at {code(read.head[:7])}.",
    )


def described(wish: str, title: str, read: Read, *, same: bool) -> str:
    """How it ends that a pull request was described; a title is suggested where `wish` is another one."""
    begin = "No change: the section in the pull request's text says this already." if same else _DESCRIBED
    return _joined(begin, _suggested(wish, title), foot(read))


_DESCRIBED = "Done: the description stands in the pull request's text, below what people wrote."


def staged(section: str, wish: str, title: str, read: Read) -> str:
    """A description where nothing is to be written but the status."""
    begin = "Staged: nothing but this comment is written. The pull request's text would get this section:"
    return _joined(begin, section, _suggested(wish, title), foot(read))


def _suggested(wish: str, title: str) -> str:
    wish = plain(wish)
    return f"A title that would fit: {code(wish, 200)}" if wish and wish != " ".join(title.split()) else ""


# ---- pieces ----------------------------------------------------------------------------------------------------------


def _link(ref: Ref, read: Read) -> str:
    """A place as a link that stays true when the branch moves on."""
    line = f":{ref.line}" if ref.line else ""
    shown = "?plain=1" if ref.line and ref.path.lower().endswith(_RENDERED) else ""
    mark = f"#L{ref.line}" if ref.line else ""
    path = quote(ref.path.encode("utf-8", "surrogateescape"))
    return f"[{name.code(f'{ref.path}{line}')}]({read.address}/blob/{read.head}/{path}{shown}{mark})"


def _cut(words: str, limit: int, host: str) -> str:
    """Words of an agent as harmless Markdown of about so many characters, with a word where that is not all of it."""
    kept, room = words.strip(), limit
    while len(made := harmless(kept[:room], host)) > limit:
        room //= 2
    return made if room >= len(kept) else f"{made}\n\n(The answer is longer: the rest is left out.)"


def _paths(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(map(name.code, paths[:NAMED])) + more


def _listed(words: Sequence[str]) -> str:
    return " and ".join([*([", ".join(words[:-1])] if words[1:] else []), words[-1]])


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
