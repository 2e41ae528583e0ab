"""One endpoint at work: its controller, the limits that it shares, what came of its sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import inf
from operator import attrgetter
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Controller, Sent
from stormproof.control.fixed import Fixed
from stormproof.control.shared_ceiling import SharedCeiling
from stormproof.control.shared_limit import Member, SharedLimit
from stormproof.domain.calls import (
    Blocked,
    Denied,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Transient,
    Usage,
    Verdict,
)
from stormproof.domain.pool import Endpoint, RateMode, Start
from stormproof.pool.tail import Tail

FIRST_P99_S = 60.0  # until so many answers as here say more
FEW = 20
MANY_REJECTIONS = 5  # in a row, until they are held against an endpoint, whatever others answer
STEP = 0.0005  # by which one answer below it moves the 99th percentile


class EndpointState(Struct, frozen=True):
    """One endpoint now. `window` is inf where nothing bounds it; `pace_rps` 0 where unpaced.

    Counts are sends since the start: accepted (answered in full), refused, errors, hedges (given
    up because a copy was sent elsewhere: lost, or slower than the copy), and among the errors
    discarded (it came with a success status and was no reply: it may have to be paid), with the
    tokens that these said they cost. Of the lost, `false_alarms` are known to have been declared so
    too early: the answer had begun, or the same request was then answered after a silence at least
    as long. `trouble` is what its last send ended in where that was no
    answer, and `troubled_at` the wall-clock instant since when. `stopped` says why it was given
    up, and is empty while it is not. `above` is what is known of a limit that it shares and that
    nobody declared, while that is to blame.
    """

    endpoint_id: str
    model: str
    in_flight: int
    window: float
    pace_rps: float
    accepted: int
    refused: int
    errors: int
    state: str
    decision: str
    rule: str = ""
    hedges: int = 0
    trouble: str = ""
    troubled_at: float = 0.0
    stopped: str = ""
    discarded: int = 0
    discarded_tokens: int = 0
    above: Start | None = None
    false_alarms: int = 0

    @property
    def sends(self) -> int:
        """Sends that have ended, but for those that were cancelled for a quicker copy."""
        return self.accepted + self.refused + self.errors

    @property
    def learned(self) -> Start:
        """Where another controller of it may begin; of it alone while it has answered but a few."""
        few = self.accepted < FEW
        own = Start() if few else _start(self.window, self.pace_rps)
        return replace(own, above=self.above)


StopCause = Literal["", "denied", "quota", "day", "rejecting", "silent"]


class Above(NamedTuple):
    """The limits that an endpoint shares: those declared, and the one that nobody declared."""

    declared: tuple[SharedCeiling, ...] = ()
    suspect: SharedLimit | None = None


class Lane:
    """An endpoint and its controller. A permit is taken at every level, or at none.

    The scheduler alone takes permits, tells how sends ended, and stops it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        rate_mode: RateMode,
        above: Above = Above(),  # noqa: B008  it is frozen
        place: int = 0,
    ) -> None:
        # Which endpoint it is. Never changes.
        self.endpoint = endpoint
        # The most that a reply of it may have, None where nothing says. Never changes.
        self.most_reply_tokens = endpoint.most_reply_tokens
        # Its index among all lanes of the scheduler. Never changes.
        self.place = place
        # The limits that it shares; `controller` is a member of the suspect. Never change.
        self.declared, self.suspect = above
        # Those in force: the declared ones, and the suspect while it is to blame. Kept so by
        # `share`, which the scheduler calls.
        self.shared: tuple[SharedCeiling | SharedLimit, ...] = self.declared
        self.share()
        # When it may be sent to by limits of its own. Each send ends there in exactly one fate.
        self.controller = _controller(endpoint, rate_mode, self.suspect)
        # Jobs with status BEGINNING that were begun for it. Moved by `ModelQueue.move` alone.
        self.beginning = 0
        # How many jobs of the model had ended when the supply last had none for it: as long as
        # that is still their number, asking again is idle. -1: ask; inf: begin nothing more.
        self.ended_when_empty: float = -1
        # No send before this instant: its stagger offset, set once, at the opening; then the end of
        # the latest wait for a day's quota. It only grows. Set by the scheduler alone.
        self.rests_until = -inf
        # The instant of its one valid entry among the scheduler's wakes; inf for none.
        self.wakes_at = inf
        # Why its gate was shut when that was last announced; empty for open.
        self.closed = ""
        # Why it is given up for this run, or empty, and which kind of reason that is. Set once,
        # both together, by `ModelQueue.stop`; never cleared.
        self.stopped = ""
        self.stop_cause: StopCause = ""
        # Estimate of the 99th percentile of answers; FIRST_P99_S until FEW have been seen.
        self.latency_p99_s = FIRST_P99_S
        # The longest answer so far.
        self.longest_s = 0.0
        # What answers took, at their load: what counts as lost is judged by it. Hears of each.
        self.tail = Tail()
        # What the last send ended in where that was no answer; empty after an answer.
        self.trouble = ""
        # When the first such send since the last answer ended; inf before any did. It means
        # nothing while `trouble` is empty.
        self.troubled_since = inf
        # Whether a person has been told of this trouble; false whenever there is none.
        self.announced = False
        # Whether anything here has ever spoken as a model's service does. Never cleared.
        self.reached = False
        # When it first said of itself, since it last answered, that it cannot be used (`lost`
        # has the rule); inf where it has not.
        self.doubted_since = inf
        # Rejections of requests since it last answered.
        self.rejections = 0
        # Tokens of discarded replies. It only grows.
        self.discarded_tokens = 0
        # Sends by how they ended, as in `EndpointState`: by `hear`; hedges by `lost` and
        # `lost_race`. They only grow; discarded ones are errors too.
        self.accepted = self.refused = self.errors = self.hedges = self.discarded = 0
        # Sends that `lost` declared lost too early, as far as is known. It only grows.
        self.false_alarms = 0

    def ready_at(self, now: float) -> float:
        """The earliest instant for a send, over all levels; inf when an answer must come."""
        if self.stopped:
            return inf
        ready = max(self.rests_until, self.controller.ready_at(now))
        for limit in self.declared:
            ready = max(ready, limit.ready_at(now))
        return ready

    def take(self, now: float, tokens: float) -> Sent:
        """Take a permit at every level."""
        sent = self.controller.sent(now, tokens)
        for limit in self.declared:
            limit.sent(sent, now)
        return sent

    def give_back(self, now: float, missed_tokens: float) -> None:
        """Give the declared limits their permits back; the controller hears of it by the fate."""
        for limit in self.declared:
            limit.ended(now, missed_tokens)

    def share(self) -> bool:
        """Follow the suspect as it is blamed or acquitted; true when that has changed."""
        suspect = self.suspect
        if suspect is None or (suspect.learned is not None) == (suspect in self.shared):
            return False
        self.shared = (*self.declared, suspect) if suspect.learned else self.declared
        return True

    def hear(self, sent: Sent, verdict: Verdict | None, now: float) -> None:
        """How a send ended: for the controller, the shared limits and the counts.

        None is a send that we gave up ourselves.
        """
        control = self.controller
        missed = 0.0
        match verdict:
            case Ok(reply=reply, rates=rates):
                tokens = float(_tokens(reply.usage)) or sent.tokens  # where it counted nothing
                missed = tokens - sent.tokens
                self._took(now - sent.at)
                self.tail.answered(sent.at, now, sent.number)
                control.answered(sent, now, tokens, float(reply.usage.completion_tokens))
                if rates is not None:
                    control.advertised(rates)
            case Overlong() | Blocked():
                control.answered(sent, now, sent.tokens)
            case Rejected(reason=reason):
                self.rejections += 1
                if self.is_rejecting:
                    control.failed(sent, now, reason)
                else:
                    control.answered(sent, now, sent.tokens)
            case Refused(retry_after_s=retry_after_s, exhausted=False):
                self.refused += 1
                control.refused(sent, now, retry_after_s)
            case Transient(reason=reason):
                self.errors += 1
                control.failed(sent, now, reason)
                self._discard(verdict)
            case Denied(reason=reason) if self.accepted:
                self.errors += 1
                control.failed(sent, now, reason)
            case _:
                control.abandoned(sent, now)
        self.give_back(now, missed)
        if verdict is not None:
            self._remember(verdict, now)

    def lost(self) -> None:
        """A send was given up as lost."""
        self.hedges += 1

    def lost_race(self, seconds: float) -> None:
        """Cancelled because another copy answered first; it would have taken longer than so."""
        self.hedges += 1
        if seconds > self.latency_p99_s:
            self.latency_p99_s = min(seconds, self.latency_p99_s * (1 + 99 * self._step))

    def state(self, wall_ahead_s: float) -> EndpointState:
        """See `EndpointState`; the wall clock is so far ahead of the one that is given here."""
        view = self.controller.view()
        return EndpointState(
            endpoint_id=self.endpoint.endpoint_id,
            model=self.endpoint.model,
            in_flight=self.controller.in_flight,
            window=view.window,
            pace_rps=view.pace_rps,
            accepted=self.accepted,
            refused=self.refused,
            errors=self.errors,
            state=self.condition,
            decision=view.decision,
            rule=view.rule,
            hedges=self.hedges,
            trouble=self.trouble,
            troubled_at=self.troubled_since + wall_ahead_s if self.troubled_since < inf else 0.0,
            stopped=self.stopped,
            discarded=self.discarded,
            discarded_tokens=self.discarded_tokens,
            above=self._above,
            false_alarms=self.false_alarms,
        )

    @property
    def _above(self) -> Start | None:
        """Where another controller of the suspect may begin, while that is to blame."""
        if self.suspect is None or self.suspect.learned is None:
            return None
        view = self.suspect.learned.view()
        return _start(view.window, view.pace_rps)

    @property
    def is_rejecting(self) -> bool:
        """Whether it has rejected so many requests in a row that it is itself the reason."""
        return self.rejections >= MANY_REJECTIONS

    @property
    def condition(self) -> str:
        """Open, closed or stopped, and why."""
        if self.stopped:
            return f"stopped: {self.stopped}"
        if self.rests_until > self.doubted_since:
            return f"closed: a day's quota is waited for: {self.trouble}"
        return self.controller.view().state

    def _took(self, seconds: float) -> None:
        """An answer; the 99th percentile moves up 99 times as far as down."""
        self.accepted += 1
        self.longest_s = max(self.longest_s, seconds)
        if self.accepted == FEW:  # twice, for so few have not shown the tail
            self.latency_p99_s = min(self.latency_p99_s, 2 * self.longest_s)
        step = self._step
        self.latency_p99_s *= 1 + (99 * step if seconds > self.latency_p99_s else -step)

    @property
    def _step(self) -> float:
        return max(STEP, min(0.01, 0.1 / max(1, self.accepted)))

    def _discard(self, verdict: Transient) -> None:
        if verdict.paid:
            self.discarded += 1
            self.discarded_tokens += _tokens(verdict.usage)

    def _remember(self, verdict: Verdict, now: float) -> None:
        """What the verdict says of the endpoint: that it works, or since when it does not."""
        self.reached = self.reached or not (isinstance(verdict, Transient) and verdict.unreached)
        if isinstance(verdict, (Ok, Overlong, Blocked)):
            self.trouble, self.announced, self.rejections = "", False, 0
            self.doubted_since = inf
            return
        if not self.trouble:
            self.troubled_since = now
        self.trouble = verdict.reason
        if self._doubts(verdict):
            self.doubted_since = min(self.doubted_since, now)

    def _doubts(self, verdict: Verdict) -> bool:
        """Whether the endpoint says of itself that it cannot be used, which may pass."""
        match verdict:
            case Refused(quota=quota, of_a_day=of_a_day):
                return quota or of_a_day or verdict.resumes_in_s is not None
            case Rejected():
                return self.is_rejecting
            case _:
                return isinstance(verdict, Denied)


load: Callable[[Lane], int] = attrgetter("controller.in_flight")
"""Of a lane, what the least loaded endpoint has least of: sends that have not ended."""


def limits_above(endpoints: Sequence[Endpoint], *, learn: bool) -> list[Above]:
    """Of each endpoint, in order: the limits that it shares.

    With `learn`, a key of several endpoints for which none was declared is suspected of one.
    """
    uses = Counter(map(_key_of, endpoints))
    starts = {_key_of(x): x.start.above for x in endpoints if x.start.above}
    declared = {x.name: SharedCeiling(x.name, x.limits) for e in endpoints for x in e.groups}
    suspects = {
        key: SharedLimit(key, starts.get(key))
        for key, number in uses.items()
        if learn and number > 1 and key not in declared
    }
    found = []
    for endpoint in endpoints:
        mine = tuple(declared[x.name] for x in endpoint.groups)
        suspect = suspects.get(_key_of(endpoint))
        limits: list[SharedCeiling | SharedLimit] = [*mine, *([suspect] if suspect else [])]
        for limit in limits:
            if endpoint.model not in limit.models:
                limit.models.append(endpoint.model)
        found.append(Above(mine, suspect))
    return found


def _key_of(endpoint: Endpoint) -> str:
    return f"key {endpoint.provider}/{endpoint.key}"


def _controller(endpoint: Endpoint, mode: RateMode, suspect: SharedLimit | None) -> Controller:
    if mode == "fixed":
        return Fixed(endpoint.limits, workers=endpoint.fixed_slots)
    if suspect is None:
        return Adaptive(endpoint.limits, endpoint.start)
    return Member(suspect, endpoint.limits, endpoint.start)


def _start(window: float, pace_rps: float) -> Start:
    return Start() if window == inf else Start(int(window) or None, pace_rps or None)


def _tokens(usage: Usage) -> int:
    return usage.prompt_tokens + usage.completion_tokens
