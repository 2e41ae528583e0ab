"""Every figure of the report against SQL over the stored records, on random grids with holes.

The SQL is written from the definitions, not from the code: a rate is the mean over the cells
(condition × task type) that everything in its table shares; a comparison is over shared settings.
"""

# ruff: noqa: S608  the SQL is made of names and numbers of this file alone
from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import anyio
import duckdb
import pytest
from msgspec.structs import replace

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score
from stormproof.domain.trials import make_trial
from stormproof.report.contents import all_tables
from stormproof.report.report_table import IfLost, ReportTable
from stormproof.report.result_charts import charts_of, rows_of
from stormproof.report.results import open_results
from stormproof.stats import Contrast, Rate
from stormproof.store import Header, episode_table, open_store

FEW, MANY = range(18), range(18, 500)
FIELDS = [
    "prompt_type",
    "difficulty",
    "tool_success_rate",
    "protocol",
    "severity",
    "weather",
    "max_turns",
]
PROMPTS = ("baseline", "cot", "optimal", "flawed_missing_step", "flawed_tool_misuse")


class Records:
    """The stored episodes, to be asked in SQL."""

    def __init__(self, folder: Path) -> None:
        self._database = duckdb.connect()
        self._database.register("stored", episode_table(folder))
        self._database.execute(
            "create table e as select *, outcome = 'completed' as scored, "
            "case when success = 'full' then 1.0 else 0.0 end as hit, "
            "starts_with(prompt_type, 'flawed_') as flawed from stored"
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self._database.execute(sql).fetchall()

    def rates(self, where: str, by: tuple[str, ...], shown: set[tuple[Any, ...]]) -> dict[Any, Any]:
        """Group → (rate, n, full, worst, best) over the cells that the shown groups share."""
        names = [name for name in (*FIELDS, "task_type") if name not in by]
        cell, group = f"concat_ws('|', {', '.join(names)})", ", ".join(by)
        chosen = " or ".join(
            "(" + " and ".join(f"{n} = {literal(v)}" for n, v in zip(by, key, strict=True)) + ")"
            for key in shown
        )
        found = self.ask(f"""
            with every as (
                select {group}, {cell} as cell, count(*) as tried,
                    count(*) filter (scored) as n, sum(hit) filter (scored) as h
                from e where ({where}) and ({chosen or "false"}) group by {group}, cell),
            shared as (
                select cell from every where n > 0 group by cell having count(*) = {len(shown)})
            select {group}, avg(h / n), sum(n), sum(h), avg(h / tried),
                avg((h + tried - n) / tried)
            from every join shared using (cell) group by {group}""")
        return {row[: len(by)]: row[len(by) :] for row in found}

    def paired(self, where: str, treatment: str, one: Any, other: Any) -> tuple[Any, ...]:
        """Tasks, both means and their difference over the settings that both have scored."""
        apart = {treatment, "severity"} if treatment == "prompt_type" else {treatment}
        names = [n for n in ("task_id", "model", *FIELDS, "replicate") if n not in apart]
        return self.ask(f"""
            with s as (
                select {treatment} as side, concat_ws('|', {", ".join(names)}) as setting,
                    task_id, avg(hit) as v
                from e where scored and ({where}) group by all),
            pairs as (
                select a.task_id, avg(a.v) as x, avg(b.v) as y
                from s a join s b using (setting)
                where a.side = {literal(one)} and b.side = {literal(other)} group by a.task_id)
            select count(*), avg(x), avg(y), avg(x - y) from pairs""")[0]

    def means(self, where: str, treatment: str) -> list[tuple[Any, ...]]:
        """Each task's mean under every value of the treatment, over settings that all have."""
        names = [n for n in ("task_id", *FIELDS, "replicate") if n != treatment]
        return self.ask(f"""
            with s as (
                select {treatment} as side, concat_ws('|', {", ".join(names)}) as setting,
                    task_id, avg(hit) as v
                from e where scored and ({where}) group by all),
            whole as (
                select setting from s group by setting having count(*) =
                    (select count(distinct {treatment}) from e where {where}))
            select side, task_id, avg(v) from s join whole using (setting) group by all""")


def literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)


def random_grid(seed: int) -> Iterator[Episode]:
    """Models, conditions and tasks with holes: whole cells, single trials, and what was lost."""
    dice = Random(seed)
    conditions = [
        Condition(*parts)  # type: ignore[arg-type]  # drawn from what each part may be
        for parts in product(
            dice.sample(PROMPTS, dice.randint(1, 4)),
            dice.sample(("very_easy", "easy", "medium"), dice.randint(1, 2)),
            dice.sample((0.6, 0.8, 0.9, 1.0), dice.randint(1, 3)),
            dice.sample(("text", "native"), dice.choice((1, 1, 1, 2))),
        )
    ]
    types = dice.sample(("simple_task", "basic_task", "data_pipeline"), dice.randint(1, 3))
    tasks, replicates = dice.randint(1, 3), dice.choice((1, 1, 2))
    hole = dice.choice((0.0, 0.1, 0.5))
    for model in [f"m{i}" for i in range(dice.randint(1, 4))]:
        skill, gap = dice.random(), dice.choice((0.0, 0.3))
        for condition in [c for c in conditions if dice.random() >= gap]:
            chance = (skill + dice.random()) / 2
            for place in product(types, range(tasks), range(replicates)):
                if dice.random() >= hole:
                    yield episode(dice, model, condition, *place, chance)


def episode(
    dice: Random, model: str, condition: Condition, kind: Any, task: int, replicate: int, p: float
) -> Episode:
    trial = make_trial(
        suite="s", seed=0, model=model, task_id=f"{kind}.{condition.difficulty}.{task}",
        task_type=kind, condition=condition, replicate=replicate,
    )  # fmt: skip
    full = dice.random() < p
    why = "" if full else dice.choice(("wrong_order", "incomplete"))
    level: Any = "full" if full else dice.choice(("partial", "failed"))
    score = Score(level, full, dice.random(), 1.0, None, None, 0, why)
    whole = Episode(trial, "completed", "done", (), score, 0.9)
    luck = dice.random()
    if luck < 0.08:
        return replace(whole, outcome="infrastructure", ending="infrastructure", score=None)
    return replace(whole, outcome="blocked", ending="blocked", score=None) if luck < 0.12 else whole


@pytest.mark.parametrize(
    "seed", [*FEW, *(pytest.param(seed, marks=pytest.mark.slow) for seed in MANY)]
)
def test_every_figure_is_what_sql_gives(seed: int, tmp_path: Path) -> None:
    episodes = list(random_grid(seed))
    if not episodes:
        pytest.skip("a grid that is all hole")
    anyio.run(stored, tmp_path / "r", episodes)
    records = Records(tmp_path / "r")
    tables = {t.key: t for t in all_tables(open_results(tmp_path / "r").episodes)}
    check_overall(records, tables["overall"])
    check_conditions(records, tables.get("conditions"))
    check_axes(records, tables)
    check_flaws(records, tables.get("flaws"))
    check_models(records, tables.get("models"))
    check_slopes(records, tables.get("slopes"))
    check_prompt_index(records, tables.get("prompt_index"))
    check_errors(records, tables.get("errors"))
    check_replicates(records, tables.get("replicates"))
    check_flagged(records, tables.get("flags"))
    check_charts(tables)


async def stored(folder: Path, episodes: list[Episode]) -> None:
    async with (
        open_store(folder, Header(suite="s", seed=0)) as store,
        anyio.create_task_group() as tasks,
    ):
        for one in episodes:
            tasks.start_soon(store.episode, one)


def check_rates(
    records: Records, where: str, by: tuple[str, ...], rows: dict[tuple[Any, ...], dict[str, Any]]
) -> None:
    """Rates, counts and bounds; all groups are shown where all of them share a cell."""
    every = {key[: len(by)] for key in records.ask(
        f"select distinct {', '.join(by)} from e where scored and ({where})")}  # fmt: skip
    shown = {key for key, row in rows.items() if math.isfinite(row["success %"].estimate)}
    assert shown <= every <= set(rows)
    assert shown == every or not records.rates(where, by, every)
    found = records.rates(where, by, shown)
    assert set(found) == shown
    for key, (rate, n, full, worst, best) in found.items():
        row = rows[key]
        assert row["success %"].estimate == pytest.approx(rate, abs=1e-9), key
        assert (row["scored"], row["full"]) == (n, full), key
        bounds = row["if lost %"] or IfLost(rate, rate)
        assert (bounds.low, bounds.high) == pytest.approx((worst, best), abs=1e-9), key
        assert row["success %"].low - 1e-9 <= rate <= row["success %"].high + 1e-9
    check_no_paradox(records, where, by, found)


def check_no_paradox(
    records: Records, where: str, by: tuple[str, ...], rates: dict[Any, Any]
) -> None:
    """Who is at least as good in every shared cell is at least as good in the table."""
    names = [n for n in (*FIELDS, "task_type") if n not in by]
    cells: dict[Any, dict[str, float]] = {}
    for row in records.ask(
        f"select {', '.join(by)}, concat_ws('|', {', '.join(names)}), avg(hit) "
        f"from e where scored and ({where}) group by all"
    ):
        cells.setdefault(row[: len(by)], {})[row[-2]] = row[-1]
    for one in rates:
        for other in rates:
            shared = set.intersection(*(set(cells[key]) for key in rates))
            if all(cells[one][cell] >= cells[other][cell] for cell in shared):
                assert rates[one][0] >= rates[other][0] - 1e-9


def check_overall(records: Records, table: ReportTable) -> None:
    check_rates(records, "true", ("model",), {(r["model"],): r for r in rows_of(table)})
    scored = dict(records.ask("select model, count(*) filter (scored) from e group by model"))
    for row in rows_of(table):
        assert row["scored"] + row["left out"] == scored[row["model"]]


def label(row: tuple[Any, ...]) -> str:
    prompt, level, rate, protocol = row
    said = (prompt.removeprefix("flawed_").replace("_", " "), level.replace("_", " "), f"{rate:g}")
    return " · ".join(said + ((protocol,) if protocol != "text" else ()))


def check_conditions(records: Records, table: ReportTable | None) -> None:
    names = ", ".join(FIELDS[:4])
    conditions = records.ask(f"select distinct {names} from e")
    assert (table is None) == (len(conditions) < 2)
    for condition in conditions if table else ():
        where = " and ".join(
            f"{n} = {literal(v)}" for n, v in zip(FIELDS[:4], condition, strict=True)
        )
        own = [r for r in rows_of(table) if r["condition"] == label(condition)] if table else []
        check_rates(records, where, ("model",), {(r["model"],): r for r in own})


def check_axes(records: Records, tables: dict[str, ReportTable]) -> None:
    for key, name, heading, own, every in (
        ("task_types", "task_type", "task type", "false", "true"),
        ("scale", "difficulty", "difficulty", "prompt_type = 'optimal' and tool_success_rate = 0.8",
         "true"),
        ("rates", "tool_success_rate", "tool success rate",
         "prompt_type = 'optimal' and difficulty = 'easy'", "true"),
        ("prompts", "prompt_type", "prompt type",
         "not flawed and difficulty = 'easy' and tool_success_rate = 0.8", "not flawed"),
    ):  # fmt: skip
        where = own if several(records, name, f"scored and {own}") else every
        if not several(records, name, where):
            assert key not in tables
            continue
        rows = {
            (r["model"], float(r[heading]) if key == "rates" else r[heading]): r
            for r in rows_of(tables[key])
        }
        check_rates(records, where, ("model", name), rows)


def several(records: Records, name: str, where: str) -> bool:
    return bool(records.ask(f"select count(distinct {name}) > 1 from e where {where}")[0][0])


def check_flaws(records: Records, table: ReportTable | None) -> None:
    own = "difficulty = 'easy' and tool_success_rate = 0.8"
    if not records.ask("select count(*) from e where flawed")[0][0]:
        assert table is None
        return
    assert table is not None
    where = own if records.ask(f"select count(*) from e where flawed and {own}")[0][0] else "true"
    rows = {
        (r["model"], "flawed_" + r["flaw"].replace(" ", "_")): r | {"full": None}
        for r in rows_of(table)
    }
    shown = {k for k, r in rows.items() if math.isfinite(r["success %"].estimate)}
    found = records.rates(f"flawed and {where}", ("model", "prompt_type"), shown)
    for (model, prompt), row in rows.items():
        if (model, prompt) in found:
            assert row["success %"].estimate == pytest.approx(found[model, prompt][0], abs=1e-9)
        tasks, flawed, best, apart = records.paired(
            f"model = '{model}' and {where}", "prompt_type", prompt, "optimal"
        )
        assert row["tasks paired"] == tasks
        if tasks:
            assert row["difference to optimal, points"].estimate == pytest.approx(apart, abs=1e-9)
            kept = flawed / best if best else math.nan
            assert row["retention"].estimate == pytest.approx(kept, abs=1e-9, nan_ok=True)
            assert 0 <= row["p (Holm)"] <= 1


def check_models(records: Records, table: ReportTable | None) -> None:
    for row in rows_of(table) if table else ():
        tasks, first, second, apart = records.paired("true", "model", row["model"], row["against"])
        assert row["tasks paired"] == tasks
        found = (row["success %"].estimate, row["against %"].estimate)
        assert found == pytest.approx((first, second), abs=1e-9)
        assert row["difference, points"].estimate == pytest.approx(apart, abs=1e-9)
        assert 0 <= row["p (Holm)"] <= 1


def check_slopes(records: Records, table: ReportTable | None) -> None:
    own = "prompt_type = 'optimal' and difficulty = 'easy'"
    where = own if several(records, "tool_success_rate", f"scored and {own}") else "true"
    for row in rows_of(table) if table else ():
        means = records.means(f"model = '{row['model']}' and {where}", "tool_success_rate")
        rates = sorted({rate for rate, _, _ in means})
        level = [sum(v for r, _, v in means if r == rate) / row["tasks at all rates"]
                 for rate in rates]  # fmt: skip
        middle = sum(rates) / len(rates)
        rise = sum((r - middle) * v for r, v in zip(rates, level, strict=True))
        expected = rise / sum((r - middle) ** 2 for r in rates)
        assert row["reliability slope"].estimate == pytest.approx(expected, abs=1e-9)
        assert len({task for _, task, _ in means}) == row["tasks at all rates"]


def check_prompt_index(records: Records, table: ReportTable | None) -> None:
    own = "not flawed and difficulty = 'easy' and tool_success_rate = 0.8"
    where = own if several(records, "prompt_type", f"scored and {own}") else "not flawed"
    for row in rows_of(table) if table else ():
        means = records.means(f"model = '{row['model']}' and {where}", "prompt_type")
        records.ask("create or replace table v (side varchar, task varchar, x double)")
        for mean in means:
            records.ask(f"insert into v values {mean}")
        ((index,),) = records.ask("""
            with sides as (select side, avg(x) as p, var_samp(x) as s, count(*) as n
                           from v group by side),
                tasks as (select var_samp(y) as s from (select avg(x) as y from v group by task))
            select sqrt(greatest(
                0, var_pop(p) - (avg(sides.s) - any_value(tasks.s)) / any_value(n)))
            from sides, tasks""")
        assert row["sensitivity index"].estimate == pytest.approx(index, abs=1e-7)


def check_errors(records: Records, table: ReportTable | None) -> None:
    names = ", ".join((*FIELDS, "task_type"))
    for row in rows_of(table) if table else ():
        shown = [r["model"] for r in rows_of(table) if r["scored"]] if table else []
        for title, share in row.items():
            if title.endswith("%") and row["scored"]:
                category = title.removesuffix(" %").replace(" ", "_")
                ((expected,),) = records.ask(f"""
                    with c as (select model, concat_ws('|', {names}) as cell,
                                   avg((error_category = '{category}')::int) as r
                               from e where scored and model in ({str(shown)[1:-1]}) group by all),
                        shared as (select cell from c group by cell having count(*) = {len(shown)})
                    select avg(r) from c join shared using (cell) where model = '{row["model"]}'""")
                assert share.estimate == pytest.approx(expected, abs=1e-9)


def check_replicates(records: Records, table: ReportTable | None) -> None:
    """Where each model has the task types of all, each weighs the same."""
    names = ", ".join(FIELDS[:4])
    for row in rows_of(table) if table else ():
        found = {
            (one[0], label(one[1:5])): one[5:]
            for one in records.ask(f"""
                with t as (
                    select model, {names}, task_type, task_id, avg(hit) as r, min(hit) as every
                    from e where scored group by all having count(*) = {row["k"]}),
                c as (select model, {names}, task_type, avg(r) as r, avg(every) as every,
                      count(*) as n from t group by all)
                select model, {names}, avg(r), avg(every), sum(n), count(*) from c group by all""")
        }
        types = {found[key][3] for key in found if key[1] == row["condition"]}
        rate, every, tasks, _ = found[row["model"], row["condition"]]
        if len(types) == 1 and row["tasks"] == tasks:
            assert row["pass@1 %"].estimate == pytest.approx(rate, abs=1e-9)
            assert row["pass^k %"].estimate == pytest.approx(every, abs=1e-9)


def check_flagged(records: Records, table: ReportTable | None) -> None:
    names = ", ".join(FIELDS[:4])
    found = {
        (row[0], label(row[1:5])): row[5:]
        for row in records.ask(
            f"select model, {names}, count(*) filter (scored), "
            "count(*) filter (outcome = 'infrastructure'), count(*) filter (outcome = 'blocked') "
            "from e group by all"
        )
    }
    for row in rows_of(table) if table else ():
        where = (row["model"], row["condition"])
        assert (row["scored"], row["infra"], row["blocked"]) == found[where]


def check_charts(tables: dict[str, ReportTable]) -> None:
    """Every mark is a figure of the table that its chart is drawn from."""
    sources = {"success": "overall", "reliability": "rates"}
    for chart in charts_of(tuple(tables.values())):
        table = tables[sources.get(chart.key, chart.key)]
        figures = {
            round(value.estimate, 12)
            for row in table.rows
            for value in row
            if isinstance(value, Rate | Contrast)
        }
        for record in chart.spec["data"]["values"]:
            value = record["retention"] if chart.key == "flaws" else record["estimate"]
            assert round(value, 12) in figures
