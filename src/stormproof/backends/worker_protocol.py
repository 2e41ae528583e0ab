"""What a driver and a worker say to each other: one question, one answer, at any time.

Both are msgpack. Records stand in them as the journal has them, so a driver need not look inside.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial
from stormproof.pool import EndpointState, Event


class Lease(Struct, frozen=True):
    """Endpoints that one worker alone may send to, under an epoch that no other lease ever has."""

    epoch: int
    endpoints: tuple[Endpoint, ...]


class Grant(Struct, frozen=True):
    """A trial to be run under a lease. `turns` are its journalled records; `shard` as asked for."""

    epoch: int
    trial: Trial
    turns: tuple[bytes, ...] = ()
    shard: int | None = None


class Pull(Struct, frozen=True):
    """The driver's question. `round` counts from 1; asking it proves that the last answer came.

    Items up to `acked` are kept. `held` are all epochs that the worker has: it ends what is in
    none of them. `leases` and `trials` are what it may not know yet; either may be met twice.
    `left` counts each model's trials that nobody has been given. `draining` epochs begin nothing
    more.
    """

    round: int
    acked: int
    held: tuple[int, ...]
    leases: tuple[Lease, ...] = ()
    trials: tuple[Grant, ...] = ()
    left: dict[str, int] = {}
    draining: tuple[int, ...] = ()


class Want(Struct, frozen=True):
    """So many more trials of the model would be begun soon, under the lease."""

    epoch: int
    model: str
    shard: int | None
    count: int


DeliveryKind = Literal["turn", "reread", "episode", "returned"]


class Delivery(Struct, frozen=True):
    """Something that came of a trial. `serial` counts the worker's items from 1.

    `index` is a turn's, and `record` the turn, the `Reread` or the episode as JSON. A trial that
    is `returned` was not begun.
    """

    serial: int
    epoch: int
    trial_id: str
    kind: DeliveryKind
    index: int = 0
    record: bytes = b""


class Haul(Struct, frozen=True):
    """The worker's answer: all items that are not acknowledged, and what it could use.

    `dead` are (epoch, model) none of whose endpoints is usable any more; `drained` are epochs
    under which nothing is under way, and nothing begun. `states` come about once a second.
    """

    round: int
    items: tuple[Delivery, ...] = ()
    wants: tuple[Want, ...] = ()
    dead: tuple[tuple[int, str], ...] = ()
    drained: tuple[int, ...] = ()
    states: tuple[tuple[int, EndpointState], ...] = ()
    events: tuple[Event, ...] = ()


class Beginning(Struct, frozen=True):
    """What a worker is told before the first question. `secrets`: key reference → value.

    `options` are the run's, as JSON. A worker may send for `lease_s` after what `LeaseClock` says.
    """

    name: str
    options: bytes
    secrets: dict[str, str]
    simulated: bool
    lease_s: float


encode = msgspec.msgpack.Encoder().encode
decode_pull = msgspec.msgpack.Decoder(Pull).decode
decode_haul = msgspec.msgpack.Decoder(Haul).decode
decode_beginning = msgspec.msgpack.Decoder(Beginning).decode
