"""`adaptive` rate mode: a window and a pacer, a classifier of refusals, and a gate.

The rules, by name:

- evidence is about the send: each carries its number in flight and the count of cuts so far;
- silence is acceptance: no refusal within `confirm_s` means accepted, however long the answer;
- the rest of an overshoot says nothing: a refusal of a send older than the last cut is ignored;
- a number never accepted → `cut: cap`; a number accepted of late → `cut: rate`;
- a slot that is refused when it is free again, soon after the first cut → `cut: rate`;
- three times at the same number, which nothing accepted of late exceeds → `cut: cap`;
- a probe above the cap that is refused speaks to the cap alone; a cap that stands acquits the rate;
- a window of the server's clock that is used up → `cut: quota`, until the next one begins;
- three cuts in a row with nothing accepted between → the gate shuts, a canary opens it;
- a limit that fell and has risen is believed to be what it was;
- a server that makes wait instead of refusing → `cut: queue`, to what it works on at once;
- sends at nearly one instant may arrive in any order: a refusal speaks of the last of them;
- errors that are no refusals touch neither window nor pacer; five in a row shut the gate;
- a canary that outlives the errors twice over has passed, and all resumes where it was.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from math import inf

from stormproof.control.controller import ACCEPTED, FAILED, PENDING, REFUSED, SILENT, Sent, View
from stormproof.control.gate import Gate
from stormproof.control.pace import Ceiling
from stormproof.control.pacer import Pacer
from stormproof.control.queueing import Queueing
from stormproof.control.silence import Silence
from stormproof.control.window import Window
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Limits, Start

ERRORS_IN_A_ROW = 5
CUTS_IN_A_ROW = 3
AGAIN_S = 1.0  # refused below the cap so soon after it was met: it was none
STRIKE_S = 3.0  # two refusals a little below what had been accepted, so close, speak to the rate
SAME = 3  # refusals at one number in flight speak to the cap
RUN = 4  # sends, one after the other, all refused, that shut the gate after a second cut
SILENCE = "silence"
CONFIRM_S = 0.3  # no refusal within this time is an acceptance, until refusals prove slower
CONFIRM_MOST_S = 2.0
CANARIES = 4  # out at once, about, while an endpoint is silent
OUTLIVES = 2.0  # × the time after which errors came: a canary that lives so long has passed
JITTER_S = 0.02  # by which sends may overtake each other on their way


class Adaptive:
    """Finds one endpoint's limits. Declared `limits` are ceilings, never floors.

    `start` is a first belief, a cap and a pace, that is held no better than any other.
    """

    def __init__(self, limits: Limits, start: Start = Start()) -> None:  # noqa: B008  frozen
        self._ceiling = Ceiling(limits)
        self.window = Window(self._ceiling.workers, start.max_workers or inf)
        self.pacer = Pacer(start.qps or inf)
        self.gate = Gate()
        self.silence = Silence()
        self.queueing = Queueing()
        self.confirm_s = CONFIRM_S
        self.decision = "start"
        self._unconfirmed = deque[Sent]()
        self._index = 0  # sends
        self._refused = deque[int](maxlen=64)  # indices of the latest refused sends
        self._numbers = deque[int](maxlen=SAME)  # in flight, with the latest refusals for the rate
        self._epoch = 0  # cuts
        self._cuts_in_a_row = 0
        self._errors_in_a_row = 0
        self._errors_after_s = 0.0  # how soon errors came of late
        self._canary: Sent | None = None
        self._row_since = self._errors_since = -inf
        self._struck_at = self._refused_at = -inf
        self._refuted = False  # an acceptance above the cap: it was no cap
        self._cut_at = -inf  # when that send went whose refusal made the last cut
        self._cut_cause = ""

    @property
    def in_flight(self) -> int:
        """Sends that have not ended."""
        return self._ceiling.in_flight

    @property
    def closed(self) -> str:
        """See `Controller`."""
        return self.gate.why

    def ready_at(self, now: float) -> float:
        """See `Controller`."""
        self._settle(now)
        ready = max(self._ceiling.ready_at(), self.gate.ready_at, self.pacer.ready_at)
        if ready == inf:
            return inf
        if self.in_flight + 1 > self.queueing.bound:
            return inf
        opens = self.window.opens_at(now, self.in_flight)
        if opens == inf and self._unconfirmed and self.window.probing:
            opens = self._unconfirmed[0].at + self.confirm_s
        return max(ready, opens)

    def sent(self, now: float, tokens: float) -> Sent:
        """See `Controller`."""
        self._ceiling.take(now, tokens)
        self._index += 1
        sent = Sent(now, self.in_flight, self._index, self._epoch, tokens)
        sent.canary = self.gate.sent(now + self._patience())
        if sent.canary:
            self._canary = sent
        self.silence.sent(sent)
        if self.silence.hangs(now) and not self.gate.shut:
            self.gate.shut_for(SILENCE, now, None)
        grow = not self.silence.doubtful(now)
        sent.paced = self.pacer.sent(now, tokens, grow=grow) and self.pacer.above
        if self.window.sent(sent.number, now):
            self.decision = "probe"
        self._unconfirmed.append(sent)
        return sent

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """See `Controller`."""
        self._end(sent)
        self._ceiling.correct(now, tokens - sent.tokens)
        self.silence.answered(sent, now)
        if self.queueing.answered(sent, now, output_tokens):
            self.decision = "cut: queue"
        if sent.at > self._errors_since:
            self._errors_in_a_row = 0
        if sent.canary and self.gate.shut:
            self._reopen(sent, now)
        if sent.fate == PENDING:
            self._accept(sent, now)

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """See `Controller`."""
        self._end(sent)
        self._settle(now)
        sent.fate = REFUSED
        self.queueing.refused()
        self._refused.append(sent.index)
        self._refused_at = max(self._refused_at, sent.at)
        self.pacer.returned(sent.at, sent.tokens)
        for later in self._unconfirmed:  # it never was in flight at the server
            if later.index > sent.index:
                later.number -= 1
        self._errors_in_a_row = 0
        self.confirm_s = min(CONFIRM_MOST_S, max(self.confirm_s, 1.3 * (now - sent.at)))
        if sent.canary and self.gate.shut:
            self.gate.canary_failed(now, told_s, refused=True)
        elif sent.epoch == self._epoch and not self.gate.shut:
            self._cut(sent, now, told_s)
        elif self._cut_cause == "cap" and sent.at < self._cut_at - JITTER_S:
            self.window.refine(sent.number)
        elif self._cut_cause == "cap" and sent.at <= self._cut_at and not self.window.held:
            self.window.refine(self.window.cap)  # of those sent with it, one less

    def failed(self, sent: Sent, now: float, why: str, told_s: float | None = None) -> None:
        """See `Controller`."""
        self._end_silent(sent, now, FAILED)
        if not self._errors_in_a_row:
            self._errors_since, self._errors_after_s = sent.at, 0.0
        self._errors_after_s = max(self._errors_after_s, now - sent.at)
        self._errors_in_a_row += 1
        if sent.canary and self.gate.why == SILENCE:
            self.gate.canary_silent()
        elif sent.canary and self.gate.shut:
            self.gate.canary_failed(now, told_s, refused=False)
        elif self._errors_in_a_row >= ERRORS_IN_A_ROW and not self.gate.shut:
            self.gate.shut_for(why, now, told_s)

    def abandoned(self, sent: Sent, now: float) -> None:
        """See `Controller`."""
        self._end_silent(sent, now, SILENT)
        if sent.canary and self.gate.shut:
            self.gate.canary_silent()

    def told(self, rates: RateHeaders) -> None:
        """Headers give ceilings at once."""
        self._ceiling.told(rates.limit_rpm, rates.limit_tpm)

    def view(self) -> View:
        """See `Controller`."""
        state = f"closed: {self.gate.why}" if self.gate.shut else "open"
        pace = self.pacer.pace.rate if self.pacer.believed < inf else 0.0
        held = max(self.window.held, self.in_flight)
        window = min(self.window.ceiling, self.window.cap, self.queueing.bound, held)
        return View(window, pace, state, self.decision)

    # --- evidence --------------------------------------------------------------------------

    def _patience(self) -> float:
        """How long a canary is waited for before another may go, or before it has passed."""
        if self.gate.why == SILENCE:
            return max(1.0, self.silence.median_s / CANARIES)
        if self.gate.why == "refusals":
            return inf
        return max(self.confirm_s, OUTLIVES * self._errors_after_s)

    def _settle(self, now: float) -> None:
        """Accept what has been silent for long enough, in the order of sending."""
        canary = self._canary
        errs = self.gate.shut and self.gate.why not in {SILENCE, "refusals"}
        if errs and canary and not canary.ended and now >= canary.at + self._patience():
            self._reopen(canary, now)
        waiting = self._unconfirmed
        while waiting and (waiting[0].fate != PENDING or waiting[0].at + self.confirm_s <= now):
            sent = waiting.popleft()
            if sent.fate == PENDING:
                self._accept(sent, now)
            if sent.fate == ACCEPTED:
                self.pacer.flow.passed(sent.tokens)
            elif sent.empty:
                self.pacer.empty(sent.at, certain=sent.empty == "rate")

    def _accept(self, sent: Sent, now: float) -> None:
        sent.fate = ACCEPTED
        self.pacer.accepted(now)
        self.window.flow = self.pacer.recent
        if sent.at > self._row_since:
            self._cuts_in_a_row = 0
        if sent.canary and self.gate.shut and self.gate.why == "refusals":
            self._reopen(sent, now)
        if self.window.accepted(sent.number, now, fresh=sent.epoch == self._epoch):
            self._refuted = True
            self.decision = "grow"

    def _cut(self, sent: Sent, now: float, told_s: float | None) -> None:
        self._epoch += 1
        if self.pacer.quota.refused():
            self.decision = "cut: quota"
            if not self.pacer.quota.used_up:  # it has not begun yet
                self.gate.shut_for("refusals", now, told_s)
            return
        cause = self._cause(sent)
        self.decision = f"cut: {cause}"
        self._cut_at, self._cut_cause = sent.at, cause
        probe = cause == "cap" and sent.number > self.window.cap
        if cause == "cap":
            sent.empty = "" if probe else "cap"
            if self.window.cap == inf and not self.pacer.measured:  # it may have been the rate
                self.pacer.cut(now, self.confirm_s / 2)
            crowd = self._crowded(sent)
            held = max(sent.number, self.window.held)
            self.window.refused(min(crowd, held) if self.window.held else crowd, now)
            if self.window.stands:
                self.pacer.acquit()
        else:
            sent.empty = "rate"
            self.window.forget_cap(now)
            self.pacer.cut(now, self.confirm_s)
        if probe:
            return
        if not self._cuts_in_a_row:
            self._row_since = sent.at
        self._cuts_in_a_row += 1
        if self._nothing_passes(sent):
            self.gate.shut_for("refusals", now, told_s)

    def _nothing_passes(self, sent: Sent) -> bool:
        """Cut upon cut and nothing accepted for a while, or every send of a run refused."""
        if self._cuts_in_a_row >= CUTS_IN_A_ROW and sent.at > self._row_since + self.confirm_s:
            return True
        run = all(sent.index - n in self._refused for n in range(1, RUN))
        return self._cuts_in_a_row > 1 and run

    def _cause(self, sent: Sent) -> str:
        window = self.window
        refuted, self._refuted = self._refuted, False
        below = window.held - self._crowded(sent)
        if below >= window.fuzz:
            struck, self._struck_at = self._struck_at, sent.at
            refuted = refuted or below >= 2 * window.fuzz or sent.at - struck < STRIKE_S
        if refuted:
            return "rate"
        if sent.number > window.cap:
            return "cap"
        if window.cap < inf and self.pacer.guessed and sent.at - self._cut_at < AGAIN_S:
            return "rate"  # a slot that was free again
        return "rate" if sent.paced and not self._same_number_again(sent) else "cap"

    def _same_number_again(self, sent: Sent) -> bool:
        """Refused three times at the same number, which nothing accepted of late exceeds."""
        self._numbers.append(sent.number)
        near = 1 + sent.number / 50
        again = all(abs(number - sent.number) <= near for number in self._numbers)
        return again and len(self._numbers) == SAME and sent.number >= self.window.held

    def _crowded(self, sent: Sent) -> int:
        """Its number, had it been the last to arrive of those sent with it."""
        crowd = takewhile(lambda x: x.index > sent.index, reversed(self._unconfirmed))
        return sent.number + sum(x.at <= sent.at + JITTER_S for x in crowd)

    def _reopen(self, sent: Sent, now: float) -> None:
        """A canary has come back: limits may have changed after refusals, not after errors."""
        if self.gate.why == "refusals":
            self.pacer.reopened(
                self.gate.shut_at, max(self._refused_at, self.gate.told_until), sent.at
            )
            paced = self.pacer.measured
            self.window.restart(max(sent.number, self.in_flight), now, paced=paced)
        else:
            self.pacer.rested()
            self.window.probe_lost(now)
        self.gate.canary_passed(sent.at)
        sent.canary = False
        self._epoch += 1
        self._cuts_in_a_row = self._errors_in_a_row = 0
        self.decision = "reopened"

    def _end(self, sent: Sent) -> None:
        self._ceiling.give_back()
        sent.ended = True
        self.silence.ended()

    def _end_silent(self, sent: Sent, now: float, fate: int) -> None:
        self._end(sent)
        if sent.fate == PENDING:
            sent.fate = fate
            if sent.number > self.window.cap:
                self.window.probe_lost(now)
