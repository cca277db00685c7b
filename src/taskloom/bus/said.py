"""What was said of streams, kept for a moment: a window on each, bounded in every direction."""

from collections import OrderedDict, deque
from typing import Final

from taskloom.core.limits import READS, SAID_BYTES, SAID_FRAMES, SAID_KEPT_MS, SAID_STREAM_BYTES
from taskloom.ports.clock import Clock

_AROUND_BYTES: Final = 64
"""What keeping a body costs beside its bytes."""


class Window:
    """The last numbers of one stream, without a hole."""

    __slots__ = ("bodies", "first", "said_at", "size")

    def __init__(self, first: int) -> None:
        self.first = first
        self.bodies: deque[bytes] = deque()
        self.size = 0
        self.said_at = 0

    @property
    def next(self) -> int:
        """The number that would follow."""
        return self.first + len(self.bodies)

    def add(self, body: bytes) -> None:
        """Add the next one; the oldest make room."""
        self.bodies.append(body)
        self.size += len(body) + _AROUND_BYTES
        while len(self.bodies) > SAID_FRAMES or self.size > SAID_STREAM_BYTES:
            self.size -= len(self.bodies.popleft()) + _AROUND_BYTES
            self.first += 1


class Said:
    """The windows of all streams, in the order in which something was last said."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._size = 0

    def add(self, stream: str, number: int, body: bytes) -> None:
        """Remember it; a repeat changes nothing, and what comes after a hole begins anew."""
        window = self._windows.pop(stream, None)
        if window is None or number > window.next:
            self._size -= 0 if window is None else window.size
            window = Window(number)
        self._windows[stream] = window
        window.said_at = self._clock.monotonic_ms()
        if number == window.next:
            self._size -= window.size
            window.add(body)
            self._size += window.size
        self._forget()

    def after(self, stream: str, number: int) -> list[tuple[int, bytes]]:
        """What follows a number at once; nothing where the very next one is not here."""
        self._forget()
        window = self._windows.get(stream)
        if window is None or not window.first <= number + 1 < window.next:
            return []
        return [(at, window.bodies[at - window.first]) for at in range(number + 1, window.next)]

    def _forget(self) -> None:
        """Let go of the streams nothing was said of for long, and of more while there is too much."""
        oldest = self._clock.monotonic_ms() - SAID_KEPT_MS
        while self._windows:
            stream, window = next(iter(self._windows.items()))
            if window.said_at > oldest and self._size <= SAID_BYTES:
                return
            self._size -= window.size
            del self._windows[stream]


class Recent:
    """When a name was last spoken; of very many, the last ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spoken: OrderedDict[str, int] = OrderedDict()

    def add(self, name: str) -> None:
        """It is spoken now."""
        self._spoken[name] = self._clock.monotonic_ms()
        self._spoken.move_to_end(name)
        if len(self._spoken) > READS:
            self._spoken.popitem(last=False)

    def clear(self) -> None:
        """None of them was spoken."""
        self._spoken.clear()

    def within(self, name: str, ms: int) -> bool:
        """Whether it was spoken in the last so many milliseconds."""
        at = self._spoken.get(name)
        return at is not None and self._clock.monotonic_ms() - at < ms
