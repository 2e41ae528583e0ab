"""Plans made wrong in a known way: seven flaws, three severities, pure functions."""

from windtunnel.suite.flaws.applying import apply_flaw
from windtunnel.suite.flaws.drifts import DRIFTS
from windtunnel.suite.flaws.misuse import LOOK_ALIKES

__all__ = ["DRIFTS", "LOOK_ALIKES", "apply_flaw"]
