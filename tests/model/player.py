"""Plays random commands from a seed: knows what exists, and picks what will be refused as well."""

import random

from msgspec import msgpack

from taskloom.core.commands import (
    Assign,
    Cancel,
    Claim,
    Complete,
    Create,
    Discard,
    Extend,
    Fail,
    HolderRule,
    LaneSetting,
    Release,
    Reopen,
    Replay,
    Report,
    Resume,
    Strategy,
    Suspend,
    Tune,
    Unblock,
    Update,
    Wake,
)
from taskloom.core.records import PutRecords, RecordChange
from taskloom.core.retry import RetryPolicy, written
from taskloom.core.usage import Usage
from taskloom.engine import followups
from taskloom.engine.outcome import (
    Accepted,
    Attempt,
    FanOut,
    FireTimer,
    ForgetDeliveries,
    Handout,
    Idempotency,
    OutboxResult,
    Recipient,
    SendAgain,
)
from taskloom.engine.submission import Submission
from taskloom.ports.store import OutboxRow
from tests.model.toyflow import FORBIDDEN_PRIORITY, Start, publish, start, tell

QUEUES = ("a", "b", "toys")
TENANTS = ("t", "t", "u")
POLICY = written(RetryPolicy(2, 200, 5_000, ("E2",)))
USED = Usage("m", 3, 4, 1, 2, 7)
WORKERS = ("", "w1", "w2", "w3")
NO_CALL = OutboxRow(7, "t", 7, 0, 0)
RULES = (HolderRule.WORKER_OR_KEY, HolderRule.WORKER, HolderRule.ANYONE)


class Player:
    """A seeded source of batches; `learn` tells it what came of the last one."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.now = 1_750_000_000_000
        self.tasks = [7]
        self.live = []
        self.tokens = {}
        self.flows = [7]
        self.follow_ups = []
        self.timers = []
        self.calls = [NO_CALL]

    def batch(self):
        """The next batch of submissions, and the instant it runs at."""
        self.now += self.dice.choice((0, 1, 40, 900, 5_000))
        size = self.dice.choice((1, 1, 1, 2, 3, 6))
        return [self._submission() for _ in range(size)], self.now

    def learn(self, submissions, result):
        """What the batch made: keys of tasks and flows, tokens, follow-ups."""
        for submission, outcome in zip(submissions, result.outcomes, strict=True):
            if not isinstance(outcome, Accepted):
                continue
            if isinstance(submission.command, Create) and isinstance(outcome.reply, int):
                self._add(outcome.reply)
            elif isinstance(submission.command, Claim):
                for handout in outcome.reply:
                    assert isinstance(handout, Handout)
                    self._add(handout.task.key)
                    self.tokens[handout.task.key] = handout.task.token
            elif getattr(submission.command, "name", "") == "start" and isinstance(outcome.reply, int):
                self.flows.append(outcome.reply)
        for task in result.finished:
            self._add(task.key)
            if self.dice.random() < 0.7 and task.key in self.live:
                self.live.remove(task.key)
        self.follow_ups += result.follow_ups
        self.tasks, self.flows = self.tasks[-200:], self.flows[-40:]

    def _add(self, key):
        if key not in self.tasks[-200:]:
            self.tasks.append(key)
            self.live.append(key)
            self.live = self.live[-40:]

    def _submission(self):
        dice = self.dice
        if self.follow_ups and dice.random() < 0.3:
            row = self.follow_ups.pop(0)
            return Submission(followups.decode(row.body), follow_up=row.key)
        makers = (self._create, self._claim, self._finish, self._finish, self._manage, self._manage)
        makers += (self._flow, self._record, self._due, self._tune) if dice.random() < 0.5 else ()
        submission = Submission(dice.choice(makers)())
        if dice.random() < 0.05:
            key, digest = f"k{dice.randrange(12)}", dice.choice((b"d1", b"d2"))
            submission.idempotency = Idempotency("t", "s", key, digest, _stored)
        return submission

    def _create(self):
        dice = self.dice
        return Create(
            tenant=dice.choice(TENANTS),
            queue=dice.choice(QUEUES[:2]),
            dialect="queue",
            level=dice.choice((1, 1, 1, 0, 5)),
            lane=dice.choice(("", "x", "y", "z")),
            priority=dice.choice((0, 0, 0, 3)),
            input=dice.choice((b"{}", b'{"a":"\x00"}', b"")),
            attributes=dice.choice((b"{}", b'{"color":"red"}')),
            callback=dice.choice(("", "", "https://example.org/hook")),
            ready_at=dice.choice((0, 0, 0, self.now + 1_000)),
            expires_at=dice.choice((0, 0, 0, self.now + 60_000)),
            retries=dice.choice((0, 1, 3)),
            losses_max=dice.choice((-1, 0, 3)),
            loss_backoff_ms=dice.choice((0, 500)),
            start_by=dice.choice((0, 0, 0, self.now + 30_000)),
            run_ms=dice.choice((0, 0, 4_000)),
            retry=dice.choice(("", "", POLICY)),
            blocked=dice.random() < 0.1,
            assignee=dice.choice(("", "", "", "w1")),
            queue_limit=dice.choice((0, 0, 0, 1)),
        )

    def _claim(self):
        dice = self.dice
        queues = tuple((queue, dice.choice((-1, 1, 1))) for queue in dice.sample(QUEUES, dice.randint(1, 3)))
        return Claim(
            tenant=dice.choice(("t", "t", "u", None)),
            queues=queues,
            worker=dice.choice(WORKERS),
            holder=dice.choice(("k1", "k2")),
            size=dice.choice((1, 1, 2, 5, 20)),
            lease_ms=dice.choice((100, 5_000, 60_000)),
            losses_max=dice.choice((None, None, 1)),
            strategy=dice.choice((Strategy.FIFO, *Strategy)),
            fenced=dice.random() < 0.2,
            bytes_max=dice.choice((0, 0, 8)),
        )

    def _who(self):
        dice, key = self.dice, self.dice.choice(self.live or self.tasks)
        token = self.tokens.get(key)
        return {
            "key": key if dice.random() < 0.9 else dice.choice(self.tasks),
            "tenant": dice.choice(("t", "t", "t", "u", None, None)),
            "token": dice.choice((token, token, None, None, 5)),
            "worker": dice.choice(WORKERS),
            "by": dice.choice(("k1", "k2", "")),
            "rule": dice.choice(RULES),
            "supervisor": dice.random() < 0.1,
        }

    def _finish(self):
        dice, who = self.dice, self._who()
        if dice.random() < 0.6:
            return Complete(
                **who,
                result=dice.choice((b"null", b'{"r": 1}', b'{"r":1}', b"2")),
                unclaimed=dice.random() < 0.2,
                repeat=dice.random() < 0.8,
                usage=dice.choice((None, USED, Usage("n"))),
            )
        return Fail(
            **who,
            code=dice.choice(("E1", "E2")),
            message="broke \x00",
            retries=dice.choice((None, None, 0, 2)),
            backoff_ms=dice.choice((None, 0, 800)),
            answered=dice.random() < 0.1,
            suspend=dice.random() < 0.3,
            final=dice.random() < 0.2,
            thrown=dice.random() < 0.2,
            result=dice.choice((None, None, b"3")),
            unclaimed=dice.random() < 0.2,
            repeat=dice.random() < 0.8,
        )

    def _manage(self):
        dice, who = self.dice, self._who()
        key, tenant = who["key"], who["tenant"]
        kinds = (
            Release,
            Extend,
            Cancel,
            Assign,
            Update,
            Update,
            Suspend,
            Resume,
            Reopen,
            Reopen,
            Wake,
            Unblock,
        )
        kinds = (*kinds, Report, Discard, Replay)
        kind = dice.choice(kinds)
        if kind is Release:
            return Release(**who, deny_ms=dice.choice((0, 2_000)), pause_ms=dice.choice((0, 0, 700)))
        if kind is Cancel:
            return Cancel(key=key, tenant=tenant, unheld=dice.random() < 0.3)
        if kind is Replay:
            anew = Create(tenant="t", queue="a", dialect="queue", attributes=b'{"replays":"x"}')
            return Replay(key=key, tenant=tenant, anew=dice.choice((None, anew)))
        if kind is Report:
            return Report(**who, mark=dice.choice((-1, 7)), result=b"1")
        if kind is Extend:
            return Extend(**who, lease_ms=dice.choice((100, 9_000)))
        if kind is Assign:
            return Assign(key=key, tenant=tenant, worker=dice.choice(WORKERS))
        if kind is Update:
            return Update(
                key=key,
                tenant=tenant,
                priority=dice.choice((None, 5, FORBIDDEN_PRIORITY, FORBIDDEN_PRIORITY)),
                retries=dice.choice((None, 2)),
                lease_ms=dice.choice((None, None, 3_000)),
                attributes=dice.choice((None, b'{"color":"blue"}')),
                token=dice.choice((None, None, who["token"])),
            )
        if kind is Resume:
            return Resume(key=key, tenant=tenant, retries=dice.choice((None, 2)))
        return kind(key=key, tenant=tenant)

    def _flow(self):
        dice, flow = self.dice, self.dice.choice(self.flows)
        kind = dice.choice(("start", "start", "start", "again", "publish", "message", "cancel", "unblocked"))
        if kind == "publish":
            return publish(dice.choice("mn"), dice.choice(TENANTS))
        if kind not in ("start", "again"):
            return tell(flow, kind, dice.choice(("t", "u", None)))
        body = Start(
            tasks=dice.randint(0, 3),
            message=dice.choice(("", "", "m", "n")),
            late_ms=dice.choice((0, 3_000)),
            child=dice.choice((0, 0, 2)),
            blockers=dice.choice((0, 0, 2)),
            dependant=dice.choice((0, flow)),
            callback=dice.choice(("", "https://example.org/toy")),
        )
        return start(body, flow=flow if kind == "again" else 0, tenant=dice.choice(TENANTS))

    def _record(self):
        dice = self.dice
        changes = tuple(
            RecordChange(
                dice.choice(("queue", "key")),
                dice.choice(TENANTS),
                dice.choice(("one", "two")),
                dice.choice((b"body", b"\x00", None)),
                dice.choice((None, 0, 1, 2)),
            )
            for _ in range(dice.randint(1, 2))
        )
        return PutRecords(changes)

    def _tune(self):
        """Limits and pauses that hold for a while and then do not, so that work goes on."""
        dice = self.dice
        gate = {
            "limit": dice.choice((0, 0, 3)),
            "rate": dice.choice((0, 0, 600)),
            "key_limit": dice.choice((0, 2)),
            "key_rate": dice.choice((0, 0, 1_200)),
            "paused_until": dice.choice((0, 0, self.now + 700)),
            "aging_ms": dice.choice((0, 1_000, 60_000)),
        }
        values = {
            "limit": dice.choice((0, 1)),
            "rate": dice.choice((0, 60)),
            "burst": dice.choice((0, 3)),
            "weight": dice.choice((0, 3)),
            "paused_until": dice.choice((0, self.now + 700)),
        }
        chosen = dice.sample(sorted(gate), dice.randint(0, len(gate)))
        lanes = (LaneSetting(dice.choice((0, 1)), dice.choice("xyz"), values),) if dice.random() < 0.6 else ()
        return Tune(
            tenant=dice.choice(TENANTS),
            queue=dice.choice(QUEUES[:2]),
            gate={name: gate[name] for name in chosen},
            lanes=lanes,
        )

    def _due(self):
        dice = self.dice
        if self.timers and dice.random() < 0.6:
            timer = dice.choice(self.timers)
            return FireTimer(timer.flow, timer.name, timer.at)
        call = dice.choice(self.calls)
        key, next_at = call.key, call.next_at
        to = tuple(
            Recipient(webhook, "https://example.org/hook") for webhook in range(8, dice.choice((8, 10)))
        )
        return dice.choice(
            (
                FanOut(key, b"{}", to),
                ForgetDeliveries(((key, call.tenant),)),
                SendAgain(
                    dice.choice((call, OutboxRow(0, "t", 7, 0, 0, "t x", 8, "toy.test"))), "https://x/"
                ),
                OutboxResult(key, next_at, taken_from=next_at, line="t x", url="https://x/"),
                OutboxResult(key, self.now, "status 500", attempt=Attempt(self.now, 7, 500, "status 500")),
                OutboxResult(key, 0),
                OutboxResult(key, self.now + 500),
                OutboxResult(key, self.now + 500, taken_from=next_at),
                OutboxResult(key, -1),
            )
        )


def _stored(reply):
    return msgpack.encode(repr(type(reply)))
