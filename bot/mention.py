"""Words said to the bot by its name: which command they mean, told by the first of them that matters. Pure."""

import re
from collections.abc import Container

from bot.slash import Line, Order, command_at, order_of, paragraphs

_LONGEST = 400  # more is not needed to tell what is meant
_POLITE = re.compile(
    r"(?:please|pls|plz|kindly|hey|hi|hello|dear|thanks|thank you|ok|okay|now|just|then|and|also|so"
    r"|(?:can|could|would|will) (?:you|we)(?: all)?|i(?:'d| would) (?:like|love) you to|i want you to|let's"
    r"|go ahead and|good morning)(?![\w'-])"
)
_BARE = re.compile(r"(?:please|pls|plz|kindly|hey|hi|hello|now|ok|okay)(?![\w'-])")
_GREETING = re.compile(r"(?:hey|hi|hello)(?![\w'-])")
_THANKS = re.compile(
    r"(?:(?:many |so )?thanks|thank you|thx|ty|so much|very much|a lot|good (?:job|work|bot|catch)|well done|great"
    r"(?: work| job)?|nice(?: work| job| one| catch)?|awesome|perfect|excellent|cool|lgtm|ok|okay|\+1)(?![\w'-])"
)
_PAUSE = re.compile(r"[\s,.:;!?…\u2013—()-]*")  # what may stand between words
_END = r"(?=\s*(?:$|[.,;:!?\n\u2013—]|- ))"
_IT = (
    rf"(?:{_END}|(?= (?:this|that|it|these|those|the|all|everything|my|our|your|again|now|please|here|#?\d+)(?![\w'])))"
)

# What a person says when it ends or holds up work, in full: else "cancel button is broken" would cancel.
_WHAT = (
    r"(?: (?:it|this|that|everything|all of (?:it|this)|all|now|immediately|here|please"
    r"|working(?: on (?:it|this|that))?"
    r"|(?:the|this|that|your|these|those|all) (?:run|runs|plan|work|job|jobs|agent|agents|workflow|change|changes"
    r"|review|pull request|pr)))*"
)
_ENDED = r"(?=\s*(?:$|[.,;!\n\u2013—]|- ))(?!\W*(?:no|not|never|unless|if|but|only)\b)"
_BECAUSE = r"(?= (?:because|until|since|while)\b)"
_ORDERED = (
    ("approve", rf"approve{_WHAT}(?: thanks| thank you)?[\s.!]*$"),
    ("cancel", rf"(?:cancel|stop|abort){_WHAT}(?:{_ENDED}|{_BECAUSE})"),
    ("pause", rf"pause{_WHAT}(?:{_ENDED}|{_BECAUSE})"),
    ("pause", r"(?:hold on|wait)(?: (?:please|now|here|a (?:moment|minute|second|bit)))*[\s.!]*$"),
)
_MEANT = (
    ("implement", "implement"),
    ("implement", rf"build(?:{_IT}|(?= (?:an?|me|us|support)\b))"),
    ("implement", r"(?:fix|solve|resolve) (?:this |the |that )?(?:issue|bug|problem)\b"),
    ("fix", rf"fix(?:{_IT}|(?= (?:findings?|comments?)\b))"),
    ("review", rf"(?:re-?)?review(?:{_IT}|(?= (?:pr|pull request|changes)\b))"),
    ("review", rf"(?:take|have) (?:a|another) look(?:{_END}|(?= at\b))"),
    ("review", rf"look (?:at|over|through) (?:this|it|that|the (?:changes?|code|diff|pull request|pr)){_END}"),
    ("plan", rf"plan(?:{_IT}|(?= (?:an?|for|how|out)\b))|(?:make|write|draft|propose|prepare|post) (?:an?|the) plan\b"),
    ("test", rf"test(?:{_IT}|(?= (?:on|with)\b))|run (?:all |the |my |our )*(?:tests|test suite)\b"),
    ("describe", rf"describe{_IT}|(?:write|update) (?:an?|the) description\b"),
    ("split", rf"split(?:{_IT}|(?= (?:up|into)\b))"),
    ("rebase", rf"rebase(?:{_IT}|(?= (?:on|onto|against)\b))|update (?:the|this|my|our|your) branch\b"),
    ("retry", rf"retry(?:{_IT}|(?= from\b))|try (?:it |this |that )?again\b|(?:re-?run|restart){_IT}"),
    ("retry", r"run (?:it|this|that) again\b"),
    ("resume", rf"resume{_IT}|continue(?:{_IT}|(?= with\b))|(?:go|carry) on{_END}|keep going{_END}"),
    ("status", rf"status{_END}|(?:what is|what's) (?:the|your) status{_END}"),
    ("status", rf"how far(?: along)?(?: are you| is (?:it|this|that))?{_END}"),
    ("cost", rf"(?:costs?|how much){_END}|(?:how much|what) (?:did|does|has|will|would) (?:this|it|that|the run) cost"),
    ("why", rf"why{_END}|why (?:did|have|do|are|were)(?:n't| not)? you\b|why (?:didn't|haven't|don't|aren't) you\b"),
    ("explain", r"explain\b|what (?:does|do) (?:this|that|it|these|those)\b"),
    ("config", rf"(?:show )?(?:me )?(?:the |your )?(?:config|configuration){_END}"),
    ("config", rf"what(?: is|'s) (?:the|your) (?:config|configuration){_END}"),
    ("help", rf"help(?: me)?{_END}|what can you do{_END}|how do you work{_END}"),
)
_TAKEN_BACK = r"(?!\W*(?:(?:this|that|it)\W*)?(?:no|not|never|don't|do not|nothing)\b)"
_EXACT = [(word, re.compile(pattern)) for word, pattern in _ORDERED]
_LOOSE = [(word, re.compile(rf"(?:{pattern})(?![\w'-]){_TAKEN_BACK}")) for word, pattern in _MEANT]
_STEP = re.compile(r"\bfrom (?:the )?([a-z0-9][\w-]*)")


def mention(comment: str, slug: str, known: Container[str] | None = None) -> Order | None:
    """What the first line that begins with `@slug` asks for; None where there is none, or it only says thanks.

    Lines count as those of commands do, and `known` is what it is there. Words that mean no command are a question
    (`ask`), and no words ask for help. The text is all that was said, up to the next command or the paragraph's end.
    """
    called = re.compile(rf"@{re.escape(slug)}(?:\[bot\])?(?=[\s,:;!?\u2013—]|[.…](?:\s|$)|$)", re.IGNORECASE)
    for lines in paragraphs(comment) if slug else ():
        for at, line in enumerate(lines):
            if line.free and (hit := called.match(line.written)):
                return _order(hit.end(), lines[at:], known)
    return None


def _order(start: int, lines: list[Line], known: Container[str] | None) -> Order | None:
    heads = (at for at, line in enumerate(lines) if line.free and _command(line.written, known))
    end = next(heads, len(lines))
    said = "".join(line.written for line in lines[:end])[start:]
    text = said.lstrip(" \t\n\u00a0,:;.!?…\u2013—").removeprefix("- ").strip()
    if hit := _command(text, known):  # `@bot /review`
        rest = text[hit.end() :]
        return order_of(hit[1].lower(), rest.split("\n", 1)[0], rest)
    plain = _plain(text)
    if _is_thanks(plain) or (not _after(_POLITE, plain) and end < len(lines)):  # the command below says what is meant
        return None
    word = _word(plain)
    return Order(word, _arguments(word, plain), text=text)


def _command(line: str, known: Container[str] | None) -> re.Match[str] | None:
    hit = command_at(line)
    return hit if hit and (known is None or hit[1].lower() in known) else None


def _plain(text: str) -> str:
    """The beginning of a text, in lower case, with single spaces and without stars."""
    beginning = text[:_LONGEST].lower().replace("\u2019", "'").replace("*", "")
    more = " [more]" if len(text) > _LONGEST else ""  # so that what is the whole text can be told
    return re.sub(r"[^\S\n]+", " ", beginning) + more


def _is_thanks(plain: str) -> bool:
    rest = _after(_GREETING, plain)
    return bool(rest) and (not _after(_THANKS, rest) or not re.search(r"\w", rest))


def _word(plain: str) -> str:
    """The command that the words mean. What approves, ends or holds up work must be said as an order."""
    bare, meant = _after(_BARE, plain), _after(_POLITE, plain)
    exact = [word for word, pattern in _EXACT if pattern.match(bare)]
    loose = [word for word, pattern in _LOOSE if pattern.match(meant)]
    return next(iter([*exact, *loose]), "ask" if meant else "help")


def _after(polite: re.Pattern[str], words: str) -> str:
    """The words without the polite ones at their beginning."""
    words = words[_pause(words) :]
    while hit := polite.match(words):
        words = words[hit.end() :]
        words = words[_pause(words) :]
    return words


def _pause(words: str) -> int:
    hit = _PAUSE.match(words)
    return hit.end() if hit else 0


def _arguments(word: str, plain: str) -> tuple[str, ...]:
    """What strict commands take: the numbers of findings, the step to go on from."""
    line = plain.split("\n", 1)[0]
    if word == "fix":
        return tuple(re.findall(r"(?<![\w.-])#?(\d{1,4})(?![\w-]|\.\d)", line))
    step = _STEP.search(line) if word == "retry" else None
    return ("from", step[1]) if step else ()
