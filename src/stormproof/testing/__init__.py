"""Public test doubles: nothing here needs a network, a key or a disk. See docs/api.md.

`stormproof.testing.records` makes records to build tests on; `stormproof.testing.strategies`
has hypothesis strategies for them, and needs hypothesis, which only developers have.
"""

from stormproof.testing.memory_store import MemoryStore
from stormproof.testing.models import ScriptedModel, asking
from stormproof.testing.simulated_transport import SimulatedTransport

__all__ = ["MemoryStore", "ScriptedModel", "SimulatedTransport", "asking"]
