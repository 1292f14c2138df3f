"""A hostile agent: runs Python in its worktree during a real run, and what it found out comes back as its words."""

import json
from collections.abc import Sequence
from typing import Any

from bot.backends.rehearsal import Act, Run, Say, Write
from tests.house import House

PLAY = (Write("greeting.txt", "hello\n"), Say("It says hello now."))
_TOOLS = '''
import errno, json, os, socket, subprocess, sys
found = {}

def tried(name, work):
    """What came of it: the value, or the error's name."""
    try:
        found[name] = work()
    except OSError as error:
        found[name] = errno.errorcode.get(error.errno, str(error))
    except Exception as error:
        found[name] = type(error).__name__

def read(path):
    return open(path, "rb").read(4000).decode("utf-8", "replace")
'''


def python(code: str) -> tuple[Act, ...]:
    """The acts that run `code`; it has `tried(name, work)` and `read(path)`, and what it tried is told as JSON."""
    whole = f"{_TOOLS}\n{code}\nprint('FOUND ' + json.dumps(found, default=str))\n"
    return Write("probe.py", whole), Run("python probe.py 2>&1; rm -f probe.py")


async def probed(house: House, code: str, *, title: str = "Say hello") -> dict[str, Any]:
    """What hostile Python found out in a run that ends well."""
    house.heard.clear()
    house.rehearse([*python(code), *PLAY])
    issue = await house.implement(title)
    told = house.said(issue)[-1]
    assert "· done ·" in told, told
    return findings(house)


def findings(house: House) -> dict[str, Any]:
    """What the last probe told."""
    said = [event.text for event in house.heard if event.text.startswith("FOUND ")]
    assert said, [event.text for event in house.heard]
    found: dict[str, Any] = json.loads(said[-1].removeprefix("FOUND "))
    return found


def outputs(house: House) -> Sequence[str]:
    """Every line that agents and tests printed."""
    return [event.text for event in house.heard if event.kind == "output"]
