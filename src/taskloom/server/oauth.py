"""`POST /oauth/token`: client credentials (RFC 6749 §4.4), for clients that know no other way.

The client's id is the name of a key and its secret the key; the answer is a token that opens what the key
opens, for an hour at most and not longer than the key lives.
"""

import urllib.parse
from typing import Any, Final

import msgspec
from msgspec import Struct

from taskloom.core.credentials import KeyRecord
from taskloom.core.limits import KIB, QUERY_PARAMETERS, TOKEN_TTL_S
from taskloom.dialects.operation import Body, Dialect, Operation, Refusal, Reply, Request, Response
from taskloom.server.auth import Authenticator, Credentials, credentials
from taskloom.server.tokens import Claims

FORM: Final = "application/x-www-form-urlencoded"

_BAD_FORM: Final = Refusal(400, "invalid_request", "the body must be a form with grant_type")
_BAD_GRANT: Final = Refusal(400, "unsupported_grant_type", "grant_type must be client_credentials")
_NO_CLIENT: Final = Refusal(
    401, "invalid_client", "client_id and client_secret are needed, in form or header"
)
_BAD_CLIENT: Final = Refusal(401, "invalid_client", "client_id and client_secret fit no key")


class Token(Struct):
    """What the client gets."""

    access_token: str
    token_type: str
    expires_in: int


class OAuthError(Struct):
    """A refusal as RFC 6749 §5.2 has it."""

    error: str
    error_description: str


def dialect(authenticator: Authenticator) -> Dialect:
    """The one operation, in OAuth's own shapes."""

    async def token(request: Request) -> Reply:
        shown = _shown(request)
        if isinstance(shown, Refusal):
            return shown
        key = await authenticator.key(shown)
        if isinstance(key, Refusal):
            return _BAD_CLIENT
        body = msgspec.json.encode(_token(authenticator, key, request.engine.clock.now_ms()))
        return Response(body=body, headers={"cache-control": "no-store"})

    operation = Operation(
        name="oauth.token",
        method="POST",
        path="/oauth/token",
        handler=token,
        scope=None,
        summary="A short-lived token for a key",
        body=Body.JSON,
        limit_bytes=16 * KIB,
        responses={200: Token, 400: OAuthError, 401: OAuthError},
        media_types=(FORM,),
    )
    return Dialect(
        name="oauth", operations=(operation,), render=_render, owns=lambda path: path.startswith("/oauth/")
    )


def _token(authenticator: Authenticator, key: KeyRecord, now_ms: int) -> Token:
    lives_ms = TOKEN_TTL_S * 1000
    if key.expires_at:
        lives_ms = min(lives_ms, key.expires_at - now_ms)
    claims = Claims(key.tenant, key.name, key.id, now_ms + lives_ms)
    return Token(authenticator.tokens.make(claims), "Bearer", lives_ms // 1000)


def _shown(request: Request) -> Credentials | Refusal:
    """What the client shows, in the form or as Basic credentials."""
    try:
        form = urllib.parse.parse_qs(
            request.body.decode("ascii"), errors="strict", max_num_fields=QUERY_PARAMETERS
        )
    except ValueError:
        return _BAD_FORM
    granted = form.get("grant_type", [])
    if len(granted) != 1:
        return _BAD_FORM
    if granted != ["client_credentials"]:
        return _BAD_GRANT
    name, secret = form.get("client_id", []), form.get("client_secret", [])
    if len(name) == len(secret) == 1:
        return Credentials(name[0], secret[0])
    in_header = credentials(request.headers.get("authorization", "").encode("latin-1"))
    if in_header is None or not in_header.name:
        return _NO_CLIENT
    return Credentials(urllib.parse.unquote(in_header.name), urllib.parse.unquote(in_header.secret))


def _render(refusal: Refusal, path: str) -> Response:
    del path
    document: dict[str, Any] = {"error": refusal.code, "error_description": refusal.message}
    return Response(refusal.status, msgspec.json.encode(document))
