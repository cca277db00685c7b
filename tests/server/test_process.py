"""A real server process."""

import signal
import urllib.error
import urllib.request


def status_of(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_it_says_where_it_is_ready_and_answers_there(process):
    assert process.url.startswith("http://127.0.0.1:")
    assert status_of(process.url + "/nothing-here") == 404


def test_a_signal_ends_it_in_an_orderly_way(process):
    assert process.stop() in {0, -signal.SIGTERM}
