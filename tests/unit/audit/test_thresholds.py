from __future__ import annotations

from pathlib import Path

from stormproof.audit import MEASURES, Measure

PAGE = Path(__file__).parents[3] / "docs" / "report.md"
WHOLES = {"episodes": "episodes", "turns": "turns", "calls": "turns with a call"}


def as_documented(measure: Measure) -> str:
    then = "flag alone" if measure.verdict == "sound" else measure.verdict
    cells = (f"`{measure.column}`", measure.counts, WHOLES[measure.of], measure.flag)
    return f"| {' | '.join(cells)} | {100 * measure.threshold:g} % | {then} |"


def test_the_page_has_every_column_with_its_flag_and_threshold() -> None:
    table = PAGE.read_text().partition("| column | counts |")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == [as_documented(measure) for measure in MEASURES]


def test_no_two_columns_look_alike() -> None:
    assert len({measure.column for measure in MEASURES}) == len(MEASURES)
    assert len({measure.flag for measure in MEASURES}) == len(MEASURES)
