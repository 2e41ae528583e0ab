"""Endpoints and the dispatcher: which endpoint takes the next request."""

from stormproof.pool.dispatcher import Dispatcher
from stormproof.pool.endpoint import EndpointState
from stormproof.pool.jobs import Ask, Job, Supply
from stormproof.pool.lost import Hedge
from stormproof.pool.scheduler import Event
from stormproof.wire.transport import Transport

__all__ = [
    "Ask",
    "Dispatcher",
    "EndpointState",
    "Event",
    "Hedge",
    "Job",
    "Supply",
    "Transport",
]
