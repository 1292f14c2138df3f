"""What each route answers."""

from collections.abc import Callable

Answer = dict[str, object]


def hello() -> Answer:
    return {"greeting": "Welcome"}


ROUTES: dict[str, Callable[[], Answer]] = {"GET /hello": hello}


def answer(route: str) -> Answer:
    """The answer of a route, as `GET /hello`; raises KeyError for one that is not there."""
    return ROUTES[route]()
