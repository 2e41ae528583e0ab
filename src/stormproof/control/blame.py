"""Whom a refusal speaks to: rules, each with its reason, of which the first that speaks decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from stormproof.control.cap import Cap
from stormproof.control.chance import Chance
from stormproof.control.controller import Sent
from stormproof.control.rate import RateLimit
from stormproof.control.window import Window

SAME = 3  # refusals at one number in flight speak to the cap


class Case:
    """One refusal, and what was known when it was heard.

    `below` is by how much its number stays under what was accepted of late.
    """

    def __init__(
        self,
        sent: Sent,
        cap: Cap,
        rate: RateLimit,
        window: Window,
        chance: Chance,
    ) -> None:
        self.sent = sent
        self.cap = cap
        self.rate = rate
        self.window = window
        self.chance = chance
        self.below = cap.held - sent.number
        self.same_number = False  # the third in a row at one number, which nothing exceeds


def by_chance(case: Case) -> str:
    """A share is refused whatever the load, or a rush is to show whether one is."""
    return "chance" if case.chance.excuses(case.sent, case.rate.pace) else ""


def used_up(case: Case) -> str:
    """A window of the server's clock that is used up, or has not begun, refuses at any pace."""
    return "window" if case.window.refused() else ""


def far_below(case: Case) -> str:
    """A number well below what was accepted of late is no cap: it was the rate."""
    return "rate" if case.below >= 2 * case.cap.fuzz else ""


def free_again(case: Case) -> str:
    """A slot that was free again and is refused, while a rate is guessed at: it was the rate."""
    met = case.cap.believed < inf and case.rate.guessed and case.sent.number <= case.cap.held
    return "rate" if met else ""


def pace_at_limit(case: Case) -> str:
    """A send that went at the measured limit was refused for it, unless its number was again it."""
    return "rate" if case.sent.paced and not case.same_number else ""


def number(case: Case) -> str:  # noqa: ARG001  the last rule always speaks
    """Nothing else explains it: so many were never accepted."""
    return "cap"


RULES: tuple[Callable[[Case], str], ...] = (
    by_chance,
    used_up,
    far_below,
    free_again,
    pace_at_limit,
    number,
)


class Blame:
    """Finds whom a refusal speaks to, and remembers what the rules compare it with."""

    def __init__(self) -> None:
        self.rule = ""  # that decided last, in words
        self._numbers = deque[int](maxlen=SAME)  # of the latest that went at the measured limit

    def of(self, case: Case) -> str:
        """The name of the limit."""
        sent = case.sent
        if sent.paced:
            self._numbers.append(sent.number)
            near = 1 + sent.number / 50
            again = all(abs(number - sent.number) <= near for number in self._numbers)
            again = again and len(self._numbers) == SAME
            case.same_number = again and sent.number >= case.cap.held
        for rule in RULES:
            if name := rule(case):
                self.rule = rule.__name__.replace("_", " ")
                break
        return name
