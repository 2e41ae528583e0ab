"""`adaptive` rate mode: limits that find themselves, rules that say which one binds, a breaker.

- Evidence is about the send: each carries its number in flight and the count of cuts so far.
- Silence is acceptance: no refusal within `confirm_s` means accepted, however long the answer.
- The rest of an overshoot says nothing: a refusal of a send older than the last cut is ignored.
- Any other refusal speaks to one limit, which the rules in `blame` find; so does a quick error
  above every number accepted of late.
- Where nothing passes any more, for refusals, errors or silence, the breaker shuts; a canary opens
  it. After refusals limits are learned anew, after errors all resumes where it was.
"""

from __future__ import annotations

from math import inf

from stormproof.control.blame import Blame
from stormproof.control.breaker import LULL_S, Breaker, Row, State
from stormproof.control.cap import START, Cap
from stormproof.control.chance import Chance
from stormproof.control.controller import Fate, Limit, Sent, View
from stormproof.control.measured import Measured
from stormproof.control.pace import Ceiling
from stormproof.control.pending import Pending
from stormproof.control.queueing import Queue
from stormproof.control.rate import RateLimit
from stormproof.control.silence import Silence
from stormproof.control.window import Window
from stormproof.control.word import Word
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Limits, Start

CUTS_IN_A_ROW = 3
HEDGED = 0.8  # × the recent rate of acceptance: what met a cap first may have been a rate


class Adaptive:
    """Finds one endpoint's limits. Declared `limits` are ceilings, never floors.

    `start` is where it begins, which is held no better than any other belief.
    """

    def __init__(self, limits: Limits, start: Start = Start()) -> None:  # noqa: B008  it is frozen
        self._ceiling = Ceiling(limits)
        self.measured = Measured()
        self.cap = Cap(self.measured, start.max_workers or inf)
        self.rate = RateLimit(self.measured)
        self.window = Window(self.rate.flow)
        self.queue = Queue()
        self.silence = Silence()
        self.breaker = Breaker()
        self.word = Word()
        self.chance = Chance(self.measured)
        self.decision = "start"
        self.rule = ""  # by which the last cut was made: one of `blame`, or of those named here
        self._limits: tuple[Limit, ...] = (
            self._ceiling,
            self.queue,
            self.cap,
            self.rate,
            self.window,
        )
        self._blame = Blame(self.cap, self.rate, self.chance)
        self._pending = Pending()
        self.in_flight = 0  # sends that have not ended
        self._index = 0  # sends
        self._epoch = 0  # cuts and openings: what was sent before says nothing about now
        self._cuts = Row()  # ended by an acceptance
        if start.qps:
            self.rate.begin(start.qps)

    @property
    def closed(self) -> str:
        """See `Controller`."""
        return self.breaker.why

    def allowed_at(self, now: float) -> float:
        """The earliest instant for a send by what is declared, and what the server works on."""
        in_flight = self.in_flight
        return max(self._ceiling.ready_at(now, in_flight), self.queue.ready_at(now, in_flight))

    def ready_at(self, now: float) -> float:
        """See `Controller`."""
        self._settle(now)
        in_flight = self.in_flight
        ready = max(self.allowed_at(now), self.breaker.ready_at)
        if ready == inf:
            return self.breaker.hears_at(self.measured.confirm_s)
        if self.chance.rush:
            return max(ready, self.chance.rush.pace.ready_at)
        ready = max(ready, self.rate.ready_at(now, in_flight), self.window.ready_at(now, in_flight))
        opens = self.cap.ready_at(now, in_flight)
        if opens == inf:  # what is out may prove accepted
            opens = self._pending.since + self.measured.confirm_s
        return max(ready, opens)

    def sent(self, now: float, tokens: float) -> Sent:
        """See `Controller`."""
        self.in_flight += 1
        self._index += 1
        sent = Sent(now, self.in_flight, self._index, self._epoch, tokens)
        self.breaker.sent(sent, now)
        self.silence.sent(sent)
        if self.silence.hangs(now):
            self.breaker.shut(State.SILENCE, "silence", now)
        sent.within = self._has_room(sent)
        self.chance.sent(sent, now)
        if sent.number > self.cap.believed:
            self.decision = "probe"
        for limit in self._limits:
            limit.sent(sent, now)
        self._pending.sent(sent)
        return sent

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """See `Controller`."""
        heard = self.silence.answered(sent, now) and not sent.canary
        self._end(sent)
        self._ceiling.correct(now, tokens - sent.tokens)
        self._pending.answered(now)
        if self.queue.answered(sent, now, output_tokens):
            self._note_cut("queue", "all beyond waits")
        self.breaker.answered(sent)
        if self.breaker.heeds(sent) or (heard and self.breaker.state is State.SILENCE):
            self._reopen(sent, now)
        if sent.fate is Fate.PENDING:
            self._accept(sent, now)

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """See `Controller`."""
        self._end(sent)
        self._settle(now)
        self.measured.refused(now - sent.at)
        self.word.told(sent.at, now, told_s)
        self._pending.turned_away(sent)
        if self.breaker.canary_failed(sent, now):
            self.breaker.wait_until(self.word.until(now))
        elif sent.epoch == self._epoch and self.breaker.state is State.OPEN:
            self._judge(sent, now)
        self._tell(sent, now, Fate.REFUSED)

    def pardoned(self, sent: Sent, now: float) -> None:
        """Refused in an experiment that went beyond all that is believed: it says nothing here."""
        self._end(sent)
        self._settle(now)
        self._pending.turned_away(sent)
        self.rate.excused(sent)
        self._tell(sent, now, Fate.REFUSED)
        self.breaker.canary_failed(sent, now)

    def failed(self, sent: Sent, now: float, why: str) -> None:
        """See `Controller`."""
        self._end(sent)
        opened = self.breaker.state is State.OPEN
        if sent.fate is Fate.ACCEPTED and self.queue.gave_up(sent, now) and opened:
            self._note_cut("queue", "gateway gave up")
        elif opened and self.cap.may_refuse(sent):
            self._pending.turned_away(sent)
            if sent.epoch == self._epoch:
                self._epoch += 1
                self._note_cut("cap", "quick error")
                if self._cut_cap(sent, now):
                    self.breaker.quickest_s = now - sent.at
                    self.breaker.shut(State.ERRORS, why, now)
            self._tell(sent, now, Fate.FAILED)
        else:
            if sent.fate is Fate.PENDING:
                self._tell(sent, now, Fate.FAILED)
            self.breaker.failed(sent, now, why)

    def abandoned(self, sent: Sent, now: float) -> None:
        """See `Controller`."""
        self._end(sent)
        if sent.fate is Fate.PENDING:
            self._tell(sent, now, Fate.ABANDONED)
        self.breaker.canary_failed(sent, now)

    def advertised(self, rates: RateHeaders) -> None:
        """Headers give ceilings at once."""
        self._ceiling.advertised(rates.limit_rpm, rates.limit_tpm)

    def view(self) -> View:
        """See `Controller`."""
        pace = self.rate.pace if self.rate.believed < inf else 0.0
        held = max(self.cap.held, self.in_flight, START)
        window = min(self._ceiling.workers, self.cap.believed, self.queue.bound, held)
        return View(window, pace, self.breaker.shown, self.decision, self.rule)

    def forget(self, now: float) -> None:
        """Somebody else is to blame for what was refused: start from what is accepted."""
        self.cap.forget(now)
        self.rate.forget()

    # --- evidence --------------------------------------------------------------------------

    def _note_cut(self, limit: str, rule: str) -> None:
        self.decision, self.rule = f"cut: {limit}", rule

    def _settle(self, now: float) -> None:
        """Accept what has been silent for long enough, in the order of sending."""
        confirm_s, canary = self.measured.confirm_s, self.breaker.canary
        for sent in self._pending.silent(now, confirm_s):
            self._accept(sent, now)
        if canary and now >= self.breaker.hears_at(confirm_s):
            self._reopen(canary, now)

    def _accept(self, sent: Sent, now: float) -> None:
        if not sent.canary:  # one in so many seconds is not the rate of acceptance
            self.measured.accepted(now)
        self.word.accepted(sent.at)
        self._tell(sent, now, Fate.ACCEPTED)
        self._cuts.passed(sent.at)
        if sent.epoch != self._epoch:
            return
        if self.chance.accepted(sent):
            self._epoch += 1
            self.forget(now)
            self.decision = "refusals fall by chance"
        elif self.cap.raise_to(sent.least, now):
            self.decision = "grow"

    def _tell(self, sent: Sent, now: float, fate: Fate) -> None:
        sent.fate = fate
        for limit in self._limits:
            limit.evidence(sent, now)

    def _judge(self, sent: Sent, now: float) -> None:
        """A refusal that says something about now."""
        name = self._blame.of(sent)
        if name == "chance":
            self.rate.excused(sent)
            self.decision, self.rule = "refused by chance", ""
            return
        self._epoch += 1
        self._note_cut(name, self._blame.rule)
        cut = self._cut_cap if name == "cap" else self._cut_rate
        if cut(sent, now):
            self.breaker.shut(State.REFUSALS, "refusals", now)
            self.breaker.wait_until(self.word.until(now))

    def _has_room(self, sent: Sent) -> bool:
        """Whether all that is believed in lets it pass, and something is."""
        if self.breaker.state is not State.OPEN or sent.number > self.cap.believed:
            return False
        if self.rate.believed == inf:
            return self.cap.believed < inf
        return self.rate.sure > 0 and not self.rate.above

    def _cut_cap(self, sent: Sent, now: float) -> bool:
        """Whether nothing passes any more; a probe that is refused does not say so."""
        probe = sent.number > self.cap.believed
        if not probe:  # the bucket may have been empty, too
            sent.speaks_to = "cap"
        if self.cap.believed == inf and not self.rate.sure:
            self.rate.cut(now, guess=HEDGED)
        self.cap.cut(sent.number, now)
        if self.cap.stands:
            self.rate.forget()
        return not probe and self._nothing_passes(sent)

    def _cut_rate(self, sent: Sent, now: float) -> bool:
        """Whether nothing passes any more, or for long, by a word that is good."""
        sent.speaks_to = "rate"
        self.cap.forget(now)
        self.rate.cut(now)
        until = self.word.until(now)
        if until > now:
            if until - now > max(LULL_S, 1 / self.rate.believed):
                return True
            self.rate.wait_until(until, now)
        return self._nothing_passes(sent)

    def _nothing_passes(self, sent: Sent) -> bool:
        """Cut upon cut, and nothing accepted for a while."""
        self._cuts.add(sent.at)
        long = sent.at > self._cuts.since + self.measured.confirm_s
        return self._cuts.count >= CUTS_IN_A_ROW and long

    def _reopen(self, sent: Sent, now: float) -> None:
        """A canary has passed: limits may have changed after refusals, not after errors."""
        shut_at = self.breaker.shut_at
        if self.breaker.state is State.REFUSALS:
            self.window.opened(sent.at)
            if self.window.known:
                self.rate.forget()
            else:
                self.rate.reopened(shut_at, sent.at)
            self.cap.restart(max(sent.number, self.in_flight), now)
        else:
            self.rate.rested(shut_at, sent.at)
        self.breaker.canary_passed()
        self._epoch += 1
        self._cuts.count = 0
        self.decision = "reopened"

    def _end(self, sent: Sent) -> None:
        self.in_flight -= 1
        sent.ended = True
        self.silence.ended()
