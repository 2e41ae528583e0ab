from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stormproof.report.pool_samples import carried, read_samples
from stormproof.store import SOURCE_SAMPLES


def write(path: Path, *samples: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(map(json.dumps, samples)))


def sample(name: str, t: float, in_flight: int, refused: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": name, "t": t, "in_flight": in_flight, "refused": refused, **more}


def test_what_endpoints_reached_together(tmp_path: Path) -> None:
    """Peaks of different moments do not add up; counts of a second run begin again."""
    write(
        tmp_path / "pool.jsonl",
        sample("a", 1, 5), sample("b", 1, 1), sample("a", 2, 2, 3), sample("b", 2, 3, 1),
        sample("a", 3, 0, 3, discarded=2), sample("b", 3, 0, 1),
        sample("a", 1, 1, 4), sample("b", 1, 1),
    )  # fmt: skip
    runs = read_samples(tmp_path)
    assert len(runs) == 2
    both = carried(runs, {"a", "b"})
    assert (both.peak, both.refused, both.discarded) == (6, 3 + 1 + 4, 2)
    assert both.active_s == 2 + 1
    assert carried(runs, {"a"}).peak == 5
    assert carried(runs, {"none"}).active_s == 0


def test_merged_folders_ran_at_the_same_time(tmp_path: Path) -> None:
    for machine in ("one", "two"):
        write(tmp_path / SOURCE_SAMPLES / f"{machine}.jsonl", sample("a", 4, 5, 1))
    found = carried(read_samples(tmp_path), {"a"})
    assert (found.peak, found.active_s, found.refused) == (10, 4, 2)
