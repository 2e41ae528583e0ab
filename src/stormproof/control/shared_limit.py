"""A limit that several endpoints share and nobody declared: an experiment finds it.

- Refusals within a second are one incident. `SUSPECTED` of them, of several endpoints, are worth an
  experiment. Those where a share is known to be refused by chance do not count.
- In an experiment the endpoint refused last sends for all, at `PART` of the pace at which all were
  let through, and of what they had in flight; the others pause. A limit that they share has let
  through more, and refuses none: each send that is known to have passed before the next one makes
  it faster. A limit of the endpoint's own lets through no more than its part of that, or than it
  did just now: two or three refusals end the experiment.
- Where it finds no shared limit, the next one takes `MORE` times as many incidents, more where it
  was `DEAR`, and another endpoint.
- Once a limit is to blame, a controller of its own for all of them hears of all sends and of the
  refusals, and grants; the endpoints' own go on from 'none met'.
- A limit that is shared lets through no less once it is known: where `LESS` of it is left, it was
  none, as after an experiment that found none.
- Where refusals of such a limit fall on one endpoint, again and again and by its share of the sends
  hardly by chance, that has a limit of its own, and answers for its refusals itself. When half of
  them do, the blame is theirs again, too.
"""

from __future__ import annotations

from math import inf

from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Fate, Sent, View
from stormproof.control.measured import RECENT_S
from stormproof.control.pace import Pace
from stormproof.domain.pool import Limits, Start

INCIDENT_S = 1.0  # refusals so close together are one incident
SUSPECTED, MORE = 4, 2  # incidents
DEAR = 10.0  # so many for each second that an experiment has cost: it costs a tenth at most
PART, FEW = 0.9, 4  # of all that passed, and was in flight; requests, of both at least
REST_S = 0.05  # until what the others sent has arrived; and between looks at whether it is over
OFF = 1.15  # × what passed of its own, at most, a limit of the endpoint's own lets through
PROOF = 7.0  # requests beyond what that limit can have let through since it refused,
WEIGHT = 5.0  # and so many more for each refusal
LONGEST = 10.0  # × the time that proof takes at least: it tells nothing
CERTAIN = 1e4  # to one that refusals do not all fall on one endpoint by chance
LESS = 0.4  # of all that passed before it was blamed: where no more does, it was none
TRIED_S, TRIED = 20.0, 60.0  # after so long, and as many requests would have taken by that pace


class Experiment:
    """One endpoint sends for all that may share a limit, which has just refused it."""

    def __init__(self, member: Member, refused: Sent, rate: float, now: float) -> None:
        members = member.limit.members
        share = (member.accepted + 1) / (sum(x.accepted for x in members) + len(members))
        # Who sends. Never changes.
        self.member = member
        # Requests a second that all were let through. Never changes.
        self.rate = rate
        # Sends go at it, from when what the others sent has arrived. PART of the rate at least.
        self.pace = Pace(PART * rate)
        self.pace.due = now + max(REST_S, 1 / rate)
        # Requests a second that a limit of the endpoint's own lets through at most, by what passed
        # so far or, as limits rise, just now; and when it refused. Never change.
        self._own = OFF * max(share * rate, member.measured.recent_rps - 1 / RECENT_S)
        self._empty_at = refused.at
        # What its own window, if it has one, lets through at once where it begins anew meanwhile.
        # Never changes.
        self._anew = member.window.units if member.window.known else 0.0
        # All that may be in flight at PART of the rate; more as the pace grows. Never changes.
        self._most = max(FEW, PART * sum(x.in_flight for x in members))
        # How long a proof takes at least. Never changes.
        self._proof_s = REST_S + PROOF / rate
        # When it is over at the latest. Never changes.
        self._until = now + LONGEST * self._proof_s
        # Its sends, in order, each once.
        self.sends: list[Sent] = []

    def ready_at(self, now: float) -> float:
        """The earliest instant for a send; while all slots are taken, for another look."""
        in_flight = sum(each.in_flight for each in self.member.limit.members)
        faster = self.pace.rate / (PART * self.rate)
        if in_flight + 1 > self._most * faster and self.member.in_flight:
            self.pace.due = max(self.pace.due, now)
            return now + REST_S
        return self.pace.ready_at

    def is_over(self, now: float) -> bool:
        """Whether it has lasted for too long, or has no more to send."""
        return now > min(self._until, self.pace.due + self._proof_s)

    def cost_s(self, now: float) -> float:
        """How long all would have taken for what was not let through meanwhile."""
        return now - self._empty_at - len(self._accepted) / self.rate

    def sent(self, sent: Sent, now: float) -> None:
        """A send of the experiment goes. Nothing grows by it."""
        if self.sends and all(each.fate is Fate.ACCEPTED for each in self.sends):
            self.pace.rate *= PART**-2  # from below what passed to above
        self.pace.spend(now)
        self.sends.append(sent)
        sent.doubtful = True

    def refused(self) -> None:
        """A send of the experiment was refused: two steps back, to below what passed before it."""
        self.pace.rate = max(PART**4 * self.pace.rate, PART * self.rate)

    @property
    def found(self) -> str:
        """Whose limit it is, `shared` or `own`; `nothing` where it goes no faster than that."""
        accepted = self._accepted
        refused = sum(sent.fate is Fate.REFUSED for sent in self.sends)
        surplus = len(accepted) - WEIGHT * refused
        if surplus <= -PROOF:
            return "own"
        proof = PROOF + self._anew
        if accepted and surplus >= proof + self._own * (accepted[-1].at - self._empty_at):
            return "shared"
        more = len(self.sends) - 1
        slow = more > PROOF and more < self._own * (self.sends[-1].at - self.sends[0].at)
        return "nothing" if slow else ""

    @property
    def _accepted(self) -> list[Sent]:
        return [sent for sent in self.sends if sent.fate is Fate.ACCEPTED]


class SharedLimit:
    """A limit of several endpoints' key that nobody declared: suspected, then to blame.

    Each `Member` tells of its sends, and asks what it grants while it is to blame.
    """

    def __init__(self, name: str, start: Start | None = None) -> None:
        # What the limit is of, as shown: `key p/env:K`. Never changes.
        self.name = name
        # Names of the models that meet here, each once, in the endpoints' order. Set by
        # `limits_above` before the first send; never changes afterwards.
        self.models: list[str] = []
        # What was found, while the limit is to blame for refusals; None otherwise. There from the
        # start where an earlier run has left it; set by `blame`, cleared by `_acquit`.
        self.learned: Adaptive | None = None
        # The controllers of all endpoints below. Each joins as it is made.
        self.members: list[Member] = []
        # When the first send of the latest incident went; -inf before the first.
        self._began = -inf
        # Incidents since the last experiment, or acquittal; who was refused in them.
        self._incidents = 0
        self._refused: set[Member] = set()
        # How many are worth an experiment: SUSPECTED; each that finds none, or acquittal, makes it
        # MORE times as many at least.
        self._needs: float = SUSPECTED
        # The experiment under way; None while it is to blame.
        self.experiment: Experiment | None = None
        # Who sent in the last experiment: another one is to send in the next.
        self._tried: Member | None = None
        # When the second of these incidents began, and requests accepted of what went before.
        # They mean nothing until then. Once it is to blame, the same of when it was found.
        self._since = 0.0, 0.0
        # Requests a second that were let through then; 0 until it was found.
        self._rate = 0.0
        # Who was refused last since it was last blamed; and how unlikely it is, as odds, that all
        # refusals since another one was fell on it by chance.
        self._last: Member | None = None
        self._odds = 1.0
        if start:
            self.blame(0.0, start)

    def suspect(self, member: Member, sent: Sent, now: float) -> None:
        """Note a refusal nobody answers for yet: it may be worth an experiment."""
        self._refused.add(member)
        if sent.at > self._began + INCIDENT_S:
            if self._incidents == 1:
                self._since = now, self._accepted
            self._began = sent.at
            self._incidents += 1
        enough = self._incidents >= self._needs and len(self._refused) > 1
        again = member is self._tried and self._incidents < MORE * self._needs
        if self.experiment or not enough or again:
            return
        since, before = self._since
        passed = self._accepted - before
        if passed >= FEW:
            self.experiment = Experiment(member, sent, passed / max(now - since, INCIDENT_S), now)

    def settle(self, now: float) -> None:
        """Follow the experiment, if there is one, to its end."""
        if (experiment := self.experiment) is None:
            return
        found = experiment.found
        if found == "shared":
            self._since, self._rate = (now, self._accepted), experiment.rate
            self.blame(now)
        elif found or experiment.is_over(now):
            self._acquit()
            self._tried = experiment.member
            if found != "nothing":
                self._needs = max(self._needs, DEAR * experiment.cost_s(now))

    def blame(self, now: float, start: Start | None = None) -> None:
        """From now on the limit has a controller, which knows of all that is in flight."""
        self.experiment = self._last = None
        self.learned = Adaptive(Limits(), start or Start())
        self.learned.queue.refuses = True  # what is slower at another endpoint is none
        for member in self.members:
            member.blamed_above(self.learned, now)

    def refused(self, member: Member, now: float) -> None:
        """Weigh a refusal that the limit answers for: has the endpoint one of its own?"""
        if self._lets_less_through(now):
            self._acquit()
            return
        if member is not self._last:
            self._last, self._odds = member, 1.0
        sends = sum(m.sends + 1 for m in self.members if not m.own)
        self._odds *= sends / (member.sends + 1)
        if self._odds >= CERTAIN:
            member.own = True
            if sum(not m.own for m in self.members) > len(self.members) / 2:
                self.blame(now)
            else:
                self._acquit()

    def _lets_less_through(self, now: float) -> bool:
        """Whether much less passes than before it was found."""
        since, before = self._since
        tried = self._rate > 0 and now - since > max(TRIED_S, TRIED / self._rate)
        return tried and self._accepted - before < LESS * self._rate * (now - since)

    @property
    def _accepted(self) -> float:
        """Requests of all members so far."""
        return sum(member.accepted for member in self.members)

    def _acquit(self) -> None:
        self.learned = self.experiment = None
        self._incidents = 0
        self._refused.clear()
        self._needs *= MORE
        for member in self.members:
            member.own = False


class Member(Adaptive):
    """An endpoint's controller under a limit that it may share: grants what both grant."""

    def __init__(
        self,
        limit: SharedLimit,
        limits: Limits,
        start: Start = Start(),  # noqa: B008  it is frozen
    ) -> None:
        super().__init__(limits, start)
        # What it may share with others; `self` is among its members. Never changes.
        self.limit = limit
        # Whether it answers for its refusals itself, whatever the limit. Set by the limit alone.
        self.own = False
        # Sends since the limit was last blamed (before that: since the start).
        self.sends = 0
        # For each send that has not ended, what stands for it at the learned limit. It is the
        # present one's, or None where that has been none since the send went.
        self._above: dict[Sent, Sent | None] = {}
        limit.members.append(self)

    @property
    def accepted(self) -> float:
        """Requests known to be accepted so far."""
        return self.rate.flow.requests

    def ready_at(self, now: float) -> float:
        """See `Controller`."""
        limit = self.limit
        ready = super().ready_at(now)
        limit.settle(now)
        if experiment := limit.experiment:
            if experiment.member is not self:
                return max(ready, now + REST_S)
            return max(experiment.ready_at(now), self.allowed_at(now))
        above = limit.learned
        return ready if above is None else max(ready, above.ready_at(now))

    def sent(self, now: float, tokens: float) -> Sent:
        """See `Controller`."""
        experiment, above = self.limit.experiment, self.limit.learned
        sent = super().sent(now, tokens)
        if experiment and experiment.member is self:
            experiment.sent(sent, now)
        self._above[sent] = above.sent(now, tokens) if above else None
        self.sends += 1
        return sent

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """See `Controller`."""
        super().answered(sent, now, tokens, output_tokens)
        if (above := self._above.pop(sent)) and self.limit.learned:
            self.limit.learned.answered(above, now, tokens, output_tokens)

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """See `Controller`."""
        limit, above = self.limit, self._above.pop(sent)
        if limit.experiment and sent in limit.experiment.sends:
            self.pardoned(sent, now)
            limit.experiment.refused()
            limit.settle(now)
        elif limit.learned and above and not self.own:
            super().abandoned(sent, now)
            limit.learned.refused(above, now, told_s)
            limit.refused(self, now)
        else:
            super().refused(sent, now, told_s)
            if limit.learned and above:
                limit.learned.abandoned(above, now)
            elif not self.chance.share:  # else it would have been refused all the same
                limit.suspect(self, sent, now)

    def failed(self, sent: Sent, now: float, why: str) -> None:
        """See `Controller`."""
        super().failed(sent, now, why)
        self._abandon_above(sent, now)

    def abandoned(self, sent: Sent, now: float) -> None:
        """See `Controller`."""
        super().abandoned(sent, now)
        self._abandon_above(sent, now)

    def view(self) -> View:
        """See `Controller`."""
        own, limit = super().view(), self.limit
        if limit.experiment:
            return own._replace(decision=f"{limit.name}: one sends for all")
        if limit.learned is None:
            return own
        above = limit.learned.view()
        state = above.state if own.state == "open" else own.state
        decision = f"{limit.name}: {above.decision}"
        return own._replace(state=state, decision=decision, rule=above.rule)

    def blamed_above(self, above: Adaptive, now: float) -> None:
        """The limit is to blame for what was refused: believe in none of one's own."""
        if not self.own:
            self.forget(now)
        self.sends = 0
        for sent in self._above:
            self._above[sent] = above.sent(now, sent.tokens)

    def _abandon_above(self, sent: Sent, now: float) -> None:
        if (above := self._above.pop(sent)) and self.limit.learned:
            self.limit.learned.abandoned(above, now)
