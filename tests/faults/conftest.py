import pytest

from tests.faults.stores import postgres_store, sqlite_store


@pytest.fixture(params=["sqlite", "postgres"])
def store_under_test(request, tmp_path):
    if request.param == "sqlite":
        return sqlite_store(tmp_path / "data")
    return postgres_store(request.getfixturevalue("database"))
