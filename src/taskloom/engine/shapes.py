"""Every shape is worked out before there is a second thread.

msgspec works out the members of a struct when one is first decoded, and lets others see the half of it: two
threads that decode a shape for the first time at once bring the whole process down (SIGSEGV). SQLite's writer
decodes in a thread of its own what the loop decodes as well.
"""

import contextlib
from typing import Final

import msgspec

_OURS: Final = "taskloom."
_worked_out: Final[set[type[msgspec.Struct]]] = set()


def work_out_shapes() -> None:
    """Work out all structs of ours that are defined so far."""
    found: list[type[msgspec.Struct]] = [msgspec.Struct]
    while found:
        shape = found.pop()
        found += shape.__subclasses__()
        if shape.__module__.startswith(_OURS) and shape not in _worked_out:
            _worked_out.add(shape)
            with contextlib.suppress(TypeError):  # no bytes can say what it holds, so it is never decoded
                msgspec.msgpack.Decoder(shape)
