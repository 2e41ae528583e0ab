"""Plans made wrong in a known way: seven flaws, three severities, pure functions."""

from stormproof.suites.workflows.flaws.applying import apply_flaw
from stormproof.suites.workflows.flaws.misuse import LOOK_ALIKES
from stormproof.suites.workflows.flaws.neighbours import Surroundings

__all__ = ["LOOK_ALIKES", "Surroundings", "apply_flaw"]
