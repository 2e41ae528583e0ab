"""Public test doubles: scripted models, small real records, hypothesis strategies.

`stormproof.testing.records` makes records to build tests on; `stormproof.testing.strategies`
needs hypothesis, which only developers have.
"""

from stormproof.testing.models import ScriptedModel, asking

__all__ = ["ScriptedModel", "asking"]
