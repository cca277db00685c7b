"""What the tests of real clients share."""

from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def doing():
    """Does in the background what a worker does while the caller waits."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield pool
