"""The oracle alone: it says no to every illegal call, and to none that is legal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field

from tests.simulation.oracle import Oracle, Sent

APP = "/v1/apps/app/cloud_recording"


@define
class Talk:
    """A conversation with the service, as the oracle hears it."""

    found: list[str] = field(factory=list[str])
    at: float = 0.0
    life: int = 1
    oracle: Oracle = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.oracle = Oracle(self.found.append, first_uids={("c", "6"): ("c", "5")})

    def send(self, path: str, body: dict[str, Any] | None = None) -> Sent:
        whom = {"cname": "c", "uid": "5"} | (body or {})
        return self.oracle.sent(self.life, self.at, f"{APP}/{path}", json.dumps(whom).encode())

    def say(self, call: Sent, status: int, **body: Any) -> None:
        self.oracle.answered(call, self.at, status, json.dumps(body).encode())

    def ask(self, path: str, status: int = 200, request: dict[str, Any] | None = None, **body: Any) -> None:
        self.say(self.send(path, request), status, **body)

    def acquire(self, resource: str = "R", uid: str = "5") -> None:
        self.ask("acquire", request={"uid": uid}, resourceId=resource)

    def start(self, status: int = 200, resource: str = "R", uid: str = "5", **body: Any) -> None:
        path = f"resourceid/{resource}/mode/mix/start"
        self.ask(path, status, {"uid": uid}, **(body or {"sid": "S"}))

    def control(self, verb: str, status: int = 200, *, mode: str = "mix", **body: Any) -> None:
        self.ask(f"resourceid/R/sid/S/mode/{mode}/{verb}", status, **(body or {"sid": "S"}))

    def lose(self, path: str, *, reached: bool = True) -> None:
        self.oracle.unanswered(self.send(path), reached=reached)


def _stop(talk: Talk) -> None:
    talk.control("stop", sid="S", serverResponse={"uploadingStatus": "uploaded"})


def _begin(talk: Talk) -> None:
    talk.acquire()
    talk.start()


def _expired(talk: Talk) -> None:
    talk.acquire()
    talk.at = 300.5
    talk.start()


def _another_body(talk: Talk) -> None:
    talk.acquire()
    talk.lose("resourceid/R/mode/mix/start")
    talk.ask("resourceid/R/mode/mix/start", request={"clientRequest": {}}, sid="S")


def _another_resource(talk: Talk) -> None:
    talk.acquire()
    talk.lose("resourceid/R/mode/mix/start")
    talk.acquire("R2")


def _acquired_before_and_started_after(talk: Talk) -> None:
    talk.acquire()
    talk.acquire("R2")
    talk.start(206, code=65)
    talk.start(resource="R2", sid="S2")


def _twice(talk: Talk) -> None:
    _begin(talk)
    talk.start()


def _spent(talk: Talk) -> None:
    talk.acquire()
    talk.start(400, code=53)
    talk.start()


def _unknown_resource(talk: Talk) -> None:
    talk.start()


def _unknown_sid(talk: Talk) -> None:
    talk.acquire()
    talk.control("query")


def _query_after(*answer: Any, **body: Any) -> Callable[[Talk], None]:
    def play(talk: Talk) -> None:
        _begin(talk)
        talk.control("stop", *answer, **body)
        talk.control("query")

    return play


def _query_after_leaving(talk: Talk) -> None:
    _begin(talk)
    talk.control("query", serverResponse={"status": 7})
    talk.control("query")


def _at_once(talk: Talk) -> None:
    _begin(talk)
    talk.send("resourceid/R/sid/S/mode/mix/query")
    talk.control("stop")


def _layout_of_a_page(talk: Talk) -> None:
    _begin(talk)
    talk.control("updateLayout", mode="web")


def _alternate_at_once(talk: Talk) -> None:
    talk.acquire()
    talk.acquire("R2", uid="6")


def _alternate_after_a_conflict(talk: Talk) -> None:
    talk.acquire()
    talk.start(400, code=53)
    talk.acquire("R2", uid="6")


def _alternate_beside_a_doubt(talk: Talk) -> None:
    talk.acquire()
    talk.start(500, code=15)
    talk.lose("resourceid/R/mode/mix/start")
    talk.acquire("R2", uid="6")


def _alternate_acquired_in_time_and_started_beside_a_doubt(talk: Talk) -> None:
    talk.acquire()
    talk.start(500, code=15)
    talk.acquire("R2", uid="6")
    talk.lose("resourceid/R/mode/mix/start")
    talk.start(resource="R2", uid="6", sid="S2")


def _first_one_beside_the_alternate(talk: Talk) -> None:
    _alternate_after_failures(talk)
    talk.acquire("R3")


def _two_uids_in_one_recording(talk: Talk) -> None:
    talk.acquire()
    talk.start(uid="6")


def _no_such_path(talk: Talk) -> None:
    talk.send("acquires")


ILLEGAL = {
    "_expired": _expired,
    "_another_body": _another_body,
    "_another_resource": _another_resource,
    "_acquired_before_and_started_after": _acquired_before_and_started_after,
    "_twice": _twice,
    "_spent": _spent,
    "_unknown_resource": _unknown_resource,
    "_unknown_sid": _unknown_sid,
    "query_after_a_good_stop": _query_after(200, sid="S", serverResponse={}),
    "query_after_an_empty_stop": _query_after(206, code=435),
    "query_after_a_slow_stop": _query_after(206, sid="S"),
    "query_after_a_repeated_stop": _query_after(400, code=49),
    "query_after_an_exit": _query_after(404, code=501),
    "_query_after_leaving": _query_after_leaving,
    "_at_once": _at_once,
    "_layout_of_a_page": _layout_of_a_page,
    "_alternate_at_once": _alternate_at_once,
    "_alternate_after_a_conflict": _alternate_after_a_conflict,
    "_alternate_beside_a_doubt": _alternate_beside_a_doubt,
    "_alternate_started_beside_a_doubt": _alternate_acquired_in_time_and_started_beside_a_doubt,
    "_first_one_beside_the_alternate": _first_one_beside_the_alternate,
    "_two_uids_in_one_recording": _two_uids_in_one_recording,
    "_no_such_path": _no_such_path,
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_illegal_call_is_noticed_and_nothing_else(name: str) -> None:
    talk = Talk()
    ILLEGAL[name](talk)

    assert len(talk.found) == 1
    assert "illegal call" in talk.found[0]


def _whole(talk: Talk) -> None:
    _begin(talk)
    talk.control("query", serverResponse={"status": 5})
    talk.control("updateLayout")
    _stop(talk)


def _repeated_start(talk: Talk) -> None:
    talk.acquire()
    talk.lose("resourceid/R/mode/mix/start")
    talk.start(500, code=62)
    talk.start(201, code=7)
    talk.start()


def _alternate_after_failures(talk: Talk) -> None:
    talk.acquire()
    talk.start(500, code=15)
    talk.start(500, code=502)
    talk.acquire("R2", uid="6")
    talk.start(resource="R2", uid="6", sid="S2")
    talk.ask("resourceid/R2/sid/S2/mode/mix/query", request={"uid": "6"})


def _new_resource_after_refusal(talk: Talk) -> None:
    talk.acquire()
    talk.start(400, code=433)
    talk.lose("acquire", reached=False)
    talk.acquire("R2")
    talk.start(resource="R2", sid="S2")


def _unsent_start(talk: Talk) -> None:
    talk.acquire()
    talk.lose("resourceid/R/mode/mix/start", reached=False)
    talk.acquire("R2")


def _stop_again_after_doubt(talk: Talk) -> None:
    _begin(talk)
    talk.control("stop", 206, code=65)
    talk.control("stop", 404, code=404)
    talk.control("query", 504, code=62)
    _stop(talk)


def _another_life(talk: Talk) -> None:
    _begin(talk)
    talk.send("resourceid/R/sid/S/mode/mix/query")
    talk.oracle.died(1)
    talk.life = 2
    _stop(talk)


def _started_by_the_dead(talk: Talk) -> None:
    talk.acquire()
    talk.send("resourceid/R/mode/mix/start")
    talk.oracle.died(1)
    talk.life = 2
    talk.oracle.attached("R")
    talk.oracle.attached(None)
    talk.start(400, code=53)
    talk.start()
    _stop(talk)


LEGAL = (
    _whole,
    _repeated_start,
    _alternate_after_failures,
    _new_resource_after_refusal,
    _unsent_start,
    _stop_again_after_doubt,
    _another_life,
    _started_by_the_dead,
)


@pytest.mark.parametrize("play", LEGAL, ids=lambda play: play.__name__)
def test_legal_calls_pass(play: Callable[[Talk], None]) -> None:
    talk = Talk()
    play(talk)

    assert talk.found == []
