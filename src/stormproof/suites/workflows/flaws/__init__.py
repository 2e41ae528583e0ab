"""Plans made wrong in a known way: seven flaws, three severities, pure functions."""

from stormproof.suites.workflows.flaws.applying import apply_flaw
from stormproof.suites.workflows.flaws.drifts import DRIFTS
from stormproof.suites.workflows.flaws.misuse import LOOK_ALIKES

__all__ = ["DRIFTS", "LOOK_ALIKES", "apply_flaw"]
