"""Probe: what one endpoint takes and refuses, found out with a few small calls."""

from stormproof.probe.asking import probe_pool
from stormproof.probe.endpoint_findings import MOST_CALLS, Cost, Findings, Mend, cost_of
from stormproof.probe.pool_edit import PoolEdit, edit_pool

__all__ = [
    "MOST_CALLS",
    "Cost",
    "Findings",
    "Mend",
    "PoolEdit",
    "cost_of",
    "edit_pool",
    "probe_pool",
]
