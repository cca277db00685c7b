"""Keys, Basic credentials, tokens and tenants: many ways in, one principal."""

import base64
import urllib.parse

import pytest

from taskloom.core.credentials import KEY_DIGEST, digest_of
from taskloom.core.limits import CREDENTIALS_FRESH_MS, TOKEN_TTL_S
from taskloom.server import auth
from taskloom.server.auth import Authenticator
from taskloom.server.tokens import Claims, Tokens
from tests.server.fixtures import ROOT_KEY, Client, serving

FORM = {"content-type": "application/x-www-form-urlencoded"}


def with_header(server, value):
    return Client(server.app, {"authorization": value})


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


async def me(client):
    answer = await client.get("/api/v1/me")
    return answer.json() if answer.status == 200 else answer.status


async def made(server, tenant="acme", **fields):
    answer = await server.client(taskloom_tenant=tenant).post(
        "/api/v1/keys", {"name": "app", "scopes": ["task.read"], **fields}
    )
    assert answer.status == 201
    return answer.json()["secret"]


async def token_of(server, **form):
    body = urllib.parse.urlencode({"grant_type": "client_credentials", **form}).encode()
    return await server.client(None).post("/oauth/token", body=body, headers=FORM)


async def test_bearer_basic_and_token_lead_to_the_same_principal(server):
    secret = await made(server)
    answer = await token_of(server, client_id="app", client_secret=secret)

    found = [
        await me(with_header(server, header))
        for header in (
            f"Bearer {secret}",
            f"bearer  {secret}",
            basic("app", secret),
            f"Bearer {answer.json()['access_token']}",
        )
    ]
    expires = [one.pop("expires_at") for one in found]

    assert all(one == found[0] for one in found)
    assert (found[0]["name"], found[0]["tenant"]) == ("app", "acme")
    assert expires[:3] == [None, None, None]
    assert expires[3] is not None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Token {ROOT_KEY}",
        ROOT_KEY,
        f"Bearer {ROOT_KEY}x",
        f"Bearer {ROOT_KEY[:-1]}",
        f"Bearer {ROOT_KEY.upper()}",
        basic("admin", ROOT_KEY),
        basic("", ROOT_KEY),
        basic("root", "wrong"),
        "Basic ????",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"rootwithoutcolon").decode(),
        "Bearer " + "x" * 5000,
        "Bearer tlt_abc.def",
        "Bearer tlt_.",
        "Bearer t\xefst",
    ],
)
async def test_what_proves_nothing_is_refused(server, header):
    client = with_header(server, header) if header else server.client(None)

    assert await me(client) == 401


async def test_a_token_ends_after_an_hour(server):
    token = (await token_of(server, client_id="root", client_secret=ROOT_KEY)).json()
    client = server.client(token["access_token"])

    assert token["expires_in"] == TOKEN_TTL_S
    assert (await me(client))["name"] == "root"
    server.clock.advance(seconds=TOKEN_TTL_S)
    assert await me(client) == 401


async def test_a_token_does_not_outlive_its_key(server):
    secret = await made(server)
    token = (await token_of(server, client_id="app", client_secret=secret)).json()["access_token"]
    assert (await me(server.client(token)))["name"] == "app"

    await server.client(taskloom_tenant="acme").delete("/api/v1/keys/app")

    assert await me(server.client(token)) == 401
    again = await made(server)
    assert again != secret
    assert await me(server.client(token)) == 401


async def test_a_forged_token_opens_nothing(server):
    forged = Tokens(b"guessed").make(Claims("*", "root", "", server.clock.now_ms() + 1000))

    assert await me(server.client(forged)) == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 401, "invalid_client"),
        ({"client_id": "root"}, 401, "invalid_client"),
        ({"client_id": "root", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "other", "client_secret": ROOT_KEY}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_the_token_endpoint_refuses_in_the_words_of_oauth(server, form, status, error):
    answer = await token_of(server, **form)

    assert (answer.status, answer.json()["error"]) == (status, error)


async def test_the_token_endpoint_takes_the_header_too(server):
    answer = await with_header(server, basic("root", ROOT_KEY)).post(
        "/oauth/token", body=b"grant_type=client_credentials&scope=any", headers=FORM
    )

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_an_expired_key_opens_no_longer(server):
    ends = server.clock.now_ms() + 60_000
    secret = await server.key("brief", expires_at=ends)
    client = server.client(secret)
    assert (await me(client))["name"] == "brief"

    server.clock.advance(seconds=60)

    assert await me(client) == 401


async def test_a_revoked_key_opens_nothing_from_then_on(server):
    secret = await made(server)
    admin = server.client(taskloom_tenant="acme")
    assert (await me(server.client(secret)))["name"] == "app"

    assert (await admin.delete("/api/v1/keys/app")).status == 204

    assert await me(server.client(secret)) == 401
    assert (await admin.get("/api/v1/keys/app")).json()["revoked_at"]
    assert (await admin.delete("/api/v1/keys/app")).status == 204


async def test_the_secret_is_shown_once_and_only_its_digest_is_kept(server):
    secret = await made(server)
    admin = server.client(taskloom_tenant="acme")

    shown = [(await admin.get(path)).body.decode() for path in ("/api/v1/keys", "/api/v1/keys/app")]

    assert not [text for text in shown if secret in text or digest_of(secret) in text]
    assert await server.engine.store.record(KEY_DIGEST, "*", digest_of(secret))


async def test_a_name_is_taken_until_its_key_is_revoked(server):
    await made(server)
    admin = server.client(taskloom_tenant="acme")
    again = {"name": "app", "scopes": ["task.read"]}

    assert (await admin.post("/api/v1/keys", again)).status == 409
    await admin.delete("/api/v1/keys/app")
    assert (await admin.post("/api/v1/keys", again)).status == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "", "scopes": ["task.read"]},
        {"name": "../x", "scopes": ["task.read"]},
        {"name": "x\u0000", "scopes": ["task.read"]},
        {"name": "x", "scopes": ["task.read"], "rate": -1},
        {"name": "x", "scopes": ["task.read"], "expires_at": "yesterday"},
        {"name": "x", "scopes": ["task.read"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["task.read"], "tenant": "other"},
        {"name": "x", "scopes": ["task.read"], "secret": "chosen"},
        {"name": "x", "scopes": ["task.read"], "digest": "00"},
        {"name": "x", "scopes": ["task.read"], "id": "00"},
        {"name": "x", "scopes": ["task.read"], "created_at": "2020-01-01T00:00:00Z"},
        [],
        "x",
    ],
)
async def test_a_key_that_cannot_be_is_refused(server, body):
    answer = await server.client().post("/api/v1/keys", body)

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_tenants_administrator_stays_in_the_tenant(server):
    secret = await made(server, scopes=["admin"])
    boss = server.client(secret)
    await made(server, tenant="rival", name="theirs")

    worker = await boss.post("/api/v1/keys", {"name": "w", "scopes": ["task.work"]})
    assert worker.json()["tenant"] == "acme"
    assert [key["name"] for key in (await boss.get("/api/v1/keys")).json()["items"]] == ["app", "w"]
    assert [one["name"] for one in (await boss.get("/api/v1/tenants")).json()["items"]] == ["acme"]
    everywhere = {"name": "e", "scopes": ["task.read"], "tenant": "*"}
    assert (await boss.post("/api/v1/keys", everywhere)).status == 404
    assert (await boss.get("/api/v1/keys?tenant=rival")).status == 404
    rival = server.client(secret, taskloom_tenant="rival")
    assert (await rival.get("/api/v1/keys")).status == 404


async def test_the_administrator_makes_a_key_for_every_tenant(server):
    answer = await server.client().post(
        "/api/v1/keys", {"name": "scraper", "scopes": ["metrics.read"], "tenant": "*"}
    )
    scraper = server.client(answer.json()["secret"])

    assert (await scraper.get("/metrics")).status == 200
    assert (await scraper.get("/api/v1/keys")).status == 403
    assert (await server.client().delete("/api/v1/keys/scraper?tenant=*")).status == 204
    assert (await scraper.get("/metrics")).status == 401


async def test_the_root_key_cannot_be_revoked_over_the_wire(server):
    assert (await server.client().delete("/api/v1/keys/root?tenant=*")).status == 409
    assert (await me(server.client()))["name"] == "root"


async def test_the_first_writing_use_of_a_tenant_creates_it_and_reading_does_not(server):
    admin = server.client()
    await server.client(taskloom_tenant="looked-at").get("/api/v1/keys")
    await made(server, tenant="used")

    names = [one["name"] for one in (await admin.get("/api/v1/tenants")).json()["items"]]

    assert names == ["used"]


@pytest.mark.parametrize("name", ["*", "a/b", "..", "<x>", "a" * 65, "ü", " x", "-x"])
async def test_a_tenant_that_cannot_be_is_not_found(server, name):
    admin = server.client(taskloom_tenant=name)

    assert (await admin.post("/api/v1/keys", {"name": "x", "scopes": ["admin"]})).status == 404


async def test_a_preset_root_key_follows_its_setting(tmp_path):
    changed = "another-root-key-0123456789"
    async with serving(tmp_path) as server:
        assert (await me(server.client()))["name"] == "root"

    async with serving(tmp_path, root_key=changed) as server:
        assert await me(server.client()) == 401
        assert (await me(server.client(changed)))["name"] == "root"

    async with serving(tmp_path, root_key=None) as server:
        assert server.app.new_root_key is None
        assert (await me(server.client(changed)))["name"] == "root"


async def test_the_first_start_makes_a_root_key_and_later_ones_do_not(tmp_path):
    async with serving(tmp_path, root_key=None) as server:
        secret = server.app.new_root_key
        assert len(secret) > 40
        assert (await me(server.client(secret)))["name"] == "root"

    async with serving(tmp_path, root_key=None) as server:
        assert server.app.new_root_key is None
        assert (await me(server.client(secret)))["name"] == "root"


async def test_without_authentication_everybody_is_the_administrator(tmp_path):
    async with serving(tmp_path, auth="none") as server:
        for client in (server.client(None), server.client("anything"), with_header(server, "")):
            assert (await me(client))["scopes"] == ["admin"]


async def test_where_others_share_the_store_a_change_is_seen_within_five_seconds(server):
    secret = await server.key("app", "acme")
    store = server.engine.store

    class Shared:
        shared = True
        record = staticmethod(store.record)

    elsewhere = Authenticator(Shared(), server.clock, server.app.gate.authenticator.tokens, required=True)
    header = f"Bearer {secret}".encode()
    assert (await elsewhere.prove(header)).name == "app"
    await server.client(taskloom_tenant="acme").delete("/api/v1/keys/app")

    server.clock.advance(ms=CREDENTIALS_FRESH_MS)

    assert elsewhere.remembered(header) is None
    assert (await elsewhere.prove(header)).status == 401


async def test_what_is_remembered_is_bounded(server, monkeypatch):
    monkeypatch.setattr(auth, "CREDENTIALS_CACHED", 3)
    authenticator = server.app.gate.authenticator
    for number in range(6):
        secret = await server.key(f"app-{number}")
        await me(server.client(secret))

    assert len(authenticator._proved) == 3


async def test_the_secret_of_callbacks_changes_with_an_overlap(server):
    admin = server.client(taskloom_tenant="acme")
    path = "/api/v1/callbacks/secret"
    (first,) = (await admin.get(path)).json()["secrets"]

    renewed = (await admin.post(path)).json()["secrets"]

    assert renewed[1] == first
    assert renewed[0] != first
    server.clock.advance(seconds=86_400)
    assert (await admin.get(path)).json()["secrets"] == renewed[:1]
    other = server.client(taskloom_tenant="rival")
    assert (await other.get(path)).json()["secrets"][0] not in {first, *renewed}
