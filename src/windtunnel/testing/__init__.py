"""Public test doubles: models that say what a script tells them, and hypothesis strategies.

`windtunnel.testing.strategies` needs hypothesis, which only developers have.
"""

from windtunnel.testing.models import ScriptedModel, asking

__all__ = ["ScriptedModel", "asking"]
