"""What the records come to: a line for each group, or one figure, and what follows from it."""

from __future__ import annotations

from typing import Any

from stormproof.suites.workflows.tasks import ledger
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.wording import code, listed, plain
from stormproof.suites.workflows.tasks.works import side_table

_FIGURES = {"sum": "total", "mean": "mean", "max": "greatest", "min": "smallest"}


def _by_group(s: Scene, function: str) -> None:
    column = s.measure
    name = ledger.measure(function, column)
    what = (
        "the number of records"
        if function == "count"
        else f"the {_FIGURES[function]} {code(column)}"
    )
    field: dict[str, Any] = {} if function == "count" else {"field": column}
    handle = s.do(
        "data_processing_aggregator",
        "work out the figures by group",
        words=f"work out {what} for each {code(s.group)}, as {code(s.group)} and {code(name)}",
        makes="the table",
        function=function,
        group_by=s.group,
        **field,
        **s.named(),
    )
    kind = (
        "number of records" if function == "count" else f"{_FIGURES[function]} {s.column(column)}"
    )
    s.say("by_group", kind=kind, names=f"{code(s.group)} and {code(name)}", exact=code(column))
    s.take("groups", ledger.summary(s.rows, s.group, function, column), "the table", handle)
    s.measure = name


@stage(1)
def totals(s: Scene) -> None:
    """The sum for each group."""
    _by_group(s, "sum")


@stage(1)
def means(s: Scene) -> None:
    """The mean for each group."""
    _by_group(s, "mean")


@stage(1)
def counts(s: Scene) -> None:
    """The number of records in each group."""
    _by_group(s, "count")


@stage(1)
def extremes(s: Scene) -> None:
    """The greatest in each group."""
    _by_group(s, "max")


@stage(5, sides=True)
def behind_targets(s: Scene) -> None:
    """The groups that missed the target that a second table has for them."""
    if s.shape != "groups":
        totals.work(s)
    group, measure, rows = s.group, s.measure, s.rows
    ranked = sorted(row[measure] for row in rows)
    middle = ranked[len(ranked) // 2]
    targets = {}
    for place, row in enumerate(s.rng.sample(rows, len(rows))):
        factor = s.rng.uniform(1.05, 1.4) if place % 2 == 0 else s.rng.uniform(0.6, 0.95)
        targets[row[group]] = {group: row[group], "target": round(max(1, row[measure] * factor), 0)}
    known = [targets[row[group]] for row in rows]
    others = [{**each, "target": round(middle, 0)} for each in known]
    hand, it = s.hand, s.it
    table = side_table(s, "targets", f"{s.subject.stem}_targets", known, others, "the targets")
    s.do(
        "data_processing_transformer",
        "add the targets",
        words=f"add the {code('target')} of each {code(group)}",
        reads=it,
        makes="the table with the targets",
        operations=[{"op": "join", "table": table, "fields": [group]}],
        input=hand,
    )
    handle = s.do(
        "data_processing_filter",
        "keep those below their target",
        words=f"keep only those whose {code(measure)} is below the {code('target')}",
        makes="those below their target",
        where=f"{measure} < target",
    )
    s.say(
        "behind_targets",
        folder=code("targets"),
        path=code(s.side_path),
        names=listed([code(n) for n in (group, measure, "target")]),
    )
    kept = [
        {**row, **targets[row[group]]}
        for row in rows
        if row[measure] < targets[row[group]]["target"]
    ]
    s.take("groups", kept, "those below their target", handle)


@stage(1)
def total(s: Scene) -> None:
    """One sum over all."""
    handle = s.do(
        "data_processing_aggregator",
        "add it all up",
        words=f"add up {code(s.measure)} over {s.it}",
        makes="the total",
        function="sum",
        field=s.measure,
        **s.named(),
    )
    s.say("total")
    figure = ledger.total(s.rows, s.measure)
    s.take("figure", figure, "the total", handle)


@stage(2)
def on_top(s: Scene) -> None:
    """The figure with a percentage more, rounded."""
    if s.shape != "figure":
        total.work(s)
    percent, figure = ledger.with_percent(s.rng, s.value)
    handle = s.do(
        "computation_calculator",
        "add the percentage",
        words=f"add {percent} % to {s.it} and round it to two decimals",
        makes="the figure with something on top",
        expression=f"round(value * {plain(1 + percent / 100)}, 2)",
        **s.named(),
    )
    s.say("on_top", percent=str(percent))
    s.take("figure", figure, "the figure", handle)


@stage(2)
def outlook(s: Scene) -> None:
    """The figure, let grow without chance."""
    if s.shape != "figure":
        total.work(s)
    growth, ahead = s.rng.randrange(1, 10), s.rng.randrange(3, 10)
    handle = s.do(
        "computation_simulator",
        "let the figure grow",
        words=f"simulate {ahead} steps from {s.it}, each with a growth of {plain(growth / 100)} "
        "and no volatility, with `mean`, `low`, `high` and `path` as the outcome",
        makes="the outlook",
        growth=growth / 100,
        steps=ahead,
        **s.named(),
    )
    grown = ledger.grown(s.value, growth, ahead)
    s.say("outlook", growth=str(growth), n=str(ahead))
    s.take("outcome", grown, "the outcome", handle)
    figure = f"{grown['path'][-1]:.2f}"
    s.fact = (
        figure,
        f"the figure after {ahead} months, rounded, in plain digits with two decimals",
        [],
    )
