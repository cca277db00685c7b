import pytest

from tests.faults.stores import postgres_store, sqlite_store


@pytest.fixture(params=["sqlite", "postgres"])
def store_under_test(request, tmp_path):
    """An empty store of each kind, and how to look into it while a server works on it."""
    if request.param == "sqlite":
        return sqlite_store(tmp_path / "data")
    return postgres_store(request.getfixturevalue("new_database"))
