"""Endpoints and the dispatcher: which endpoint takes the next request."""

from stormproof.pool.dispatcher import Dispatcher
from stormproof.pool.records import Ask, EndpointState, Event, Hedge, Job, Supply
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
