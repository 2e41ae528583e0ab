"""Public test doubles: scripted models, small real records, hypothesis strategies.

`windtunnel.testing.records` makes records to build tests on; `windtunnel.testing.strategies`
needs hypothesis, which only developers have.
"""

from windtunnel.testing.models import ScriptedModel, asking

__all__ = ["ScriptedModel", "asking"]
