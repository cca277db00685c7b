"""A real server process: ready line, signals, restarts, TLS, and no secret in what it leaves behind."""

import datetime as dt
import http.client
import ipaddress
import json
import re
import signal
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.server.fixtures import ROOT_KEY, Process

GRACE_ENDED = "timeout graceful shutdown exceeded"
KEY = {"authorization": f"Bearer {ROOT_KEY}"}


def called(process, path, body=None, headers=KEY, context=None):
    """(status, decoded answer) of one call."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        process.url + path, data, {"content-type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def test_it_says_where_it_is_ready_and_answers_there(process):
    assert process.url.startswith("http://127.0.0.1:")
    assert called(process, "/readyz") == (200, {"status": "ready"})
    assert called(process, "/nothing-here")[0] == 404


def test_the_first_start_prints_a_key_once_and_it_survives_a_kill(tmp_path):
    process = Process(tmp_path, TASKLOOM_ROOT_KEY="").start()
    key = re.search(r"tlk_\S+", process.output)[0]
    assert called(process, "/api/v1/me", headers={"authorization": f"Bearer {key}"})[1]["name"] == "root"

    process.kill()
    process.start()

    assert "tlk_" not in process.output
    assert called(process, "/api/v1/me", headers={"authorization": f"Bearer {key}"})[1]["name"] == "root"
    process.kill()


def test_a_signal_answers_who_waits_and_ends_it_in_an_orderly_way(process):
    assert called(process, "/system/register", {"id": "w", "roles": ["worker"]})[0] == 200
    before, answers = waiters(process), []
    waiting = threading.Thread(
        target=lambda: answers.append(called(process, "/task/claim", {"workerId": "w", "waitMs": 30_000}))
    )
    waiting.start()
    until_more_wait(process, before)

    status = process.stop()
    waiting.join()

    assert status == 0
    assert [(status, answer["data"]) for status, answer in answers] == [(200, {"claimed": False})]


def waiters(process):
    with urllib.request.urlopen(urllib.request.Request(process.url + "/metrics", headers=KEY)) as answer:
        return float(re.search(r"^taskloom_waiters (.*)$", answer.read().decode(), re.MULTILINE)[1])


def until_more_wait(process, before):
    deadline = time.monotonic() + 30
    while waiters(process) <= before:
        assert time.monotonic() < deadline


def test_a_connection_that_is_kept_open_and_idle_does_not_hold_it(process):
    host = process.url.removeprefix("http://")
    idle = http.client.HTTPConnection(host)
    idle.request("GET", "/livez")
    idle.getresponse().read()

    assert process.stop() == 0
    assert GRACE_ENDED not in process.log.read_text()
    idle.close()


def test_a_second_signal_ends_it_at_once(process):
    host, _, port = process.url.removeprefix("http://").rpartition(":")
    stuck = http.client.HTTPConnection(host, int(port))
    stuck.putrequest("POST", "/api/v1/keys")
    for name, value in {**KEY, "content-length": "10", "content-type": "application/json"}.items():
        stuck.putheader(name, value)
    stuck.endheaders()
    assert called(process, "/livez")[0] == 200

    process.signal(signal.SIGTERM)
    until_logged(process, "stopping after SIGTERM")
    process.signal(signal.SIGTERM)
    process.wait()

    assert GRACE_ENDED not in process.log.read_text()
    stuck.close()


def until_logged(process, text):
    deadline = time.monotonic() + 30
    while text not in process.log.read_text():
        assert time.monotonic() < deadline


def test_another_server_on_the_same_data_is_refused(process):
    second = Process(process.folder)

    with pytest.raises(AssertionError, match="another process works on"):
        second.start()
    assert second.wait() == 1


def test_a_port_that_is_taken_is_said_in_one_line(process, tmp_path):
    second = Process(tmp_path / "second")

    with pytest.raises(AssertionError, match=r"taskloom: cannot listen on 127\.0\.0\.1:\d+: Address"):
        second.start(int(process.url.rpartition(":")[2]))
    assert second.wait() == 1
    assert "Traceback" not in second.log.read_text()


def test_it_speaks_tls(tmp_path):
    certificate, private = self_signed(tmp_path)
    process = Process(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(private)).start()
    context = ssl.create_default_context(cafile=certificate)

    assert process.url.startswith("https://127.0.0.1:")
    assert called(process, "/api/v1/me", context=context)[1]["name"] == "root"
    process.kill()


def self_signed(folder: Path) -> tuple[Path, Path]:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_no_secret_is_found_in_logs_database_or_errors(process):
    """A18: after traffic that shows secrets in every place a caller may put one."""
    _, key = called(process, "/api/v1/keys", {"name": "app", "scopes": ["task.read"]})
    form = {"content-type": "application/x-www-form-urlencoded"}
    secrets = {ROOT_KEY, key["secret"], "tlk_wrong-key-that-must-not-be-kept"}
    errors = []
    for secret in secrets:
        bearer = {"authorization": f"Bearer {secret}"}
        errors += [
            called(process, "/api/v1/keys", headers=bearer),
            called(process, f"/api/v1/keys/{secret}", headers=bearer),
            called(process, f"/nothing/{secret[:9]}", headers=bearer),
            called(process, "/api/v1/keys", {"name": "x", "scopes": [1]}, headers=bearer),
            called(process, "/api/v1/me", headers={"authorization": f"Basic {secret}"}),
            called(process, "/oauth/token", headers={**bearer, **form}),
        ]
    token = token_for(process, key["secret"])
    called(process, "/api/v1/me", headers={"authorization": f"Bearer {token}"})
    process.stop()

    left = [path.read_bytes() for path in process.folder.rglob("*") if path.is_file()]
    assert any(b"SQLite" in content for content in left)
    for secret in (*secrets, token):
        assert not [content for content in left if secret.encode() in content]
    for status, answer in errors:
        answer.pop("instance", None)  # the path as the caller spelled it
        text = json.dumps(answer)
        assert status >= 400 or "secret" not in text
        assert ROOT_KEY not in text
        assert key["secret"] not in text


def token_for(process, secret):
    body = f"grant_type=client_credentials&client_id=app&client_secret={secret}".encode()
    request = urllib.request.Request(
        process.url + "/oauth/token", body, {"content-type": "application/x-www-form-urlencoded"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())["access_token"]
