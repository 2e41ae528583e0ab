"""Servers that make wait instead of refusing: more in flight, and no more comes back."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

from stormproof.control.controller import Fate, Sent

BAND = 1.5  # ratio of numbers in flight that are judged together
ENOUGH = 12  # answers in a band that make it known
WEIGHT = 0.02  # of the newest answer in its band's latency, once there are many
APART = 2  # bands between which latency is compared
PROPORTIONAL = 0.95  # elasticity of latency: a rise as steep means that all beyond only waits
UNPROVEN = 64.0  # in flight before anything was answered
# And so many more for each answer, in slots and of itself: silence alone carries no further.
PER_ANSWER = 2.0, 0.0
SAME, SAME_AGE = 3, 0.1  # errors in a row, each as old as the one before to within this share
AFTER_ERRORS = 0.01, 0.0  # the same once errors have lowered it, which are sure,
AFTER_WAITS = 0.0, 0.001  # and once latency has, which may have been a moment's
CLOCK_S = 1e-6  # an event loop's clock may stand still while a whole batch comes in


@dataclass(slots=True)
class Band:
    """What became of sends with about the same number in flight."""

    answers: int = 0
    given_up: int = 0  # sends that a gateway let wait, and then failed
    latency_log: float = 0.0  # of seconds per output token, averaged: some answers are of one token

    def add(self, latency: float) -> None:
        """One more answer."""
        self.answers += 1
        log_s = log(max(CLOCK_S, latency))
        self.latency_log += max(WEIGHT, 1 / self.answers) * (log_s - self.latency_log)


class Queue:
    """`bound` is how many may be in flight: where the server queues, what it works on at once.

    Latency that rises in proportion to the number in flight is waiting: throughput is their
    quotient (Little's law). Where it rises more slowly, more in flight bring more back.
    """

    def __init__(self) -> None:
        self.bound = UNPROVEN  # at least 1
        self._more = PER_ANSWER  # by which each answer raises it
        self._bands: dict[int, Band] = {}
        self._same = 0  # errors in a row of about one age,
        self._age_s = inf  # that of the latest
        self._lives = False  # whether anything was answered since the first of them
        self._waited_since = -inf  # when what was answered last had been sent
        self.refuses = False  # then its latency is its own affair; never unset

    def ready_at(self, now: float, in_flight: int) -> float:
        """See `Limit`."""
        return now if in_flight + 1 <= self.bound else inf

    def sent(self, sent: Sent, now: float) -> None:
        """See `Limit`."""

    def evidence(self, sent: Sent, now: float) -> None:  # noqa: ARG002  the protocol's
        """See `Limit`. A server that refuses does not make wait."""
        if sent.fate is Fate.REFUSED:
            self.refuses, self._more = True, PER_ANSWER
            self.bound = max(self.bound, UNPROVEN)

    def answered(self, sent: Sent, now: float, output_tokens: float) -> bool:
        """Judge its latency; true when the bound has come down."""
        slots, share = self._more
        self.bound += slots + share * self.bound
        self._lives, self._waited_since = True, sent.at
        if self.refuses:
            return False
        number, band = self._band(sent)
        band.add((now - sent.at) / max(1.0, output_tokens))
        return band.answers % ENOUGH == 0 and self._judge(number)

    def gave_up(self, sent: Sent, now: float) -> bool:
        """An accepted send failed; true when it waited for too long, and says nothing else.

        Errors of one age are a gateway's patience, at an end: where they outnumber the answers,
        fewer may wait. What a restart kills dies at once, with no answer between; where all hangs,
        nothing is answered that was sent in the first half of the wait, or before.
        """
        age_s = now - sent.at
        if abs(age_s - self._age_s) >= SAME_AGE * age_s:
            self._same, self._lives = 0, False
        self._same, self._age_s = self._same + 1, age_s
        number, band = self._band(sent)
        band.given_up += 1
        answered = self._lives and self._waited_since < (sent.at + now) / 2
        waited = self._same >= SAME and answered and not self.refuses
        if waited and band.given_up > band.answers:
            self._lower(number, AFTER_ERRORS)
        return waited

    def _band(self, sent: Sent) -> tuple[int, Band]:
        number = int(log(max(1, sent.number)) / log(BAND))
        return number, self._bands.setdefault(number, Band())

    def _judge(self, number: int) -> bool:
        """Whether all in this band only waits; below it none does, so that no slot idles."""
        low, high = self._bands.get(number - APART), self._bands[number]
        if low is None or low.answers < ENOUGH:
            return False
        steep = high.latency_log - low.latency_log > PROPORTIONAL * APART * log(BAND)
        if steep:  # and if it is entered again, measured anew
            del self._bands[number]
        return steep and self._lower(number, AFTER_WAITS)

    def _lower(self, band: int, more: tuple[float, float]) -> bool:
        """No more than that band begins with, for now; whether that is fewer than before."""
        lower = BAND**band < self.bound
        if lower:
            self.bound, self._more = BAND**band, more
        return lower
