"""Who may send where, and which turn of which trial comes next: the driver's memory of workers.

No I/O and no clock: whoever drives it says what was heard, and when. It decides four things:
which worker leases which endpoints, which of a worker's items count, when a worker is given up,
and what is to be given out again then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, exp

from msgspec.structs import replace

from stormproof.backends.worker_protocol import Delivery, Grant, Haul, Lease, Pull, Want
from stormproof.domain.pool import Endpoint, Start
from stormproof.domain.trials import Trial

STARTING_S = 60.0  # until a worker is to speak: where many start, a busy machine takes its time
PACE_S = 5.0  # time constant of a unit's pace
WORTH_MOVING = 20  # trials that must be left for a unit to move to an idle worker


class Unit:
    """Endpoints that are leased together: those that share a limit, or a model."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        # Never change.
        self.endpoints = tuple(endpoints)
        self.models = tuple(dict.fromkeys(endpoint.model for endpoint in endpoints))
        # The worker that has the lease, and the lease's epoch. Set together, by `Ledger._lease`
        # and `_free`; None and 0 while nobody has it.
        self.worker: str | None = None
        self.epoch = 0
        # By model: trials that are out under the lease.
        self.out = Counter[str]()
        # Turns/s that were brought under the lease, of late, and when that was last reckoned.
        self.pace = self.paced_at = 0.0
        # To be given up by its worker for another; cleared when it is free.
        self.is_draining = False
        # Models none of whose endpoints here is usable. A new lease tries them anew.
        self.dead: set[str] = set()

    def brought(self, turns: int, now: float) -> None:
        """So many turns more came."""
        self.pace *= exp((self.paced_at - now) / PACE_S)
        self.pace += turns / PACE_S
        self.paced_at = now


class _Seat:
    """One worker, as the driver knows it."""

    def __init__(self, heard_at: float) -> None:
        # Rounds asked so far.
        self.round = 0
        # When it was last heard, or when it is to have started; its patience runs from here.
        self.heard_at = heard_at
        # Highest serial that was heard, and the one up to which all is kept: acked ≤ heard.
        self.heard = self.acked = 0
        # Epochs of leases that it is known to know; what else it holds is told in each question.
        self.knows: set[int] = set()
        # Granted, and not known to have arrived.
        self.granted: list[Grant] = []
        # What its last answer said it could use.
        self.wants: tuple[Want, ...] = ()
        # Turns of its that counted. It only grows.
        self.turns = 0
        # Whether nothing more can be asked of it, though it may still go on: it is given nothing
        # new, and is given up when it is overdue. Never unset.
        self.is_cut = False
        # Whether it was given up. It may come back, with nothing.
        self.is_lost = False


class _Out:
    """A trial that a worker has."""

    __slots__ = ("epoch", "next_turn", "trial")

    def __init__(self, trial: Trial, epoch: int, next_turn: int) -> None:
        # Never change.
        self.trial = trial
        self.epoch = epoch
        # Index of the turn that counts next.
        self.next_turn = next_turn


class Ledger:
    """See the module. A unit has one worker at most, and a trial one lease at most."""

    def __init__(self, units: Iterable[Sequence[Endpoint]], patience_s: float) -> None:
        # Never change.
        self.units = [Unit(endpoints) for endpoints in units]
        self._patience_s = patience_s
        # By epoch: the units that a worker has.
        self._leased: dict[int, Unit] = {}
        # By the worker's name; none is ever taken out.
        self._seats: dict[str, _Seat] = {}
        # By trial id: what is out. Each is under the epoch of a unit that a worker has.
        self._out: dict[str, _Out] = {}
        # The last epoch given; it only grows.
        self._epoch = 0
        # By endpoint id: what its owners' controllers had learned, as last heard from one.
        self._learned: dict[str, Start] = {}
        # Items that did not count: of a lease that was over, or out of turn. It only grows.
        self.rejected = 0

    # --- workers ---------------------------------------------------------------------------

    def join(self, worker: str, now: float) -> None:
        """A worker is there, with nothing; it may still be starting."""
        self._seats[worker] = _Seat(now + STARTING_S)

    @property
    def live(self) -> list[str]:
        """Workers that have not been given up."""
        return [name for name, seat in self._seats.items() if not seat.is_lost]

    @property
    def _at_hand(self) -> list[str]:
        """Workers that can be given something new."""
        return [name for name in self.live if not self._seats[name].is_cut]

    def has_worked(self, worker: str) -> bool:
        """Whether anything was ever heard of a trial from it."""
        return self._seats[worker].heard > 0

    def turns(self, worker: str) -> int:
        """How many turns of the worker's counted."""
        return self._seats[worker].turns

    def cut(self, worker: str) -> None:
        """Nothing can be asked of the worker any more; that it has ended is not known."""
        self._seats[worker].is_cut = True

    def overdue(self, now: float) -> list[str]:
        """Workers that have been silent for longer than the driver's patience."""
        return [n for n in self.live if now - self._seats[n].heard_at > self._patience_s]

    def forgive(self, now: float) -> None:
        """Nobody could be heard for a while: everyone's patience runs from now."""
        for name in self.live:
            self._seats[name].heard_at = max(now, self._seats[name].heard_at)

    def lose(self, worker: str) -> list[Trial]:
        """Give a worker up: its units are free, and its trials to be given out again."""
        seat = self._seats[worker]
        seat.is_lost = True
        seat.granted.clear()
        return [trial for unit in self.held(worker) for trial in self._free(unit)]

    def held(self, worker: str) -> list[Unit]:
        """Units that the worker has."""
        return [unit for unit in self.units if unit.worker == worker]

    # --- leases ----------------------------------------------------------------------------

    def lease(self, left: Mapping[str, int]) -> None:
        """Lease every free unit: that with the most trials left first, to the idlest worker."""
        free = [unit for unit in self.units if unit.worker is None]
        load = {name: sum(_left(u, left) for u in self.held(name)) for name in self._at_hand}
        for unit in sorted(free, key=lambda unit: -_left(unit, left)):
            if not load:
                return
            worker = min(load, key=lambda name: (load[name], len(self.held(name))))
            self._lease(unit, worker)
            load[worker] += _left(unit, left)

    def rebalance(self, left: Mapping[str, int]) -> None:
        """Where a worker has nothing left, let one that has several units give one up for it."""
        if any(unit.is_draining or unit.worker is None for unit in self.units):
            return
        worth = {w: [u for u in self.held(w) if _left(u, left)] for w in self._at_hand}
        idle = [worker for worker, units in worth.items() if not units]
        busy = max(worth, key=lambda w: len(worth[w]), default="")
        if idle and busy and len(worth[busy]) > 1:
            unit = min(worth[busy], key=lambda unit: _left(unit, left))
            unit.is_draining = _left(unit, left) >= WORTH_MOVING

    def _lease(self, unit: Unit, worker: str) -> None:
        self._epoch += 1
        unit.worker, unit.epoch, unit.is_draining = worker, self._epoch, False
        unit.pace = 0.0
        unit.dead.clear()
        self._leased[unit.epoch] = unit

    def _free(self, unit: Unit) -> list[Trial]:
        trials = [out.trial for out in self._out.values() if out.epoch == unit.epoch]
        for trial in trials:
            del self._out[trial.trial_id]
        del self._leased[unit.epoch]
        unit.worker, unit.epoch, unit.is_draining = None, 0, False
        unit.out.clear()
        return trials

    # --- trials ----------------------------------------------------------------------------

    @property
    def out(self) -> int:
        """Trials that workers have."""
        return len(self._out)

    def trial(self, trial_id: str) -> Trial:
        """A trial that a worker has."""
        return self._out[trial_id].trial

    def wants(self, worker: str) -> list[Want]:
        """What the worker could use, under leases that it has and that are to go on."""
        goes_on = {u.epoch for u in self.held(worker) if not u.is_draining}
        return [want for want in self._seats[worker].wants if want.epoch in goes_on]

    def room(self, want: Want, left: int) -> int:
        """How many trials the want may be given, of `left` that nobody has.

        Of a model's last ones each unit holds as large a part as its pace is of all paces, so that
        all units come to their end together.
        """
        model = want.model
        sharing = [u for u in self.units if u.worker and model in u.models and model not in u.dead]
        out = sum(unit.out[model] for unit in sharing)
        if want.shard is not None or len(sharing) == 1 or left > out:
            return want.count
        unit, paces = self._leased[want.epoch], sum(unit.pace for unit in sharing)
        part = unit.pace / paces if paces else 1 / len(sharing)
        more = ceil((left + out) * part) - unit.out[model]
        return min(want.count, max(more, not unit.out[model]))

    def grant(self, worker: str, grant: Grant) -> None:
        """Give the worker a trial with its next question."""
        trial = grant.trial
        self._out[trial.trial_id] = _Out(trial, grant.epoch, len(grant.turns))
        self._leased[grant.epoch].out[trial.model] += 1
        self._seats[worker].granted.append(grant)

    def is_dead(self, model: str) -> bool:
        """Whether no endpoint of the model is usable, wherever it is."""
        having = [unit for unit in self.units if model in unit.models]
        return all(model in unit.dead for unit in having)

    def has_died(self, epoch: int, model: str) -> bool:
        """Whether the model has no usable endpoint under this lease, but has elsewhere."""
        here = any(u.epoch == epoch and model in u.dead for u in self.units)
        return here and not self.is_dead(model)

    # --- questions and answers -------------------------------------------------------------

    def pull(self, worker: str, left: dict[str, int], *, drain: bool = False) -> Pull:
        """The worker's next question."""
        seat, held = self._seats[worker], self.held(worker)
        seat.round += 1
        seat.wants = ()
        seat.granted = [g for g in seat.granted if any(g.epoch == unit.epoch for unit in held)]
        return Pull(
            round=seat.round,
            acked=seat.acked,
            held=tuple(unit.epoch for unit in held),
            leases=tuple(self.lease_of(unit) for unit in held if unit.epoch not in seat.knows),
            trials=tuple(seat.granted),
            left=left,
            draining=tuple(unit.epoch for unit in held if unit.is_draining or drain),
        )

    def lease_of(self, unit: Unit) -> Lease:
        """The lease, with what the endpoints' owners before had learned."""
        return Lease(
            unit.epoch,
            tuple(
                replace(endpoint, start=self._learned.get(endpoint.endpoint_id, endpoint.start))
                for endpoint in unit.endpoints
            ),
        )

    def hear(self, worker: str, answer: Haul, asked: Pull, now: float) -> list[Delivery]:
        """An answer came: what of it counts, to be kept and then to be `acknowledge`d.

        One that comes after its worker was given up brings it back, with nothing: none of its
        items counts.
        """
        seat = self._seats[worker]
        seat.heard_at, seat.is_lost = now, False
        seat.knows = set(asked.held)
        del seat.granted[: len(asked.trials)]
        seat.wants = answer.wants
        units = {unit.epoch: unit for unit in self.held(worker)}
        for epoch, model in answer.dead:
            if epoch in units:
                units[epoch].dead.add(model)
        for epoch, state in answer.states:
            if epoch in units and state.learned != Start():
                self._learned[state.endpoint_id] = state.learned
        counting = [item for item in answer.items if self._counts(seat, item, units)]
        turns = Counter(item.epoch for item in counting if item.kind == "turn")
        seat.turns += turns.total()
        for epoch, unit in units.items():
            unit.brought(turns[epoch], now)
        seat.heard = max([seat.heard, *(item.serial for item in answer.items)])
        return counting

    def acknowledge(self, worker: str) -> None:
        """All that was heard of the worker is kept, or does not count."""
        seat = self._seats[worker]
        seat.acked = seat.heard

    def end(self, trial_id: str) -> Trial:
        """The trial has ended, or is to be given out again."""
        out = self._out.pop(trial_id)
        self._leased[out.epoch].out[out.trial.model] -= 1
        return out.trial

    def drained(self, worker: str, answer: Haul) -> list[Trial]:
        """Free the units that were to be given up and have come to rest; their open trials."""
        resting = [u for u in self.held(worker) if u.is_draining and u.epoch in answer.drained]
        return [trial for unit in resting for trial in self._free(unit)]

    def _counts(self, seat: _Seat, item: Delivery, units: Mapping[int, Unit]) -> bool:
        """Whether the item is new, of a lease in force, of a trial given under it, and in turn."""
        if item.serial <= seat.heard:
            return False
        out = self._out.get(item.trial_id)
        if out is None or item.epoch not in units or out.epoch != item.epoch:
            self.rejected += 1
            return False
        if item.kind == "turn":
            if item.index != out.next_turn:
                self.rejected += 1
                return False
            out.next_turn += 1
        return True


def _left(unit: Unit, left: Mapping[str, int]) -> int:
    return sum(left.get(model, 0) for model in unit.models)
