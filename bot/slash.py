"""Slash commands in a comment: which words of it ask the bot for something, and how. Pure."""

import re
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, escape, newline
from markdown_it.token import Token

_WORD = re.compile(r"/([A-Za-z][A-Za-z-]{0,29})(?=\s|$)")
_PART = re.compile(
    r"""(?P<key>[a-z][a-z-]{0,29}+)=(?:["“”](?P<quoted>[^"“”]*+)["“”](?=\s|$)|(?P<value>[^\s"“”]\S*+))|(?P<word>\S++)"""
)
_KEY = re.compile(r"([A-Za-z0-9_-]{0,30})=(.?)")
_WORTH = re.compile(r"^[ \t]*[/@]", re.MULTILINE)
_LONGEST, _MOST = 70_000, 10  # GitHub takes no longer comment
_BRACKETS = 5_000  # what begins a link is slow to read: where so many stand in paragraphs, the rest is not read
_HOLDS = "details|summary|blockquote|q|pre|code|samp|kbd|del|s|strike|table|ul|ol|dl|div|template"
_TAG = re.compile(rf"<!--(?s:.*?-->|.*)|<(?P<end>/?)(?P<name>{_HOLDS})(?=[\s/>])", re.IGNORECASE)

_OTHER_BOTS = (
    # Prow and its plugins
    "lgtm hold unhold retest assign unassign cc uncc close reopen kind area priority lifecycle label milestone sig wg "
    "ok-to-test test-all override skip cherry-pick cherrypick rerun merge committee joke meow woof bark pony honk dog "
    "cat transfer transfer-issue transferissue retitle triage hug goose shipit good-first-issue help-wanted lint "
    "auto-cc check-cla check-dco invite pipeline verify-owners verified language backport stale rotten frozen "
    "unlabel payload payload-job jira bugzilla refresh validate label-owners uncherrypick pipeline-required "
    # pr-agent, CodeRabbit and other reviewers
    "improve add-docs update-changelog similar-issue generate-labels reflect analyze compliance implement-review "
    "summarize summary ask-line generate custom-prompt checks scan gemini codex claude copilot "
    # GitLab's quick actions
    "estimate spend due todo done subscribe unsubscribe shrug tableflip duplicate relabel move award draft ready "
    "epic weight confidential lock unlock promote clone copy copy-metadata react reassign reassign-reviewer "
    "request-review assign-reviewer unassign-reviewer remove-reviewer submit-review target-branch zoom iteration "
    "health-status publish severity page link unlink timeline child-of blocks blocked-by unapprove convert-to-ticket "
    # chats, bors, build bots
    "me giphy gif msg poll remind invite-all mute away dnd join leave topic shortcut collapse expand who feed "
    "try delegate ping deploy undeploy rollback promote release build run ci check format fmt benchmark bench "
    "preview canary snapshot azp azurepipelines packit recheck take claim unclaim bot solved attempt bounty tip "
    "ok ack nack cla dco easycla sync unlock-pr queue dequeue requeue update attest gcbrun"
)
_NO_COMMANDS = (
    # folders, addresses and words that stand behind a slash for another reason
    "etc usr bin sbin home tmp var opt dev proc sys lib lib64 root boot mnt media run srv users system volumes "
    "applications library windows program private data api rest graphql rpc auth login logout health healthz ready "
    "live metrics static assets public images img css js admin user account accounts search index docs doc tests "
    "test specs spec reviews plans configs configuration configurations src source sources scripts script tools tool "
    "build dist out target node packages package modules module vendor internal pkg cmd app apps server client "
    "common core utils helpers examples example samples fixtures templates migrations models views controllers "
    "services service workers worker workflows workflow actions action agents agent bench benchmarks log logs cache "
    "config conf settings statuses state states costs prices issues pulls wiki projects releases tags commits "
    "branches text texts tent tested tester testing testdata plain plane planes planet plant plants planner planned "
    "reviewer reviewers reviewed reviewing splits splitter split-screen explained explainer described description "
    "descriptions implementation implementations implements stats statics statues resumes paused pauses retries "
    "retire entry canceled cancelled cancels approved approver approvers approval approvals rebased helped helper "
    "hello host post cast coast rests resumed status-code contact content context component components"
)
_SILENT = frozenset(f"{_OTHER_BOTS} {_NO_COMMANDS}".split())


@dataclass(frozen=True)
class Order:
    """One command: its word in lower case without the slash, and what follows.

    `arguments` and `options` (`key=value`) are those of the command's line, as they are read; `problem` says in a
    short phrase which of them could not be understood. `text` is all that follows up to the next command or the
    paragraph's end, as it was written: it is whole whatever the arguments look like.
    """

    word: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    text: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a paragraph: as it was written (with its end), and as it is read.

    It is `free` where it begins outside of links and HTML: in code and tags no line begins.
    """

    written: str
    shown: str
    free: bool


def orders(comment: str, known: Container[str] | None = None) -> list[Order]:
    """The commands of a comment in order, at most ten: first words of lines, outside of quotes, code, lists, HTML.

    Where the `known` words are given, the others are none: such a line belongs to the text of the command before it.
    """
    found = (order for lines in paragraphs(comment) for order in _of_paragraph(lines, known))
    return list(islice(found, _MOST))


def strays(comment: str, known: Container[str]) -> list[Order]:
    """What looks like a command and has no known word, at most ten."""
    found = (order for lines in paragraphs(comment) for order in _of_paragraph(lines, None))
    return list(islice((order for order in found if order.word not in known), _MOST))


def suggestion(word: str, known: Collection[str]) -> str | None:
    """The known command that was probably meant; None in doubt, for another bot's command, for a path and for prose."""
    word = word.lower()
    if not 4 <= len(word) <= 30 or word in known or word in _SILENT or word.startswith("remove-"):
        return None
    near = sorted((edits, name) for name in known if (edits := _edits(word, name)) <= _allowed(word, name))
    if not near or [edits for edits, _ in near].count(near[0][0]) > 1:
        return None
    return near[0][1]


def order_of(word: str, shown: str, text: str) -> Order:
    """The command `word`, whose line goes on with `shown`, and what follows in full."""
    words: list[str] = []
    options: dict[str, str] = {}
    problem = ""
    for part in _PART.finditer(shown):
        key = part["key"]
        if key is None:
            wrong = _wrong(part["word"])
            problem = problem or wrong
            words += [] if wrong else [part["word"]]
        elif key in options:
            problem = problem or f"`{key}` is given twice"
        else:
            options[key] = part["quoted"] if part["quoted"] is not None else part["value"]
    return Order(word, tuple(words), options, text.strip(), problem)


def command_at(line: str) -> re.Match[str] | None:
    """The slash and the word that a line begins with; group 1 is the word."""
    return _WORD.match(line)


def paragraphs(comment: str) -> Iterator[list[Line]]:
    """The lines of each paragraph that stands in nothing else, if any of them may begin with a command or a mention."""
    if not _WORTH.search(comment):  # spares the reading of most comments
        return
    within: Counter[str] = Counter()  # tags that are open
    environment: dict[str, object] = {}
    brackets = 0
    for before, token in pairwise([_NOTHING, *_MARKDOWN.parse(comment[:_LONGEST], environment)]):
        if token.type == "html_block" and token.level == 0:
            _tags(token.content, within)
        elif token.type == "inline" and before.type == "paragraph_open" and before.level == 0:
            if "<" not in token.content and not _WORTH.search(token.content):
                continue
            brackets += token.content.count("[")
            if brackets > _BRACKETS:
                return
            lines = list(_lines(token.content, environment, within))
            if any(line.free and line.written[:1] in ("/", "@") for line in lines):
                yield lines


def _of_paragraph(lines: list[Line], known: Container[str] | None) -> Iterator[Order]:
    """A command's text ends where the next begins."""
    heads = [(at, hit) for at, line in enumerate(lines) if line.free and (hit := command_at(line.written))]
    heads = [(at, hit) for at, hit in heads if known is None or hit[1].lower() in known]
    for (at, hit), end in zip(heads, [*(at for at, _ in heads[1:]), len(lines)], strict=False):
        text = "".join(line.written for line in lines[at:end])
        yield order_of(hit[1].lower(), lines[at].shown[hit.end() :], text[hit.end() :])


def _wrong(word: str) -> str:
    """What is wrong with a word that is meant as an option and is none; nothing of an address with `=` in it."""
    found = _KEY.match(word)
    if found is None:
        return ""
    key, value = found[1], found[2]
    if not key:
        return "nothing stands before `=`"
    if not re.fullmatch("[a-z][a-z-]*", key):
        return f"`{key}` is no key: a key is lower-case letters and hyphens"
    return f"the value of `{key}` is not in one pair of double quotes" if value else f"`{key}` has no value"


def _allowed(word: str, name: str) -> int:
    """How many slips are believed: none where the first letter differs (but for two that were swapped) or an `s` is
    added, for such a word is another one.
    """
    if len(name) < 4 or not (word[0] == name[0] or word[:2] == name[1::-1]) or word == name + "s":
        return 0
    return 2 if min(len(word), len(name)) >= 8 else 1


def _edits(one: str, other: str) -> int:
    """Letters added, left out, changed, and neighbours swapped; 9 if the lengths say that there are many."""
    if abs(len(one) - len(other)) > 2:
        return 9
    older: list[int] = []
    row = list(range(len(other) + 1))
    for y, a in enumerate(one, 1):
        oldest, older, row = older, row, [y]
        for x, b in enumerate(other, 1):
            best = min(older[x] + 1, row[x - 1] + 1, older[x - 1] + (a != b))
            if x > 1 and y > 1 and a == other[x - 2] and one[y - 2] == b:
                best = min(best, oldest[x - 2] + 1)
            row.append(best)
    return row[-1]


def _lines(content: str, environment: dict[str, object], within: Counter[str]) -> Iterator[Line]:
    """The lines of a paragraph. What it leaves open of tags is open in the next ones, too."""
    tokens: list[Token] = []
    _MARKDOWN.inline.parse(content, _MARKDOWN, environment, tokens)
    start, shown, free = 0, "", not +within
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            end = token.meta["next"]
            yield Line(content[start:end], shown, free)
            start, shown, free = end, "", token.level == 0 and not +within
        elif token.type == "html_inline":
            _tags(token.content, within)
            shown += "" if token.content.startswith("<!--") else token.content
        else:
            shown += token.content
    yield Line(content[start:], shown, free)


def _tags(html: str, within: Counter[str]) -> None:
    for tag in _TAG.finditer(html):
        name = (tag["name"] or "").lower()
        if tag["end"]:
            within[name] = max(0, within[name] - 1)
        elif name:
            within[name] += 1


def _newline(state: StateInline, silent: bool) -> bool:
    return _noted(newline(state, silent), state, silent)


def _escape(state: StateInline, silent: bool) -> bool:
    return _noted(escape(state, silent), state, silent)


def _noted(done: bool, state: StateInline, silent: bool) -> bool:
    """Where a line ends, its token says where in the source the next begins, so that text stays as written."""
    if done and not silent and state.tokens and state.tokens[-1].type in ("softbreak", "hardbreak"):
        state.tokens[-1].meta.setdefault("next", state.pos)
    return done


def _reader() -> MarkdownIt:
    """Blocks only: lines are read where they matter. Emphasis says nothing of where one begins, an image is a link."""
    reader = MarkdownIt("commonmark").enable("table").disable(["inline", "emphasis", "image", "text_join"])
    reader.inline.ruler.at("newline", _newline)
    reader.inline.ruler.at("escape", _escape)
    return reader


_MARKDOWN = _reader()
_NOTHING = Token("", "", 0)
