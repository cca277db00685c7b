"""People who sign in: added, listed, removed, given another password; never is a password shown."""

import asyncio

import msgspec
import pytest

from taskloom.core.access import scopes
from taskloom.core.users import ROLES, USER, UserRecord
from taskloom.dialects.native import wire
from taskloom.dialects.native.passwords import hashed, matches
from tests.dialects.native.bench import STORES

USERS = "/api/v1/users"
PASSWORD = "correct horse battery"
ANNA = {"name": "anna", "role": "reviewer", "password": PASSWORD}


async def stored(server, name="anna", tenant="default"):
    record = await server.engine.store.record(USER, tenant, name)
    return None if record is None else msgspec.json.decode(record.body, type=UserRecord)


@pytest.mark.parametrize("server", STORES, indirect=True)
async def test_a_user_is_added_listed_and_removed(server):
    root = server.client()

    made = await root.post(USERS, ANNA)
    listed = (await root.get(USERS)).json()
    removed = [(await root.delete(f"{USERS}/anna")).status for _ in range(2)]

    assert (made.status, made.json()["role"]) == (201, "reviewer")
    assert listed == {"items": [made.json()], "next": None}
    assert removed == [204, 404]
    assert (await root.get(USERS)).json()["items"] == []


async def test_a_password_is_kept_as_a_slow_hash_and_never_shown(server):
    made = await server.client().post(USERS, ANNA)
    kept = (await stored(server)).password

    assert kept.startswith("$argon2id$")
    assert await matches(kept, PASSWORD)
    assert not await matches(kept, PASSWORD + "x")
    assert not await matches("no hash at all", PASSWORD)
    assert PASSWORD.encode() not in made.body
    assert b"argon2" not in made.body


async def test_another_password_takes_the_place_of_the_first(server):
    root = server.client()
    await root.post(USERS, ANNA)
    server.clock.advance(seconds=60)

    changed = await root.put(f"{USERS}/anna/password", {"password": "another good one"})

    user = await stored(server)
    assert changed.status == 204
    assert not await matches(user.password, PASSWORD)
    assert await matches(user.password, "another good one")
    assert user.password_at == user.created_at + 60_000
    assert (await root.put(f"{USERS}/nobody/password", {"password": PASSWORD})).status == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "short"},
        {"password": "x" * 1_025},
        {"role": "root"},
        {"name": "a/b"},
        {"tenant": "elsewhere"},
        {"created_by": "me"},
    ],
)
async def test_a_user_that_is_not_as_it_must_be_is_refused(server, wrong):
    answer = await server.client().post(USERS, {**ANNA, **wrong})

    assert (answer.status, answer.json()["code"]) == (400, "invalid")
    assert await stored(server) is None


async def test_a_name_is_given_once_even_to_two_who_ask_at_the_same_time(server):
    root = server.client()

    answers = await asyncio.gather(*(root.post(USERS, ANNA) for _ in range(4)))

    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


async def test_tenants_do_not_see_each_others_users(server):
    south = server.client(await server.key("boss", "south", scopes=("admin",)))
    root = server.client()
    await root.post(USERS, ANNA)
    await root.post(USERS, {**ANNA, "name": "eve", "tenant": "*"})

    assert (await south.get(USERS)).json()["items"] == []
    assert (await south.get(f"{USERS}?tenant=*")).status == 404
    assert (await south.delete(f"{USERS}/anna")).status == 404
    assert [user["name"] for user in (await root.get(f"{USERS}?tenant=*")).json()["items"]] == ["eve"]


async def test_a_page_follows_another(server, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.native.homes.PAGE", 2)
    monkeypatch.setattr("taskloom.dialects.native.users.hashed", lambda _: asyncio.sleep(0, "hash"))
    root = server.client()
    for name in ("c", "a", "b"):
        await root.post(USERS, {**ANNA, "name": name})

    first = (await root.get(USERS)).json()
    second = (await root.get(f"{USERS}?after={first['next']}")).json()

    assert [user["name"] for user in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_every_role_has_scopes_and_each_may_more_than_the_one_before():
    assert tuple(ROLES) == wire.Role.__args__
    *ordinary, admin = (scopes(names) for names in ROLES.values())

    assert ordinary[0] < ordinary[1] < ordinary[2]
    assert admin == {"admin"}


async def test_the_same_password_is_kept_differently_each_time():
    assert await hashed(PASSWORD) != await hashed(PASSWORD)
