"""F1: the server is killed under the load of all four dialects, again and again; nothing promised breaks."""

import random
import subprocess
import sys
import time

import pytest

from tests.faults import checker, history
from tests.faults.server import QUICK, ServerProcess
from tests.faults.spelling import key_of
from tests.faults.stage import Clients, comes_true, prepare
from tests.faults.stores import StoreUnderTest

KILLS, KILLS_LONG = 10, 200
CLIENTS = 8
REST_S = 60
DIALECTS = ("queue", "agents", "processes", "documents")


def deliveries(clients: Clients) -> int:
    """How many callbacks arrived, repeats included."""
    return len(clients.received.read_bytes().splitlines())


def bare_start_s() -> float:
    """What starting Python alone takes now: it says how busy the machine is."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - begun


def _run(store: StoreUnderTest, tmp_path, kills: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    server = ServerProcess(tmp_path / "data", store=store.url, limits=QUICK)
    server.start()
    clients = Clients(tmp_path, server, prepare(server))
    ready_s = []
    try:
        clients.start(CLIENTS, dialects=",".join(DIALECTS), seconds=120 + kills * 5)
        for _ in range(kills):
            time.sleep(dice.uniform(0.05, 2.0))  # the fault itself: a random moment
            server.kill()
            ready_s.append(server.start())
        clients.stop_producing()
        is_at_rest = comes_true(store.is_at_rest, seconds=REST_S)
        if is_at_rest:
            clients.finish()
        server.stop()
    finally:
        clients.kill()
        server.kill()
    evidence = store.gather()
    operations = list(history.read(clients.histories))
    faults = checker.check(evidence, operations, clients.received, key_of, is_at_rest=is_at_rest)
    counts = {r: sum(o.result == r for o in operations) for r in ("ok", "refused", "unknown")}
    print(
        f"\nF1 {store.name}: {kills} kills, seed {seed}, {counts}, {len(evidence.events)} events,"
        f" {deliveries(clients)} deliveries; ready again in {max(ready_s):.2f} s at most,"
        f" median {sorted(ready_s)[len(ready_s) // 2]:.2f} s, beside {bare_start_s():.2f} s of a bare Python"
    )
    assert counts["ok"] > kills * 10, "the clients did hardly anything"
    assert deliveries(clients) > 0, "no callback arrived"
    ended = [one.dialect for one in operations if one.verb == "complete" and one.result == "ok"]
    assert set(ended) == set(DIALECTS)
    return faults


@pytest.mark.timeout(600)
def test_no_promise_breaks_when_the_server_is_killed(store_under_test, tmp_path):
    assert _run(store_under_test, tmp_path, KILLS, seed=1) == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_promise_breaks_in_two_hundred_kills(store_under_test, tmp_path):
    assert _run(store_under_test, tmp_path, KILLS_LONG, seed=2) == []
