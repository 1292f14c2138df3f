"""Runs a command under a seccomp profile in Docker's form, as in a container without capabilities: `PROFILE ARGV...`.

What runc makes of such a profile is made here by the same library: rules that ask for a capability are left out, those
for other architectures too, and everything that no rule names gets the default error.
"""

import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

pyseccomp: Any = importlib.import_module("pyseccomp")  # it comes without types
MACHINES = {"x86_64": ("amd64", "SCMP_ARCH_X86_64"), "aarch64": ("arm64", "SCMP_ARCH_AARCH64")}
OPERATORS = {
    "SCMP_CMP_NE": pyseccomp.NE,
    "SCMP_CMP_EQ": pyseccomp.EQ,
    "SCMP_CMP_MASKED_EQ": pyseccomp.MASKED_EQ,
}


def main(profile: str, *argv: str) -> None:
    built(json.loads(Path(profile).read_text(encoding="utf-8"))).load()
    os.execvp(argv[0], argv)


def built(profile: dict[str, Any]) -> Any:
    machine, native = MACHINES[platform.machine()]
    made = pyseccomp.SyscallFilter(pyseccomp.ERRNO(profile["defaultErrnoRet"]))
    others = next(each["subArchitectures"] for each in profile["archMap"] if each["architecture"] == native)
    for other in others:
        made.add_arch(getattr(pyseccomp.Arch, other.removeprefix("SCMP_ARCH_")))
    for rule in profile["syscalls"]:
        if holds(rule, machine):
            enter(made, rule)
    return made


def holds(rule: dict[str, Any], machine: str) -> bool:
    wanted, unwanted = rule.get("includes", {}), rule.get("excludes", {})
    here = machine in wanted.get("arches", [machine]) and machine not in unwanted.get("arches", [])
    return here and not wanted.get("caps")


def enter(made: Any, rule: dict[str, Any]) -> None:
    action = pyseccomp.ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else pyseccomp.ERRNO(rule["errnoRet"])
    asked = [
        pyseccomp.Arg(each["index"], OPERATORS[each["op"]], each["value"], each.get("valueTwo", 0))
        for each in rule.get("args") or []
    ]
    for name in rule["names"]:
        try:
            made.add_rule(action, name, *asked)
        except ValueError:  # newer than the library here, which runc leaves out as well
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
