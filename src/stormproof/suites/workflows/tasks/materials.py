"""Data of other shapes than tables of a month: logs, proposals, weekly counts, contacts."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from msgspec import Struct

from stormproof.suites.workflows.tasks.ledger import Row
from stormproof.suites.workflows.tasks.months import Month
from stormproof.suites.workflows.tasks.stock import in_form, line_of

_IDEAS = (
    "new shelving", "second scanner", "staff training", "better lighting", "spare parts",
    "safety audit", "customer survey", "label printer", "data clean-up", "quiet room",
    "loading ramp", "backup line", "web redesign", "tool cabinet", "night shift cover",
)  # fmt: skip
STAGES = ("cleared", "open", "refused")
"""How far a proposal is; the first may be had."""
SITES = ("Harbour", "Airport", "Old Town", "Riverside", "Hilltop")
"""Where proposals come from; those of the first count."""
_CLEARED, *_NOT_YET = STAGES
SITE, *_OTHER_SITES = SITES
_FIRST = ("Ada", "Bilal", "Chiara", "Dmitri", "Esra", "Femi", "Greta", "Hugo", "Ines", "Jonas",
          "Kaja", "Liam", "Mara", "Nils", "Oona", "Pavel")  # fmt: skip
_LAST = ("Adeyemi", "Berg", "Costa", "Dvorak", "Eklund", "Fischer", "Grant", "Horvat",
         "Iversen", "Jansen", "Kovacs", "Lindt", "Moreau", "Novak")  # fmt: skip
_OFFICES = ("duty", "hotline", "office", "control", "dispatch", "nightshift")
CITIES = ("Ghent", "Oslo", "Porto", "Graz", "Leeds", "Turku", "Lyon", "Gdansk", "Trieste")
_MOST_TRIES = 50
_QUIET = ("started a worker", "request served", "cache warmed", "backup finished",
          "session closed", "index rebuilt", "health check passed")  # fmt: skip


def log_text(rng: Random, month: Month, lines: int) -> str:
    """A server's log in which nothing happens."""
    day = month.day(rng.randrange(1, 29))
    clock = sorted(rng.randrange(86_400) for _ in range(lines))
    return "".join(
        f"{day} {t // 3600:02d}:{t // 60 % 60:02d}:{t % 60:02d} INFO {rng.choice(_QUIET)}"
        f" in {rng.randrange(3, 900)} ms\n"
        for t in clock
    )


def with_line(rng: Random, text: str, line: str) -> str:
    """The text with a line put somewhere into it."""
    lines = text.splitlines()
    at = rng.randrange(1, len(lines))
    return "\n".join([*lines[:at], f"{lines[at][:19]} {line}", *lines[at + 1 :]]) + "\n"


def proposals(rng: Random, candidates: int, uncleared: int, elsewhere: int) -> list[Row]:
    """Ideas with a price in thousand EUR and points: `candidates` are cleared, and of SITE.

    Costs are in halves, exact in binary, so that sums are too.
    """
    stages = [_CLEARED] * candidates + [rng.choice(_NOT_YET) for _ in range(uncleared)]
    stages += rng.choices(STAGES, k=elsewhere)
    sites = [SITE] * (candidates + uncleared) + rng.choices(_OTHER_SITES, k=elsewhere)
    order = list(range(len(stages)))
    rng.shuffle(order)
    costs = rng.choices(range(5, 80), k=len(order))
    points = rng.choices(range(11, 99), k=len(order))
    ideas = rng.choices(_IDEAS, k=len(order))
    return [
        {
            "proposal": f"P{number:04d}",
            "idea": ideas[at],
            "site": sites[at],
            "status": stages[at],
            "cost": costs[at] / 2,
            "points": points[at],
        }
        for number, at in enumerate(order, 1)
    ]


def best_choice(rows: Sequence[Row], budget: float) -> list[Row] | None:
    """The choice with the most points within the budget, or None where two are equally good.

    All subsets are tried, which is not how the tool does it.
    """
    subsets: list[tuple[float, int, tuple[int, ...]]] = [(0.0, 0, ())]
    for at, row in enumerate(rows):
        more = [(c + row["cost"], p + row["points"], (*s, at)) for c, p, s in subsets]
        subsets += [each for each in more if each[0] <= budget]
    most = max(points for _, points, _ in subsets)
    best = [chosen for _, points, chosen in subsets if points == most]
    return [rows[at] for at in best[0]] if len(best) == 1 else None


def settle_budget(rng: Random, rows: Sequence[Row]) -> tuple[float, list[Row]]:
    """A round budget that leaves one best choice, and that choice."""
    whole = sum(row["cost"] for row in rows)
    for _ in range(_MOST_TRIES):
        budget = float(round(whole * rng.uniform(0.3, 0.7)))
        best = best_choice(rows, budget)
        if best:
            return budget, best
    return float(round(whole + 1)), list(rows)  # there is always one for everything


def outcome(best: Sequence[Row]) -> dict[str, Any]:
    """What a best choice comes to."""
    points = sum(row["points"] for row in best)
    return {"total_value": points, "total_cost": sum(r["cost"] for r in best), "chosen": list(best)}


class Trend(Struct, frozen=True):
    """A straight line over weeks that are counted from 0."""

    column: str
    slope: int
    first: int
    weeks: int

    def rows(self) -> list[Row]:
        """The counts of each week. A week is a text, so that there is one way to fit the counts."""
        return [
            {"week": f"W{at + 1:02d}", self.column: self.first + self.slope * at}
            for at in self._span()
        ]

    def _span(self, ahead: int = 0) -> range:
        return range(self.weeks, self.weeks + ahead) if ahead else range(self.weeks)

    def ahead(self, weeks: int) -> dict[str, Any]:
        """What a fit says of it: the points lie on the line, so nothing has to be fitted."""
        return {
            "field": self.column,
            "slope": self.slope,
            "intercept": self.first,
            "r_squared": 1,
            "predictions": [self.first + self.slope * at for at in self._span(weeks)],
        }


def trend(rng: Random, column: str, weeks: int) -> Trend:
    """Some line that stays above zero."""
    return Trend(column, rng.choice((2, 3, 4, 5, 6, 7, 9)), rng.randrange(80, 400), weeks)


def address(rng: Random, house: str) -> str:
    """Somebody's address: a person's or a desk's."""
    if rng.random() < 0.25:  # noqa: PLR2004  one in four
        return f"{rng.choice(_OFFICES)}@{house}"
    return f"{rng.choice(_FIRST).lower()}.{rng.choice(_LAST).lower()}@{house}"


def contacts(rng: Random, size: int) -> list[Row]:
    """Nested records of people, each with a company and an address."""
    firsts, lasts = rng.choices(_FIRST, k=size), rng.choices(_LAST, k=size)
    cities, rooms = rng.choices(CITIES, k=size), rng.choices(range(1, 480), k=size)
    return [
        {
            "id": f"C-{number:04d}",
            "name": f"{first} {last}",
            "company": {"id": f"P-{rng.randrange(1000, 9999)}", "city": city},
            "reach": {"phone": f"+99 {rng.randrange(10**7, 10**8)}", "room": room},
        }
        for number, (first, last, city, room) in enumerate(
            zip(firsts, lasts, cities, rooms, strict=True), 1
        )
    ]


def as_json(value: Sequence[Row]) -> str:
    """JSON with one record a line, as people like to look at it."""
    return in_form("json", (), [line_of("json", each) for each in value])
