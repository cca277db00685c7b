"""A name with a line break at its end is no name: `$` alone would let it through."""

import msgspec
import pytest

from taskloom.dialects.agents.wire_params import LeaseToken, WorkerId
from taskloom.dialects.native.wire import KeyName


@pytest.mark.parametrize(("kind", "good"), [(KeyName, "app"), (WorkerId, "worker-1"), (LeaseToken, "17")])
def test_a_name_does_not_end_in_a_line_break(kind, good):
    assert msgspec.convert(good, kind) == good
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good + "\n", kind)
