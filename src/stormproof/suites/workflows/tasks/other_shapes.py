"""Weekly counts, proposals, contacts: where they come from, and what is done with them."""

from __future__ import annotations

from stormproof.suites.workflows.tasks import ledger, materials
from stormproof.suites.workflows.tasks.ledger import Row
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.sources import SITES, list_folder, listing, parse, read
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.stock import text_of, text_of_columns
from stormproof.suites.workflows.tasks.wording import EASY, code, listed, plain
from stormproof.suites.workflows.tasks.works import LEFT, without_listed


def _at_hand(s: Scene, rows: list[Row], form: str, what: str) -> None:
    """Have these at hand: as the text that was read, where that will do, else as records."""
    s.rows, s.text_form = rows, form
    if s.raw:
        s.take("text", text_of(form, rows), what, s.latest)
        return
    s.take("records", rows, what, parse(s, form, what))


def _lay(s: Scene, stem: str, form: str, text: str, earlier: str) -> str:
    """Put a file into the folder; from hard on that of the month before lies beside it."""
    path = f"{s.folder}/{stem}_{s.month.stamp}.{form}"
    if s.upper:
        s.files[f"{s.folder}/{stem}_{s.month.after(-1).stamp}.{form}"] = earlier
    s.files[path] = text
    return path


# --- weekly counts ---------------------------------------------------------------------------


@stage(1, 2, 5, 6, 8, lists=True)
def weekly_counts(s: Scene) -> None:
    """Counts of each week, a file for each site from medium on."""
    count = (1, 1, 2, 2, 3)[s.level]
    form, weeks = s.form(), (8, 10, 20, 60, 260)[s.extent]
    columns = (
        [f"{site}_count" for site in s.rng.sample(SITES, count)]
        if count > 1
        else [f"{s.subject.stem}_count"]
    )
    lines = [materials.trend(s.rng, column, weeks) for column in columns]
    others = [materials.trend(s.rng, column, weeks) for column in columns]
    paths = [
        _lay(
            s,
            f"weekly_{line.column}",
            form,
            text_of(form, line.rows()),
            text_of(form, other.rows()),
        )
        for line, other in zip(lines, others, strict=True)
    ]
    after = list_folder(s, s.folder) if s.upper else ()
    if count == 1:
        read(s, paths[0], "the weekly counts")
        _at_hand(s, lines[0].rows(), form, "the weekly counts")
        s.measure, s.group, s.trend = columns[0], "week", lines[0]
        s.say("weekly_counts", paths=code(paths[0]), folder=code(s.folder))
        return
    handles = []
    for path in paths:
        read(s, path, "the weekly counts of a site", after)
        handles.append(parse(s, form, "the weekly counts of a site"))
    total = materials.Trend("all", sum(e.slope for e in lines), sum(e.first for e in lines), weeks)
    handle = s.do(
        "data_processing_transformer",
        "put the sites side by side and add them up",
        words=f"put them side by side by {code('week')}, with their sum in a column {code('all')}",
        reads="the weekly counts of the sites",
        makes="the weekly counts of every site",
        operations=[
            *({"op": "join", "table": each, "fields": ["week"]} for each in handles[:-1]),
            {"op": "compute", "field": "all", "expression": " + ".join(columns)},
        ],
    )
    tables = [line.rows() for line in lines]
    rows: list[Row] = [
        {
            **{k: v for row in across for k, v in row.items()},
            "all": sum(row[c] for row, c in zip(across, columns, strict=True)),
        }
        for across in zip(*tables, strict=True)
    ]
    s.take("records", rows, "the weekly counts of every site", handle)
    s.measure, s.group, s.trend = "all", "week", total
    s.say("weekly_counts", paths=listed([code(path) for path in paths]), folder=code(s.folder))
    s.say("weekly_sum")


@stage(1)
def predict(s: Scene) -> None:
    """A straight line through the counts, and on."""
    ahead = s.rng.randrange(2, 7)
    handle = s.do(
        "computation_predictor",
        "fit a line and go on with it",
        words=f"fit a straight line to {code(s.measure)} and predict the next {ahead} weeks, "
        "with `field`, `slope`, `intercept`, `r_squared` and `predictions` as the outcome",
        makes="the trend",
        field=s.measure,
        steps=ahead,
        **s.named(),
    )
    s.say("predict", column=code(s.measure), n=str(ahead))
    outcome = s.trend.ahead(ahead)
    s.take("outcome", outcome, "the outcome", handle)
    last = outcome["predictions"][-1]
    s.fact = (str(last), "the last value predicted, in plain digits", [])


# --- proposals -------------------------------------------------------------------------------


@stage(1, 2, 2, 3, 3, lists=True)
def proposals(s: Scene) -> None:
    """What somebody might buy: of many sites at the upper levels, and not all of it cleared."""
    form = s.form()
    rows = materials.proposals(s.rng, *_PROPOSED[s.extent])
    other = materials.proposals(s.rng, *_PROPOSED[min(s.extent, 2)])
    path = _lay(s, "proposals", form, text_of(form, rows), text_of(form, other))
    after = list_folder(s, s.folder) if s.upper else ()
    read(s, path, "the proposals", after)
    _at_hand(s, rows, form, "the proposals")
    s.measure, s.group = "points", "site"
    s.say("proposals", path=code(path), folder=code(s.folder))


# Candidates (cleared, of the site that counts), others of that site, and all others.
_PROPOSED = ((6, 2, 0), (7, 3, 0), (8, 4, 6), (8, 9, 140), (9, 40, 1_300))


@stage(0, 2, 3, 3, 3)
def choose(s: Scene) -> None:
    """The most points that a budget buys, of what is cleared and of the site that counts."""
    wanted = {"status": "cleared"} | ({"site": materials.SITE} if s.level > EASY else {})
    for column, value in wanted.items():
        words = f"keep only those whose {code(column)} is {code(value)}"
        kept = [row for row in s.rows if row[column] == value]
        where = f"{column} == {value!r}"
        handle = s.do(
            "data_processing_filter", words, words=words, makes=LEFT, where=where, **s.named()
        )
        s.take("records", kept, LEFT, handle)
    budget, best = materials.settle_budget(s.rng, s.rows)
    handle = s.do(
        "computation_optimizer",
        "choose the best of them",
        words=f"choose those of the greatest total {code('points')} whose total {code('cost')} "
        f"stays within {plain(budget)}, with `total_value`, `total_cost` and the `chosen` "
        "records as the outcome",
        makes="the best choice",
        value="points",
        cost="cost",
        budget=budget,
        **s.named(),
    )
    conditions = listed([f"{code(column)} is {code(value)}" for column, value in wanted.items()])
    s.say(
        "choose",
        value=code("points"),
        cost=code("cost"),
        budget=plain(budget),
        conditions=conditions,
    )
    outcome = materials.outcome(best)
    s.take("outcome", outcome, "the outcome", handle)
    s.fact = (
        str(outcome["total_value"]),
        f"the total {code('points')} chosen, in plain digits",
        [],
    )


@stage(4, sides=True)
def revised_costs(s: Scene) -> None:
    """Costs that a second table has anew."""
    chosen = sorted(s.rng.sample(range(len(s.rows)), max(3, len(s.rows) // 3)))
    revised = {
        s.rows[at]["proposal"]: {
            "proposal": s.rows[at]["proposal"],
            "revised": s.rng.randrange(5, 80) / 2,
        }
        for at in chosen
    }
    folder, form = "revised", s.rng.choice(("csv", "json"))
    path = f"{folder}/costs_{s.month.stamp}.{form}"
    if s.upper:
        few = [{"proposal": row["proposal"], "revised": row["cost"] + 1} for row in s.rows[::5]]
        s.files[f"{folder}/costs_{s.month.after(-1).stamp}.{form}"] = text_of(form, few)
    s.files[path] = text_of(form, list(revised.values()))
    hand = s.hand
    read(s, path, "the revised costs", listing(s))
    table = parse(s, form, "the revised costs")
    handle = s.do(
        "data_processing_transformer",
        "put the revised costs in place",
        words=f"put the {code('revised')} cost in place of {code('cost')} where that list has one, "
        "without any new column",
        reads=s.it,
        makes=f"{s.it} with revised costs",
        operations=[
            {"op": "join", "table": table, "fields": ["proposal"]},
            {
                "op": "compute",
                "field": "cost",
                "expression": "revised if revised != null else cost",
            },
            {"op": "drop", "fields": ["revised"]},
        ],
        input=hand,
    )
    s.say("revised_costs", path=code(path), folder=code(folder))
    rows = [
        {**r, "cost": revised[r["proposal"]]["revised"]} if r["proposal"] in revised else r
        for r in s.rows
    ]
    s.take("records", rows, s.it, handle)


# --- contacts --------------------------------------------------------------------------------


@stage(1, 2, 2, 3, 3, lists=True)
def contacts(s: Scene) -> None:
    """People, in nested records."""
    size = (6, 8, 40, 220, 1_200)[s.extent]
    people = materials.contacts(s.rng, size)
    text = materials.as_json(people)
    path = _lay(s, "contacts", "json", text, materials.as_json(materials.contacts(s.rng, 6)))
    after = list_folder(s, s.folder) if s.upper else ()
    read(s, path, "the contacts", after)
    s.rows, s.text_form = people, "json"
    if s.raw:
        s.take("text", text, "the contacts", s.latest)
    else:
        s.take("records", people, "the contacts", parse(s, "json", "the contacts"))
    s.group, s.measure = "id", "room"
    s.say("contacts", path=code(path), folder=code(s.folder))


@stage(1)
def in_city(s: Scene) -> None:
    """The people in one city."""
    city = s.rng.choice(sorted({row["company"]["city"] for row in s.rows}))
    kept = [row for row in s.rows if row["company"]["city"] == city]
    handle = s.do(
        "data_processing_filter",
        "keep those in the city",
        words=f"keep only those whose company’s {code('city')} is {code(city)}",
        makes=LEFT,
        where=f"company.city == {city!r}",
        **s.named(),
    )
    s.say("in_city", city=code(city))
    s.take("records", kept, LEFT, handle)


@stage(3, sides=True)
def leavers(s: Scene) -> None:
    """All but those whom a second table has."""
    rows = s.rows
    gone = {rows[at]["id"] for at in s.rng.sample(range(len(rows)), max(1, len(rows) // 4))}
    folder, form = "left", s.rng.choice(("csv", "json"))
    path = f"{folder}/people_{s.month.stamp}.{form}"
    if s.upper:
        few = [row["id"] for row in rows[::7]]
        earlier = f"{folder}/people_{s.month.after(-1).stamp}.{form}"
        s.files[earlier] = text_of_columns(form, ("id",), few)
    s.files[path] = text_of_columns(form, ("id",), sorted(gone))
    handle = without_listed(s, path, form, "id", "those who left")
    s.say("leavers", path=code(path), folder=code(folder))
    s.take("records", [row for row in rows if row["id"] not in gone], LEFT, handle)


@stage(1)
def flatten(s: Scene) -> None:
    """Flat records with some of the fields."""
    mapping = {"caller": "name", "phone": "reach.phone"}
    name, path = s.rng.choice(
        (("company_id", "company.id"), ("city", "company.city"), ("room", "reach.room"))
    )
    mapping |= {name: path}
    pairs = listed([f"{code(each)} (from {code(path)})" for each, path in mapping.items()])
    handle = s.do(
        "integration_mapper",
        "make flat records",
        words=f"map each to a flat record with {pairs}",
        makes="the flat records",
        mapping=mapping,
        **s.named(),
    )
    s.say("flatten", fields=pairs)
    s.take("records", ledger.renamed(s.rows, mapping), "the flat records", handle)
    s.group = "caller"
