"""The seed's operation, `POST /v2/jobs/{jobKey}/completion`: each of its answers."""


async def test_204_the_job_was_completed(begun):
    key = (await begun.job("work"))["jobKey"]

    answer = await begun.complete(key, variables={"total": 3}, result={"denied": False})

    assert (answer.status, answer.body) == (204, b"")


async def test_204_without_a_body(begun):
    key = (await begun.job("work"))["jobKey"]

    assert (await begun.post(f"/jobs/{key}/completion")).status == 204


async def test_204_with_null_for_everything(begun):
    key = (await begun.job("work"))["jobKey"]

    assert (await begun.complete(key, variables=None, result=None)).status == 204


async def test_400_the_body_does_not_fit(begun):
    key = (await begun.job("work"))["jobKey"]

    answer = await begun.complete(key, variables=[1])

    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Request property [variables] cannot be parsed",
        "instance": f"/v2/jobs/{key}/completion",
    }


async def test_404_no_such_job(camunda):
    answer = await camunda.complete("2251799813738612")

    assert answer.json() == {
        "type": "about:blank",
        "title": "NOT_FOUND",
        "status": 404,
        "detail": (
            "Command 'COMPLETE' rejected with code 'NOT_FOUND': Expected to complete job with key "
            "'2251799813738612', but no such job was found"
        ),
        "instance": "/v2/jobs/2251799813738612/completion",
    }


async def test_409_the_job_is_in_the_wrong_state(begun):
    key = (await begun.job("work"))["jobKey"]
    await begun.throw(key, errorCode="boom")

    answer = await begun.complete(key)

    assert answer.status == 409
    assert answer.json()["title"] == "INVALID_STATE"
    assert answer.json()["detail"] == (
        "Command 'COMPLETE' rejected with code 'INVALID_STATE': Expected to complete job with key "
        f"'{key}', but it is in state 'ERROR_THROWN'"
    )
