"""A worker: answers its driver's questions, and runs a dispatcher for each lease that it has."""

from __future__ import annotations

from collections import deque
from functools import partial

import anyio
import msgspec
from anyio.abc import TaskGroup

from stormproof.backends.desk import Episodes, dispatcher_of
from stormproof.backends.lease_clock import LeaseClock
from stormproof.backends.worker_protocol import (
    Beginning,
    Delivery,
    DeliveryKind,
    Grant,
    Haul,
    Lease,
    Pull,
    Want,
)
from stormproof.domain.calls import Request, Verdict
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial
from stormproof.episode import Reread
from stormproof.plan import RunOptions
from stormproof.pool import Dispatcher, EndpointState, Event
from stormproof.store.record_lines import decode, encode
from stormproof.wire import Transport

LINGER_S = 0.02  # an answer waits so long, from the one before it, for more to go with it
BEAT_S = 0.25  # and at most so long where there is nothing to say
STATES_EVERY_S = 1.0
FADING = 0.98  # of the trials kept ready, from one answer to the next: half in a second or two
MOST_WANTED = 256  # trials of a model that are asked for at once
STOPPED = "stopped: "


class Fence:
    """The transport of one lease. A send waits while the worker's time is over, or for good."""

    def __init__(self, transport: Transport, clock: LeaseClock) -> None:
        # As given; they never change.
        self._transport = transport
        self._clock = clock
        # Whether the lease is another's now: it is not renewed, though the worker's time may be.
        self._is_shut = False
        # Set to wake whoever waits for the lease; a new one each time.
        self._renewed = anyio.Event()

    def renew(self) -> None:
        """The clock may be further: let those who wait look at it."""
        self._renewed.set()
        self._renewed = anyio.Event()

    def shut(self) -> None:
        """Nothing is sent any more, not even by who runs on for a moment before it is cancelled."""
        self._is_shut = True

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """See `Transport.send`; the wait for a lease is not part of the time limit."""
        while self._is_shut or not self._clock.is_valid(anyio.current_time()):
            await self._renewed.wait()
        return await self._transport.send(endpoint, request, timeout_s=timeout_s, attempt=attempt)


class Outbox:
    """Items that the driver has not acknowledged, and who waits for that."""

    def __init__(self) -> None:
        # In order of their serials, without gaps.
        self.items: list[Delivery] = []
        # Set when there is something to say.
        self.news = anyio.Event()
        # By serial: each of an item in `items` whose sender waits.
        self._waiting: dict[int, anyio.Event] = {}
        # The last serial given.
        self._serial = 0

    def add(self, epoch: int, trial_id: str, kind: DeliveryKind, index: int, record: bytes) -> int:
        """Add an item; its serial."""
        self._serial += 1
        self.items.append(Delivery(self._serial, epoch, trial_id, kind, index, record))
        self.news.set()
        return self._serial

    async def kept(self, serial: int) -> None:
        """Return when the item is acknowledged."""
        self._waiting[serial] = event = anyio.Event()
        try:
            await event.wait()
        finally:
            self._waiting.pop(serial, None)

    def acknowledge(self, acked: int) -> None:
        """Items up to this serial are kept."""
        known = [item.serial for item in self.items if item.serial <= acked]
        del self.items[: len(known)]
        for serial in known:
            if event := self._waiting.get(serial):
                event.set()


class TrialStock:
    """Trials of one model (and share) that were granted and have not begun."""

    def __init__(self) -> None:
        # Oldest first.
        self.trials = deque[Trial]()
        # Taken since the last answer, and whether any was asked for in vain.
        self.taken = 0
        self.ran_dry = False
        # How many are to be here: more each time that they ran out, and slowly fewer, since a slot
        # that waits for a trial to come is lost.
        self._level = 1.0

    def want(self) -> int:
        """How many more to ask for, negative for too many; once for each answer."""
        doubled = 2 * self._level if self.ran_dry else 0.0
        self._level = min(MOST_WANTED, max(1.0, FADING * self._level, doubled, 2.0 * self.taken))
        self.taken, self.ran_dry = 0, False
        return round(self._level) - len(self.trials)


class LeaseDesk:
    """The desk of one lease: stands for the driver's."""

    def __init__(self, epoch: int, outbox: Outbox, left: dict[str, int]) -> None:
        # As given; they never change.
        self.epoch = epoch
        self._outbox = outbox
        # The driver's counts of trials that nobody has; the worker keeps it up to date.
        self._left = left
        # By model and share; made when first asked for, or given.
        self.stocks: dict[tuple[str, int | None], TrialStock] = {}
        # Journalled turns of trials in a stock or under way: of those that have any.
        self._turns: dict[str, tuple[bytes, ...]] = {}
        # Trials ever given under this lease: one that comes twice counts once.
        self._known: set[str] = set()
        # Trials that were taken and have not been left.
        self.under_way = 0

    def give(self, grant: Grant) -> None:
        """The driver grants a trial."""
        trial = grant.trial
        if trial.trial_id in self._known:
            return
        self._known.add(trial.trial_id)
        if grant.turns:
            self._turns[trial.trial_id] = grant.turns
        self._stock(trial.model, grant.shard).trials.append(trial)

    def give_back(self, model: str) -> None:
        """Nobody here can begin the model's trials: the driver gets them back."""
        for (name, _), stock in self.stocks.items():
            if name == model:
                self._return(stock, len(stock.trials))

    def wants(self) -> list[Want]:
        """What could be begun soon. Of what anybody may begin, more than that goes back."""
        found = list[Want]()
        for (model, shard), stock in self.stocks.items():
            count = stock.want()
            if count > 0:
                found.append(Want(self.epoch, model, shard, count))
            elif shard is None:
                self._return(stock, -count)
        return found

    def _return(self, stock: TrialStock, count: int) -> None:
        """The driver gets the youngest ones back."""
        for _ in range(count):
            trial_id = stock.trials.pop().trial_id
            self._known.discard(trial_id)
            self._turns.pop(trial_id, None)
            self._outbox.add(self.epoch, trial_id, "returned", 0, b"")

    # --- what a dispatcher's episodes ask of a desk ----------------------------------------

    def take(self, model: str, shard: int | None) -> Trial | None:
        """See `Desk.take`."""
        stock = self._stock(model, shard)
        if not stock.trials:
            stock.ran_dry = True
            self._outbox.news.set()
            return None
        stock.taken += 1
        self.under_way += 1
        return stock.trials.popleft()

    def remaining(self, model: str) -> int:
        """See `Desk.remaining`. Never 0: a trial may come back to the driver at any time."""
        own = sum(len(stock.trials) for key, stock in self.stocks.items() if key[0] == model)
        return max(1, own + self._left.get(model, 0))

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """See `Desk.journalled`."""
        return tuple(decode(record, Turn) for record in self._turns.pop(trial_id, ()))

    async def turn(self, trial: Trial, turn: Turn) -> None:
        """See `Desk.turn`."""
        await self._send(trial, "turn", turn, turn.index)

    async def reread(self, trial: Trial, reread: Reread) -> None:
        """See `Desk.reread`."""
        await self._send(trial, "reread", reread)

    async def episode(self, episode: Episode) -> None:
        """See `Desk.episode`. Its turns are with the driver."""
        bare = msgspec.structs.replace(episode, turns=())
        await self._send(episode.trial, "episode", bare, len(episode.turns))

    def left(self, trial: Trial) -> None:
        """See `Desk.left`."""
        del trial
        self.under_way -= 1
        self._outbox.news.set()

    async def _send(
        self, trial: Trial, kind: DeliveryKind, record: msgspec.Struct, index: int = 0
    ) -> None:
        serial = self._outbox.add(self.epoch, trial.trial_id, kind, index, encode(record))
        await self._outbox.kept(serial)

    def _stock(self, model: str, shard: int | None) -> TrialStock:
        return self.stocks.setdefault((model, shard), TrialStock())


class _Post:
    """One lease at work."""

    def __init__(self, desk: LeaseDesk, fence: Fence, dispatcher: Dispatcher) -> None:
        # Never change.
        self.desk = desk
        self.fence = fence
        self.dispatcher = dispatcher
        # Cancelled when the lease is over.
        self.scope = anyio.CancelScope()
        # Models none of whose endpoints is usable; only grows.
        self.dead: set[str] = set()
        # Whether it begins nothing more.
        self.is_draining = False

    def end(self) -> None:
        """The lease is over."""
        self.fence.shut()
        self.scope.cancel()


class Worker:
    """Everything of a worker but its link. Call `answer` once for each question, in order.

    What it does runs in `tasks`, which its owner cancels.
    """

    def __init__(self, beginning: Beginning, transport: Transport, tasks: TaskGroup) -> None:
        # As given; they never change.
        self._tasks = tasks
        self._options = msgspec.json.decode(beginning.options, type=RunOptions)
        self._simulated = beginning.simulated
        self._transport = transport
        self._lease_clock = LeaseClock(beginning.lease_s)
        self._outbox = Outbox()
        # By epoch: the leases that it has.
        self._posts: dict[int, _Post] = {}
        # See `LeaseDesk`.
        self._left: dict[str, int] = {}
        # Since the last answer.
        self._events: list[Event] = []
        # When the last answer was given, and states went with one.
        self._answered_at = self._stated_at = 0.0

    async def answer(self, pull: Pull) -> Haul:
        """Do what the question says, and answer it when there is something to say."""
        self._reconcile(pull)
        self._lease_clock.asked(pull.round)
        for post in self._posts.values():
            post.fence.renew()
        with anyio.move_on_after(BEAT_S):
            await self._outbox.news.wait()
            await anyio.sleep(max(0.0, self._answered_at + LINGER_S - anyio.current_time()))
        return self._answer(pull.round)

    def _reconcile(self, pull: Pull) -> None:
        """End what is no longer held, begin what is new."""
        for epoch in self._posts.keys() - set(pull.held):
            self._posts.pop(epoch).end()
        self._outbox.acknowledge(pull.acked)
        self._left.clear()
        self._left.update(pull.left)
        for lease in pull.leases:
            if lease.epoch in pull.held and lease.epoch not in self._posts:
                self._begin(lease)
        for grant in pull.trials:
            if post := self._posts.get(grant.epoch):
                post.desk.give(grant)
        for epoch in {grant.epoch for grant in pull.trials} & self._posts.keys():
            self._posts[epoch].dispatcher.look_again()
        for epoch in pull.draining:
            self._drain(self._posts[epoch])

    def _begin(self, lease: Lease) -> None:
        hear = partial(self._hear, lease.epoch)
        fence = Fence(self._transport, self._lease_clock)
        dispatcher = dispatcher_of(lease.endpoints, fence, self._options, hear)
        desk = LeaseDesk(lease.epoch, self._outbox, self._left)
        self._posts[lease.epoch] = post = _Post(desk, fence, dispatcher)
        self._tasks.start_soon(self._serve, post)

    async def _serve(self, post: _Post) -> None:
        episodes = Episodes(post.desk, self._options.seed, simulated=self._simulated)
        with post.scope:
            await post.dispatcher.run(episodes)
        self._outbox.news.set()

    def _drain(self, post: _Post) -> None:
        if not post.is_draining:
            post.is_draining = True
            post.dispatcher.drain()

    def _hear(self, epoch: int, event: Event) -> None:
        self._events.append(event)
        post = self._posts.get(epoch)
        if post is None or event.kind != "stopped":
            return
        living = {s.model for s in post.dispatcher.snapshot() if not s.state.startswith(STOPPED)}
        post.dead |= {state.model for state in post.dispatcher.snapshot()} - living

    def _answer(self, number: int) -> Haul:
        now = anyio.current_time()
        for post in self._posts.values():
            for model in post.dead:
                post.desk.give_back(model)
        self._outbox.news = anyio.Event()
        events, self._events = tuple(self._events), []
        answer = Haul(
            round=number,
            items=tuple(self._outbox.items),
            wants=tuple(
                want
                for post in self._posts.values()
                if not post.is_draining
                for want in post.desk.wants()
                if want.model not in post.dead
            ),
            dead=tuple((epoch, model) for epoch, p in self._posts.items() for model in p.dead),
            drained=tuple(
                e for e, p in self._posts.items() if p.is_draining and not p.desk.under_way
            ),
            states=self._states(now),
            events=events,
        )
        self._lease_clock.answered(number, now)
        self._answered_at = now
        return answer

    def _states(self, now: float) -> tuple[tuple[int, EndpointState], ...]:
        if now - self._stated_at < STATES_EVERY_S:
            return ()
        self._stated_at = now
        return tuple(
            (epoch, state)
            for epoch, post in self._posts.items()
            for state in post.dispatcher.snapshot()
        )
