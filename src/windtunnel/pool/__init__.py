"""Endpoints and the dispatcher: which endpoint takes the next request."""

from windtunnel.pool.dispatcher import Dispatcher
from windtunnel.pool.records import Ask, EndpointState, Event, Hedge, Job, Supply
from windtunnel.wire.transport import Transport

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
