"""A check run is there once, says in time how it stands, and shows no more than GitHub takes."""

from typing import Any

import pytest

from bot.github.api import Annotation, Button, Repository
from tests.github.served import Served, Told
from tests.github.test_api import SHA, R


def check(number: int, external_id: str) -> dict[str, Any]:
    return {"id": number, "name": "tutti", "head_sha": SHA, "status": "queued", "external_id": external_id}


async def test_a_check_run_is_found_by_its_external_id_instead_of_created_again(
    served: Served, shop: Repository
) -> None:
    listed = f"GET {R}/commits/{SHA}/check-runs"
    other = Told({"total_count": 1, "check_runs": [check(1, "other")]})
    served.tell(listed, other, Told({"total_count": 2, "check_runs": [check(1, "other"), check(2, "run:1")]}))
    served.tell(f"POST {R}/check-runs", Told(check(2, "run:1"), 201))
    for _ in range(2):
        assert (
            await shop.create_check(SHA, "tutti", "run:1", title="Works", summary="s", conclusion="success")
        ).id == 2
    assert served.count(f"POST {R}/check-runs") == 1
    assert served.last(listed).query["app_id"] == "11"


async def test_a_conclusion_completes_a_check_run(served: Served, shop: Repository) -> None:
    served.tell(f"GET {R}/commits/{SHA}/check-runs", Told({"total_count": 0, "check_runs": []}))
    served.tell(f"POST {R}/check-runs", Told(check(2, "run:1"), 201))
    about = {"title": "Done", "summary": "s" * 70_000, "details_url": "https://t.test/1"}
    await shop.create_check(SHA, "tutti", "run:1", **about, conclusion="neutral")
    sent = served.last(f"POST {R}/check-runs").sent
    assert (sent["status"], sent["conclusion"], sent["details_url"]) == ("completed", "neutral", "https://t.test/1")
    assert len(sent["output"]["summary"]) <= 65_535


def annotation(line: int, **changed: str) -> Annotation:
    words = {"title": "Off by one", "message": "This reads one too many."} | changed
    return Annotation("cart.py", line, line, "warning", **words)


async def test_a_check_run_begins_and_is_looked_for_only_when_a_step_is_repeated(
    served: Served, shop: Repository
) -> None:
    served.tell(f"POST {R}/check-runs", Told(check(2, "run:1") | {"status": "in_progress"}, 201))
    listed = f"GET {R}/commits/{SHA}/check-runs"
    served.tell(listed, Told({"total_count": 1, "check_runs": [check(2, "run:1")]}))
    about: dict[str, Any] = {"title": "Reading", "summary": "s", "details_url": "https://t.test/1"}
    assert (await shop.begin_check(SHA, "review", "run:1", **about)).status == "in_progress"
    assert served.count(listed) == 0
    assert served.last(f"POST {R}/check-runs").sent == {
        "name": "review",
        "head_sha": SHA,
        "external_id": "run:1",
        "details_url": "https://t.test/1",
        "status": "in_progress",
        "output": {"title": "Reading", "summary": "s"},
    }
    assert (await shop.begin_check(SHA, "review", "run:1", title="t", summary="s", look=True)).id == 2
    assert served.count(f"POST {R}/check-runs") == 1


async def test_a_check_run_ends_with_its_buttons_and_fifty_annotations_a_request(
    served: Served, shop: Repository
) -> None:
    line = f"PATCH {R}/check-runs/2"
    served.tell(line, Told(check(2, "run:1") | {"status": "completed", "conclusion": "neutral"}))
    about: dict[str, Any] = {"title": "3 remarks", "summary": "s", "conclusion": "neutral"}
    again = Button("Review again", "Reads the whole change anew", "again")
    many = [annotation(n) for n in range(1, 251)]
    assert (await shop.finish_check(2, **about, annotations=many, actions=[again])).conclusion == "neutral"
    sent = [asked.sent for asked in served.asked if asked.line == line]
    shown = [[one["start_line"] for one in each["output"]["annotations"]] for each in sent]
    assert shown == [list(range(start, start + 50)) for start in (1, 51, 101, 151)]
    assert (sent[0]["status"], sent[0]["conclusion"]) == ("completed", "neutral")
    assert sent[0]["actions"] == [
        {"label": "Review again", "description": "Reads the whole change anew", "identifier": "again"}
    ]
    assert sent[0]["output"]["annotations"][0] == {
        "path": "cart.py",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "warning",
        "title": "Off by one",
        "message": "This reads one too many.",
    }
    assert [set(each) for each in sent[1:]] == [{"output"}] * 3


async def test_annotations_that_stand_there_are_not_added_again_when_a_step_is_repeated(
    served: Served, shop: Repository
) -> None:
    line = f"PATCH {R}/check-runs/2"
    served.tell(f"GET {R}/check-runs/2", Told(check(2, "run:1") | {"output": {"annotations_count": 2}}))
    served.tell(line, Told(check(2, "run:1")))
    about: dict[str, Any] = {"title": "t", "summary": "s", "conclusion": "success", "look": True}
    await shop.finish_check(2, **about, annotations=[annotation(n) for n in (1, 2, 3)])
    assert [one["start_line"] for one in served.last(line).sent["output"]["annotations"]] == [3]
    await shop.finish_check(2, **about, annotations=[annotation(n) for n in (1, 2)])
    assert served.last(line).sent["output"] == {"title": "t", "summary": "s"}


async def test_what_an_annotation_says_is_cut_to_what_github_takes(served: Served, shop: Repository) -> None:
    served.tell(f"PATCH {R}/check-runs/2", Told(check(2, "run:1")))
    long = [annotation(1, title="x" * 400, message="\U0001f6d2" * 70_000), annotation(2, title="")]
    await shop.finish_check(2, title="t", summary="s", conclusion="neutral", annotations=long)
    first, second = served.last(f"PATCH {R}/check-runs/2").sent["output"]["annotations"]
    assert len(first["title"]) <= 255
    assert len(first["message"].encode()) <= 64_000
    assert "title" not in second


@pytest.mark.parametrize("words", [("x" * 21, "d", "i"), ("l", "x" * 41, "i"), ("l", "d", "x" * 21), ("", "d", "i")])
def test_a_button_that_github_would_refuse_is_our_own_mistake(words: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="a button's"):
        Button(*words)


async def test_a_fourth_button_is_our_own_mistake(shop: Repository) -> None:
    with pytest.raises(ValueError, match="at most 3 buttons"):
        await shop.finish_check(2, title="", summary="", conclusion="neutral", actions=[Button("l", "d", "i")] * 4)
