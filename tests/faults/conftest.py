import pytest

from tests.faults.stores import sqlite_store


@pytest.fixture(params=["sqlite"])
def store_under_test(request, tmp_path):
    return sqlite_store(tmp_path / "data")
