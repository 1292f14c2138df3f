"""Finding the modules of a package that offer a named attribute: one file, one thing, found by its name."""

from importlib import import_module
from pkgutil import iter_modules


def discover(package: str, attribute: str) -> dict[str, object]:
    """Every module's `attribute` by the object's `name`; raises RuntimeError when one is missing or a name repeats."""
    found: dict[str, object] = {}
    for info in iter_modules(import_module(package).__path__):
        module = import_module(f"{package}.{info.name}")
        if not hasattr(module, attribute):
            raise RuntimeError(f"{module.__name__} does not define {attribute}")
        thing = getattr(module, attribute)
        name = getattr(thing, "name", info.name)
        if name in found:
            raise RuntimeError(f"{module.__name__}: the name {name!r} is taken already")
        found[name] = thing
    return found
