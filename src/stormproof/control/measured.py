"""What was measured at an endpoint so far: the yardsticks of everything that waits or grows."""

from __future__ import annotations

FIRST_CONFIRM_S = 0.3  # no refusal within this time is an acceptance, until refusals prove slower
SLOWER = 1.3  # × the slowest refusal
FALLEN = 0.8  # × what was believed: the limit has fallen, and may come back
RECENT_S = 1.0  # time constant of the recent rate of acceptance


class Measured:
    """Shared by the limits of one endpoint; whoever hears something first keeps it here."""

    def __init__(self) -> None:
        self.confirm_s = FIRST_CONFIRM_S  # after it, silence is an acceptance; it only rises
        self.recent_rps = 0.0  # requests/s accepted of late, as of the last acceptance
        self._accepted_at = 0.0

    def accepted(self, now: float) -> None:
        """Follow the rate of acceptance."""
        keep = max(0.0, 1 - (now - self._accepted_at) / RECENT_S)
        self._accepted_at = now
        self.recent_rps = self.recent_rps * keep + 1 / RECENT_S

    def refused(self, after_s: float) -> None:
        """A refusal took so long."""
        self.confirm_s = max(self.confirm_s, SLOWER * after_s)
