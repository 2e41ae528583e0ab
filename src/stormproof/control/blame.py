"""Whom a refusal speaks to: rules, each with its reason, of which the first that speaks decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from stormproof.control.cap import Cap
from stormproof.control.chance import Chance
from stormproof.control.controller import Sent
from stormproof.control.rate import RateLimit

SAME = 3  # refusals at one number in flight speak to the cap


def by_chance(sent: Sent, known: Blame) -> str:
    """A share is refused whatever the load, or a rush is to show whether one is."""
    return "chance" if known.chance.excuses(sent, known.rate.pace) else ""


def far_below(sent: Sent, known: Blame) -> str:
    """A number well below what was accepted of late is no cap: it was the rate."""
    return "rate" if known.cap.held - sent.number >= 2 * known.cap.fuzz else ""


def free_again(sent: Sent, known: Blame) -> str:
    """A slot that was free again and is refused, while a rate is guessed at: it was the rate."""
    met = known.cap.believed < inf and known.rate.guessed and sent.number <= known.cap.held
    return "rate" if met else ""


def pace_at_limit(sent: Sent, known: Blame) -> str:
    """A send that went at the measured limit was refused for it, unless its number was again it."""
    return "rate" if sent.paced and not known.same_number(sent) else ""


def number(sent: Sent, known: Blame) -> str:  # noqa: ARG001  the last rule always speaks
    """Nothing else explains it: so many were never accepted."""
    return "cap"


RULES: tuple[Callable[[Sent, Blame], str], ...] = (
    by_chance,
    far_below,
    free_again,
    pace_at_limit,
    number,
)


class Blame:
    """Finds whom a refusal speaks to, by what is known of the limits and of the latest refusals."""

    def __init__(self, cap: Cap, rate: RateLimit, chance: Chance) -> None:
        self.cap = cap
        self.rate = rate
        self.chance = chance
        self.rule = ""  # that decided last, in words
        self._numbers = deque[int](maxlen=SAME)  # of the latest that went at the measured limit

    def of(self, sent: Sent) -> str:
        """The name of the limit."""
        if sent.paced:
            self._numbers.append(sent.number)
        for rule in RULES:
            if name := rule(sent, self):
                self.rule = rule.__name__.replace("_", " ")
                break
        return name

    def same_number(self, sent: Sent) -> bool:
        """Whether it is the third in a row at one number, which nothing exceeds."""
        near = 1 + self.cap.fuzz
        again = all(abs(number - sent.number) <= near for number in self._numbers)
        return again and len(self._numbers) == SAME and sent.number >= self.cap.held
