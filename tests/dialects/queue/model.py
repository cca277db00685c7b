"""The rules of a task told a second time, plainly, for tests that compare the server with them.

Instants are Unix ms. A pause after a failure is shortened by up to a quarter, so the model knows it as two
instants: before the first one the task must not be handed out, from the second one on it must.
"""

from typing import NamedTuple

LOSSES_MAX = 3
HOPELESS = "hopeless"
OPEN = ("waiting", "queued")
STATUSES = {"timeout": 408, "cancelled": 499, "failed": 500}
"""What an end without an answer of a worker is told as."""


class Policy(NamedTuple):
    """When a task is tried again."""

    retries: int
    first_s: int
    longest_s: int

    def pause_ms(self, number):
        """The pause after failure `number` (1..): from, to."""
        full = 1000 * min(self.first_s * 2 ** (number - 1), self.longest_s)
        return full - full // 4, full

    def on_the_wire(self):
        return {
            "max_retries": self.retries,
            "first_pause": self.first_s,
            "longest_pause": self.longest_s,
            "final_codes": [HOPELESS],
        }


class Deadlines(NamedTuple):
    """When a task is over, must have begun, and how long an attempt may last; 0 for none."""

    expires_at: int = 0
    start_by: int = 0
    run_ms: int = 0


class Known:
    """What the model knows of a task."""

    def __init__(self, number, tenant, place, mode, *, deadlines, policy=None):
        self.number, self.tenant, self.place, self.mode = number, tenant, place, mode
        self.deadlines, self.policy = deadlines, policy
        self.id = ""
        self.status = "waiting"
        self.ready = (0, 0)
        self.left = policy.retries if policy else 0
        self.losses, self.losses_max = 0, -1 if policy else LOSSES_MAX
        self.leases = []
        self.is_claimed = False
        """Whether the last lease still opens the task."""
        self.lease_until = self.started_at = 0
        self.sent = self.failed_with = None
        self.has_stream = mode == "streaming"
        self.frames, self.frames_of, self.mark = [], 0, -1
        self.put = self.pending = None
        self.has_letter = True
        """Whether, once it is dead, it may be begun anew."""
        self.told = []
        """With which statuses its own address is told of its ends."""

    @property
    def is_open(self):
        return self.status in OPEN

    @property
    def is_dead(self):
        return self.status in ("failed", "timeout")

    def lease(self, which):
        """The lease that a call shows, and whether it opens the task."""
        if which == "none":
            return {}, self.is_claimed
        if which == "current" and self.leases:
            return {"lease_id": self.leases[-1]}, self.is_claimed
        if which == "old" and len(self.leases) > 1:
            return {"lease_id": self.leases[-2]}, False
        return {"lease_id": "12345"}, False

    # What happens to it -----------------------------------------------------------------------------------

    def end(self, status, sent=None):
        self.status, self.sent = status, sent
        self.told.append(sent["status_code"] if sent else STATUSES[status])

    def taken(self, lease_id, now, lease_ms, losses_max):
        self.status, self.is_claimed = "queued", True
        self.leases.append(lease_id)
        self.started_at, self.lease_until = now, now + lease_ms
        if losses_max is not None:
            self.losses_max = losses_max

    def swept(self, now):
        """What is due happens."""
        late = 0 < self.deadlines.expires_at <= now
        unbegun = not self.leases and 0 < self.deadlines.start_by <= now
        is_held = self.is_open and self.status == "queued"
        if self.is_open and (late or unbegun):
            self.end("timeout")
        elif is_held and 0 < self.deadlines.run_ms <= now - self.started_at:
            self._try_again(now, "timeout", gives_up=self.left <= 0)
        elif is_held and self.lease_until <= now:
            self._lose(now)

    def _lose(self, now):
        if 0 <= self.losses_max <= self.losses or (self.policy and self.left <= 0):
            self.end("timeout")
            return
        self.losses += 1
        self._wait(now)

    def fail(self, now, code):
        self.failed_with = code
        self._try_again(now, "failed", gives_up=self.left <= 0 or code == HOPELESS)

    def _try_again(self, now, end, *, gives_up):
        if gives_up:
            self.end(end)
            return
        self.is_claimed = False
        self._wait(now)

    def _wait(self, now):
        self.status, self.ready = "waiting", (0, 0)
        if self.policy:
            low, high = self.policy.pause_ms(self.policy.retries - self.left + 1)
            self.ready = (now + low, now + high)
            self.left -= 1

    def release(self, now, pause_ms):
        self.status, self.is_claimed = "waiting", False
        self.ready = (now + pause_ms, now + pause_ms)

    def tell(self, mark, word):
        """Whether the stream breaks, because another attempt began it; a mark that is not new is a repeat."""
        if not self.has_stream:
            return False
        attempt = len(self.leases)
        if self.frames and self.frames_of != attempt:
            self.end("failed")
            return True
        known = self.mark if self.frames_of == attempt else -1
        if mark > known:
            self.frames.append(word)
            self.frames_of, self.mark = attempt, mark
        return False

    def reopen(self):
        """A dead letter is begun anew: deadlines are over, what was lost is forgiven."""
        self.status, self.ready, self.is_claimed = "waiting", (0, 0), False
        self.sent = self.failed_with = None
        self.losses, self.left = 0, self.policy.retries if self.policy else 0
        self.deadlines = Deadlines(run_ms=self.deadlines.run_ms)

    def successor(self, number):
        """The task that takes the place of a dead letter which a stream owned."""
        deadlines = Deadlines(run_ms=self.deadlines.run_ms)
        anew = Known(number, self.tenant, self.place, self.mode, deadlines=deadlines, policy=self.policy)
        anew.put, anew.has_stream = self.put, False
        anew.losses_max = -1 if self.policy else self.losses_max
        return anew
