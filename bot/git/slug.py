"""The names of the bot's branches, made from titles that anybody may have written."""

import re

from slugify import slugify

_WIDTH = 50


def branch_name(prefix: str, title: str, number: int, attempt: int = 1) -> str:
    """`<prefix>-<number>-<slug>`, as in `feature/auto-12-add-a-search-box`; from the second attempt on `…-2`.

    Only ASCII letters, digits, `-`, `_` and `/` come out, so git and every shell take it as it stands.
    """
    parts = [slugify(part, lowercase=False, regex_pattern=r"[^-a-zA-Z0-9_]+").strip("_") for part in prefix.split("/")]
    slug = slugify(title, max_length=_WIDTH, word_boundary=True, regex_pattern=r"[^-a-z0-9]+")
    start = "/".join(part for part in parts if part) or "auto"
    again = str(attempt) if attempt > 1 else ""
    return re.sub(r"-+", "-", "-".join(part for part in (start, str(number), slug, again) if part))
