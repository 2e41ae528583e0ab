"""Charts that answer a question each, drawn from the tables with their intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import altair as alt
from msgspec import Struct
from msgspec.structs import replace

from stormproof.report.chart_drawing import CONFIG, INK, MUTED, SERIES
from stormproof.report.report_table import ReportTable, Value, visible
from stormproof.stats import Contrast, Rate

Record = dict[str, Any]

WIDTH: Final = 640
_ROW: Final = 26
_MOST_LINES: Final = 5
_MOST_COLOURS: Final = 8
_FEWEST_PAIRS: Final = 10
_BY_PLACE: Final = alt.EncodingSortField(field="place", op="min")


class Chart(Struct, frozen=True):
    """A Vega-Lite specification with the question that it answers; `key` names its files."""

    key: str
    question: str
    caption: str
    spec: dict[str, Any]


def charts_of(tables: Sequence[ReportTable]) -> tuple[Chart, ...]:
    """The charts that these tables have data for."""
    by_key = {table.key: table for table in tables}
    drawn = ((by_key[key], draw(by_key[key])) for key, draw in _DRAWN.items() if key in by_key)
    return tuple(_located(chart, table.cells) for table, chart in drawn if chart)


def _located(chart: Chart, cells: str) -> Chart:
    """With the sentence that says over which conditions its rates are."""
    return replace(chart, caption=f"{chart.caption} {cells}") if cells else chart


def finished(chart: Any) -> dict[str, Any]:
    """A chart in the report's look, as a specification."""
    spec: dict[str, Any] = chart.to_dict()
    return spec | {"config": CONFIG}


def data(records: Sequence[Record]) -> alt.Data:
    """Records as inline data; no text in them can steer a reader."""
    safe = [{k: visible(v) if isinstance(v, str) else v for k, v in r.items()} for r in records]
    return alt.Data(values=safe)  # type: ignore[no-untyped-call]  # altair leaves it untyped


def percent(field: str, title: str) -> alt.X:
    """A share on the x axis, 0 to 100 %."""
    return alt.X(
        field,
        title=title,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", tickCount=6),
    )


def _success(table: ReportTable) -> Chart | None:
    records = [
        _interval(row["success %"])
        | {"model": row["model"], "ceiling": _finite(row["ceiling %"])}
        | {"holds": "audit:" not in row["flags"]}
        for row in rows_of(table)
        if _known(row["success %"])
    ]
    if not records:
        return None
    best_first = [r["model"] for r in sorted(records, key=lambda r: -r["estimate"])]
    base = alt.Chart(data(_placed(records, "model", best_first))).encode(
        y=alt.Y("model:N", title=None, sort=_BY_PLACE)
    )
    ceiling = base.mark_tick(thickness=3, size=18, color=INK).encode(x="ceiling:Q")
    colour = alt.condition("datum.holds", alt.value(SERIES[0]), alt.value(MUTED))
    chart = alt.layer(ceiling, *_intervals(base, colour))
    doubt = " Grey: the audit says that the figure is not a result." * (
        not all(record["holds"] for record in records)
    )
    return Chart(
        "success",
        "How much of what is possible does each model reach?",
        "Dot and line: full success with its 95 % interval. Upright tick: the ceiling, the best "
        f"that any agent could reach.{doubt}",
        finished(_sized(chart, _row_count(records, "model"))),
    )


def _rates(table: ReportTable) -> Chart | None:
    records = [
        _interval(row["success %"])
        | {
            "model": row["model"],
            "rate": float(row["tool success rate"]),
            "ceiling": _finite(row["ceiling %"]),
        }
        for row in rows_of(table)
        if _known(row["success %"])
    ]
    if len({record["rate"] for record in records}) < 2:  # noqa: PLR2004  a curve
        return None
    base = alt.Chart(data(_dodged(records))).encode(
        x=alt.X(
            "rate:Q",
            title="tool success rate",
            scale=alt.Scale(zero=False, nice=False, padding=20),
            axis=_rate_axis(records),
        )
    )
    framed = _row_count(records, "model") > _MOST_LINES
    colour = alt.value(SERIES[0]) if framed else _colour("model", records)
    ceiling = base.mark_line(strokeDash=[5, 4], color=MUTED).encode(y="mean(ceiling):Q")
    spread = base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(
        x="beside:Q", y=alt.Y("low:Q", title=None), y2="high:Q", color=colour
    )
    lines = base.mark_line(strokeWidth=2).encode(x="beside:Q", y=_success_axis(), color=colour)
    dots = base.mark_point(filled=True, size=45, opacity=1).encode(
        x="beside:Q", y=alt.Y("estimate:Q", title=None), color=colour
    )
    chart = alt.layer(ceiling, spread, lines, dots)
    return Chart(
        "reliability",
        "How does success fall as tools fail more often?",
        "Lines: full success with 95 % intervals at each tool success rate. Dashed: the ceiling.",
        finished(_curves(chart, records)),
    )


def _scale(table: ReportTable) -> Chart | None:
    return _dots(
        table,
        "difficulty",
        Chart(
            "scale",
            "How does success change with difficulty?",
            "Full success with its 95 % interval; upright ticks are ceilings.",
            {},
        ),
    )


def _prompts(table: ReportTable) -> Chart | None:
    return _dots(
        table,
        "prompt type",
        Chart(
            "prompts",
            "How much does the wording of the prompt matter?",
            "Full success with its 95 % interval; upright ticks are ceilings.",
            {},
        ),
    )


def _task_types(table: ReportTable) -> Chart | None:
    return _dots(
        table,
        "task type",
        Chart(
            "task_types",
            "Which kinds of task are hard?",
            "Full success with its 95 % interval; upright ticks are ceilings.",
            {},
        ),
    )


def _dots(table: ReportTable, by: str, chart: Chart) -> Chart | None:
    """Model beside model within each value of `by`, in the table's order."""
    records = [
        _interval(row["success %"])
        | {"model": row["model"], by: row[by], "ceiling": _finite(row["ceiling %"])}
        for row in rows_of(table)
        if _known(row["success %"])
    ]
    order = list(dict.fromkeys(record[by] for record in records))
    if len(order) < 2:  # noqa: PLR2004  nothing to compare
        return None
    drawn = _beside(records, by, order)
    return Chart(chart.key, chart.question, chart.caption, finished(drawn))


def _beside(
    records: Sequence[Record], by: str, order: Sequence[str], title: str = "full success"
) -> Any:
    """A mark for each model within each value of `by`: by colour while these can be told apart.

    Beyond that a frame for each value, with the models' names at its side.
    """
    source = alt.Chart(data(_placed(records, by, order)))
    models = _row_count(records, "model")
    is_coloured = models <= _MOST_COLOURS
    if is_coloured:
        y = alt.Y(f"{by}:N", title=None, sort=_BY_PLACE)
        base = source.encode(y=y, yOffset=alt.YOffset("model:N"))
        marks = _intervals(base, _colour("model", records), title)
    else:
        base = source.encode(y=alt.Y("model:N", title=None))
        marks = _intervals(base, alt.value(SERIES[0]), title)
    if "ceiling" in records[0]:
        tick = base.mark_tick(thickness=2, size=9, color=INK).encode(x="ceiling:Q")
        marks = [tick, *marks]
    drawn = alt.layer(*marks)
    if is_coloured:
        return _sized(drawn, len(order) * max(1.0, 0.6 * models))
    header = alt.Header(labelAnchor="start")
    facet = alt.Facet(f"{by}:N", title=None, sort=_BY_PLACE, header=header)
    return _sized(drawn, 0.7 * models).facet(facet=facet, columns=1)


def _flaws(table: ReportTable) -> Chart | None:
    records = [
        {
            "model": row["model"],
            "flaw": row["flaw"],
            "retention": row["retention"].estimate,
            "text": f"{row['retention'].estimate:.2f}",
            "bounds": f"{row['retention'].low:.2f}–{_bounded(row['retention'].high)}",
        }
        for row in rows_of(table)
        if _known(row["retention"]) and row["tasks paired"] >= _FEWEST_PAIRS
    ]
    if not records:
        return None
    flaws = list(dict.fromkeys(record["flaw"] for record in records))
    base = alt.Chart(data(_placed(records, "flaw", flaws))).encode(
        x=alt.X(
            "flaw:N",
            title=None,
            sort=_BY_PLACE,
            axis=_bare_axis(labelAngle=-30),
        ),
        y=alt.Y("model:N", title=None, axis=_bare_axis()),
    )
    shade = alt.Scale(
        domain=[0, 0.5, 1], range=["#8c2d19", "#f0c9a6", "#d9edf5"], clamp=True, interpolate="rgb"
    )
    cells = base.mark_rect(cornerRadius=4).encode(
        color=alt.Color("retention:Q", scale=shade, legend=None)
    )
    dark_cell = alt.condition("datum.retention < 0.3", alt.value("#ffffff"), alt.value("#10161d"))
    figure = base.mark_text(fontSize=13, fontWeight="bold", dy=-6).encode(
        text="text:N", color=dark_cell
    )
    bounds = base.mark_text(fontSize=10, dy=9).encode(text="bounds:N", color=dark_cell)
    chart = alt.layer(cells, figure, bounds).properties(
        width=max(90, min(120, WIDTH // len(flaws))) * len(flaws),
        height=46 * _row_count(records, "model"),
    )
    return Chart(
        "flaws",
        "What does each flaw in the plan cost?",
        "Retention: success under the flawed plan divided by success under the correct one, with "
        "its 95 % interval. 1 means that the flaw costs nothing.",
        finished(chart),
    )


def _errors(table: ReportTable) -> Chart | None:
    categories = [c.title for c in table.columns if c.kind == "percent"]
    records = [
        _interval(row[title]) | {"model": row["model"], "category": title.removesuffix(" %")}
        for row in rows_of(table)
        for title in categories
        if _known(row[title])
    ]
    if not records:
        return None
    totals = Counter[str]()
    for record in records:
        totals[record["category"]] += record["estimate"]
    order = sorted(totals, key=lambda category: -totals[category])
    return Chart(
        "errors",
        "Why did episodes fall short?",
        "Share of scored episodes in each error category with its 95 % interval.",
        finished(_beside(records, "category", order, "share of scored episodes")),
    )


_DRAWN: Final[Mapping[str, Callable[[ReportTable], Chart | None]]] = {
    "overall": _success,
    "task_types": _task_types,
    "scale": _scale,
    "flaws": _flaws,
    "rates": _rates,
    "prompts": _prompts,
    "errors": _errors,
}


def rows_of(table: ReportTable) -> list[dict[str, Any]]:
    """Rows by the titles of their columns."""
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


def _known(value: Value) -> bool:
    return isinstance(value, Rate | Contrast) and math.isfinite(value.estimate)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _bounded(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "∞"


def _interval(rate: Rate) -> Record:
    return {"estimate": rate.estimate, "low": rate.low, "high": rate.high}


def _row_count(records: Sequence[Record], name: str) -> int:
    return len({record[name] for record in records})


def _placed(records: Sequence[Record], field: str, order: Sequence[str]) -> list[Record]:
    """Records with their place in an order: Vega would make code of texts that it is to sort by."""
    return [record | {"place": order.index(record[field])} for record in records]


def _colour(field: str, records: Sequence[Record]) -> Any:
    if _row_count(records, field) == 1:
        return alt.value(SERIES[0])
    return alt.Color(f"{field}:N", title=None, legend=alt.Legend(columns=3))


def _intervals(base: alt.Chart, colour: Any, title: str = "full success") -> list[alt.Chart]:
    line = base.mark_rule(strokeWidth=2, opacity=0.75).encode(
        x=percent("low:Q", title), x2="high:Q", color=colour
    )
    dot = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("estimate:Q", title=title), color=colour
    )
    return [line, dot]


def _sized(chart: Any, rows: float) -> Any:
    return chart.properties(width=WIDTH, height=max(40, round(_ROW * rows)))


def _success_axis() -> alt.Y:
    return alt.Y(
        "estimate:Q",
        title="full success",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", grid=True, tickCount=6),
    )


def _rate_axis(records: Sequence[Record]) -> alt.Axis:
    return alt.Axis(format=".0%", grid=False, values=sorted({r["rate"] for r in records}))


def _bare_axis(**more: Any) -> alt.Axis:
    return alt.Axis(domain=False, ticks=False, **more)


def _dodged(records: Sequence[Record]) -> list[Record]:
    """Models a little beside each other, so that intervals at one rate do not hide another."""
    models = sorted({record["model"] for record in records})
    rates = [record["rate"] for record in records]
    step = 0.012 * (max(rates) - min(rates)) * (len(models) <= _MOST_LINES)
    middle = (len(models) - 1) / 2
    return [
        record | {"beside": record["rate"] + step * (models.index(record["model"]) - middle)}
        for record in records
    ]


def _curves(chart: Any, records: Sequence[Record]) -> Any:
    """All lines in one frame while the eye can tell them apart, else a frame for each model."""
    if _row_count(records, "model") <= _MOST_LINES:
        return chart.properties(width=WIDTH, height=280)
    small = chart.properties(width=170, height=130)
    return small.facet(facet=alt.Facet("model:N", title=None), columns=3)
