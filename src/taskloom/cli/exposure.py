"""What the doctor looks at in the settings: who can reach the server, and whom it can reach."""

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from taskloom.callbacks.address import trusted
from taskloom.cli.check import Check
from taskloom.server.settings import Settings

_CALL_S: Final = 2
_DISTINCT_MIN: Final = 10
_WIDE: Final = {4: 24, 6: 64}
"""A network of fewer bits lets callbacks go to many machines."""


def port(settings: Settings) -> Check:
    """Either nobody listens there, or it is a server of ours."""
    place = f"{settings.host}:{settings.port}"
    if settings.port == 0:
        return Check("port", "ok", "any free one")
    try:
        with socket.create_connection((settings.host, settings.port), timeout=_CALL_S):
            pass
    except OSError:
        return _free(settings, place)
    answer = _front_door(settings)
    if answer is None:
        return Check("port", "fail", f"another program listens at {place}", "--port with a free one")
    return Check("port", "ok", f"{answer} answers at {place}")


def _free(settings: Settings, place: str) -> Check:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return Check("port", "fail", f"{place}: {error.strerror}", "--host and --port of this machine")
    return Check("port", "ok", f"{place} is free")


def _front_door(settings: Settings) -> str | None:
    """The name and version of a server of ours; None for anything else."""
    if settings.tls_cert is not None:  # who it is does not matter here, only what
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            settings.host, settings.port, timeout=_CALL_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(settings.host, settings.port, timeout=_CALL_S)
    try:
        connection.request("GET", "/")
        body = json.loads(connection.getresponse().read(4_096))
        return f"taskloom {body['version']}" if body["service"] == "taskloom" else None
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def doors(settings: Settings) -> Iterator[Check]:
    """Keys must not cross a network in the clear."""
    if settings.tls_cert is not None and settings.tls_key is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.tls_cert, settings.tls_key
            )
        except (OSError, ssl.SSLError) as error:
            yield Check("tls", "fail", f"{error}", "give --tls-cert and --tls-key that belong together")
        else:
            yield Check("tls", "ok", str(settings.tls_cert))
    elif not _is_loopback(settings.host):
        found = f"keys reach {settings.host} in the clear"
        yield Check("tls", "warn", found, "give --tls-cert and --tls-key, or put a proxy with TLS before it")
    if settings.auth == "none":
        yield Check("keys", "warn", "every user of this machine is the administrator", "--auth keys")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def root_key(key: str | None) -> Iterator[Check]:
    """A root key that somebody thought of is one that somebody else can think of."""
    if key is None:
        return
    fix = "TASKLOOM_ROOT_KEY=$(openssl rand -base64 32)"
    words = ("password", "secret", "change", "taskloom", "admin", "12345", "qwerty")
    if len(set(key)) < _DISTINCT_MIN or key.isdigit() or any(word in key.lower() for word in words):
        yield Check("root key", "warn", "the root key can be guessed", fix)
    else:
        yield Check("root key", "ok", f"{len(key)} characters")


def callbacks(settings: Settings) -> Iterator[Check]:
    """What callbacks may reach beyond public addresses."""
    if settings.callbacks_http:
        yield Check(
            "callbacks", "warn", "they may go to http://, where all can be read", "--callbacks-http false"
        )
    for target in settings.callbacks_allow:
        network = trusted(target).network
        if network is not None and network.prefixlen < _WIDE[network.version]:
            found = f"{target} lets callers knock at every machine in it"
            yield Check("callbacks", "warn", found, "--callbacks-allow with the hosts that are meant")
    if not settings.callbacks_http and not settings.callbacks_allow:
        yield Check("callbacks", "ok", "https to public addresses only")
