"""How many tasks a paired difference needs before it is seen."""

from __future__ import annotations

import math

from scipy import optimize, stats


def tasks_needed(
    difference: float,
    *,
    discordance: float | None = None,
    correlation: float = 0.5,
    rate: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int:
    """Tasks at which McNemar's test finds `difference` with this power.

    n = (z_α/2·sqrt(ψ) + z_β·sqrt(ψ - δ²))² / δ² with ψ the share of discordant pairs (Connor
    1987, Biometrics 43:207). Where ψ is not known it follows from the mean rate and the
    correlation between paired outcomes: ψ = p(1-q) + q(1-p) - 2ρ·sqrt(p(1-p)q(1-q)).
    """
    delta = abs(difference)
    psi = _discordance(delta, rate, correlation) if discordance is None else discordance
    psi = max(psi, delta)
    z_alpha, z_beta = float(stats.norm.ppf(1 - alpha / 2)), float(stats.norm.ppf(power))
    root = z_alpha * math.sqrt(psi) + z_beta * math.sqrt(max(0.0, psi - delta * delta))
    return math.ceil((root / delta) ** 2)


def detectable_difference(
    tasks: int,
    *,
    correlation: float = 0.5,
    rate: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """The smallest difference that so many tasks show with this power; 1.0 where none is."""

    def excess(delta: float) -> float:
        needed = tasks_needed(delta, correlation=correlation, rate=rate, power=power, alpha=alpha)
        return needed - tasks

    if excess(1.0) > 0:
        return 1.0
    return float(optimize.brentq(lambda d: excess(d) - 0.5, 1e-4, 1.0, xtol=1e-4))


def _discordance(delta: float, rate: float, correlation: float) -> float:
    p = min(1.0, max(0.0, rate + delta / 2))
    q = min(1.0, max(0.0, p - delta))
    both = 2 * correlation * math.sqrt(p * (1 - p) * q * (1 - q))
    return p * (1 - q) + q * (1 - p) - both
