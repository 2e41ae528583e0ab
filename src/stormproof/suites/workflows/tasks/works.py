"""What is done with the records: stages between the source and the deliveries."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stormproof.suites.workflows.tasks import ledger
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.sources import FORMS, listing, parse, read
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.stock import text_of, text_of_columns
from stormproof.suites.workflows.tasks.wording import EASY, HARD, code, listed, plain

_FEW = 4  # records that are not cut down any further
LEFT = "the records that are left"
_REGIONS = ("Inland", "Coastal", "Uplands", "Metro")
_PARTNER_NAMES = (
    ("ref", "unit", "value"),
    ("externalId", "place", "figure"),
    ("key", "origin", "quantity"),
    ("no", "party", "measure"),
)


# --- fewer records --------------------------------------------------------------------------


def _keep(s: Scene, where: str, words: str, kept: list[dict[str, Any]]) -> None:
    handle = s.do(
        "data_processing_filter",
        words,
        words=words,
        makes=LEFT,
        where=where,
        **s.named(),
    )
    s.rework(kept, LEFT, handle)


@stage(1)
def keep_state(s: Scene) -> None:
    """The records of one state."""
    column = s.subject.state
    present = Counter(row[column] for row in s.rows)
    several = [state for state in s.subject.states if 1 < present[state] < len(s.rows)]
    if len(s.rows) < _FEW or not several:
        return
    value = s.rng.choice(several)
    kept = [row for row in s.rows if row[column] == value]
    _keep(
        s, f"{column} == {value!r}", f"keep only those whose {code(column)} is {code(value)}", kept
    )
    clause = (
        f"whose {code(column)} is {code(value)}" if s.exact else f"that {s.subject.states[value]}"
    )
    s.say("keep_state", clause=clause)


@stage(1)
def leave_out_group(s: Scene) -> None:
    """All records but those of one group."""
    column = s.subject.group
    if len({row[column] for row in s.rows}) < _FEW - 1:
        return
    value = s.rng.choice(sorted({row[column] for row in s.rows}))
    kept = [row for row in s.rows if row[column] != value]
    _keep(
        s, f"{column} != {value!r}", f"leave out those whose {code(column)} is {code(value)}", kept
    )
    s.say("leave_out_group", value=code(value), column=s.column(column))


@stage(1)
def keep_above(s: Scene) -> None:
    """The records above an amount."""
    column = s.subject.amount
    if len(s.rows) < _FEW:
        return
    amounts = sorted(row[column] for row in s.rows)
    bound = _between(amounts, s.rng.uniform(0.3, 0.6))
    kept = [row for row in s.rows if row[column] > bound]
    _keep(
        s,
        f"{column} > {plain(bound)}",
        f"keep only those whose {code(column)} is greater than {plain(bound)}",
        kept,
    )
    s.say("keep_above", column=s.column(column), bound=f"{plain(bound)} {s.subject.amount_unit}")


def _between(ordered: list[float], share: float) -> float:
    """A round number that about this share of the numbers does not exceed, and none is equal to."""
    at = min(len(ordered) - 2, int(len(ordered) * share))
    low, high = ordered[at], ordered[at + 1]
    for digits in (-2, -1, 0, 1, 2):
        bound = round((low + high) / 2, digits)
        if low <= bound < high:
            return bound
    return low


@stage(1)
def keep_days(s: Scene) -> None:
    """The records of some days of the month."""
    column = s.subject.date
    first = s.rng.randrange(2, 9)
    last = first + s.rng.randrange(10, 18)
    begin, end = s.month.day(first), s.month.day(last)
    kept = [row for row in s.rows if begin <= row[column] <= end]
    if len(kept) < _FEW - 2:
        return
    _keep(
        s,
        f"{column} >= '{begin}' and {column} <= '{end}'",
        f"keep only those whose {code(column)} lies from {begin} to {end}, both included",
        kept,
    )
    s.say("keep_days", column=s.column(column), begin=begin, end=end)


@stage(1)
def top(s: Scene) -> None:
    """The greatest of them, in order."""
    wished = s.rng.randrange(3, 8) if s.level < HARD else s.rng.randrange(10, 26)
    if s.shape == "groups":
        wished = s.rng.randrange(2, 4)
    many = max(1, min(len(s.rows) - 1, wished))
    handle = s.do(
        "data_processing_transformer",
        "put them in order and keep the first",
        words=f"sort {s.it} by {code(s.measure)}, greatest first, and keep the first {many}",
        makes="the first of them",
        operations=[
            {"op": "sort", "field": s.measure, "descending": True},
            {"op": "limit", "count": many},
        ],
        **s.named(),
    )
    s.say("top", n=str(many))
    s.take(s.shape, ledger.ranked(s.rows, s.measure)[:many], f"the first {many}", handle)
    s.ordered = True


def without_listed(s: Scene, path: str, form: str, key: str, whom: str) -> str:
    """Read a list, and leave those out that stand in it. Returns the handle of what is left."""
    hand = s.hand
    read(s, path, f"the list of {whom}", listing(s))
    table = parse(s, form, whom)
    return s.do(
        "data_processing_transformer",
        f"leave out {whom}",
        words=f"drop those whose {code(key)} stands in that list",
        reads=s.it,
        makes=LEFT,
        operations=[{"op": "without", "table": table, "fields": [key]}],
        input=hand,
    )


@stage(3, sides=True)
def unsettled(s: Scene) -> None:
    """Those that a second table does not have."""
    key = s.subject.id
    rows = s.rows
    picked = s.rng.choices((True, True, True, False, False), k=len(rows))
    picked[0], picked[-1] = True, False
    names = [row[key] for row, is_settled in zip(rows, picked, strict=True) if is_settled]
    folder, columns = "settled", (key, "settled_on")
    form = s.rng.choice(("csv", "json"))
    days = ([s.month.after(1).day(number) for number in range(1, 29)] * (len(names) // 28 + 1))[
        : len(names)
    ]
    path = f"{folder}/{s.subject.stem}_{s.month.stamp}.{form}"
    if s.level >= HARD:
        earlier = f"{folder}/{s.subject.stem}_{s.month.after(-1).stamp}.{form}"
        s.files[earlier] = text_of_columns(form, columns, names[::3], days[::3])
    s.files[path] = text_of_columns(form, columns, names, days)
    handle = without_listed(s, path, form, key, "those that are settled")
    s.say("unsettled", path=code(path), folder=code(folder))
    left = [row for row, is_settled in zip(rows, picked, strict=True) if not is_settled]
    s.rework(left, LEFT, handle)


# --- more fields, other fields ---------------------------------------------------------------


def side_table(
    s: Scene,
    folder: str,
    name: str,
    rows: list[dict[str, Any]],
    other: list[dict[str, Any]],
    what: str,
) -> str:
    """Put a small table into a file and read it; returns the handle of its records."""
    form = s.rng.choice(("csv", "json"))
    path = f"{folder}/{name}_{s.month.year}.{form}"
    if s.level >= HARD:
        s.files[f"{folder}/{name}_{s.month.year - 1}.{form}"] = text_of(form, other)
    s.files[path] = text_of(form, rows)
    s.side_path = path
    read(s, path, what, listing(s))
    return parse(s, form, what)


@stage(3, sides=True)
def add_region(s: Scene) -> None:
    """Each group's region, from a second table."""
    group = s.subject.group
    names = list(s.subject.groups)
    regions = s.rng.sample(_REGIONS, 2 if s.level <= EASY else 3)

    def table() -> list[dict[str, Any]]:
        dealt = (regions * len(names))[: len(names)]
        s.rng.shuffle(dealt)
        return [{group: n, "zone": r} for n, r in zip(names, dealt, strict=True)]

    rows = table()
    hand = s.hand
    handle = side_table(s, "reference", f"{s.subject.stem}_regions", rows, table(), "the regions")
    by_name = {row[group]: row for row in rows}
    handle = s.do(
        "data_processing_transformer",
        "add each one's region",
        words=f"add to each record the {code('zone')} of its {code(group)}",
        reads=s.it,
        makes=f"{s.it} with their regions",
        operations=[{"op": "join", "table": handle, "fields": [group]}],
        input=hand,
    )
    s.say(
        "add_region",
        folder=code("reference"),
        path=code(s.side_path),
        group=s.column(group),
        lookup=f"{s.subject.group_noun}’s region",
    )
    s.rework(ledger.joined(s.rows, by_name, group), s.it, handle)
    s.group = "zone"


@stage(4, sides=True)
def corrections(s: Scene) -> None:
    """Amounts corrected by a second table."""
    key, amount = s.subject.id, s.subject.amount
    chosen = s.rng.sample(range(len(s.rows)), max(2, len(s.rows) // 25))
    fixed = {
        s.rows[at][key]: {key: s.rows[at][key], "corrected": new}
        for at, new in zip(sorted(chosen), _new_amounts(s, len(chosen)), strict=True)
    }
    hand = s.hand
    others = [{**each, "corrected": each["corrected"] / 2} for each in list(fixed.values())[::2]]
    table = side_table(
        s,
        "corrections",
        f"{s.subject.stem}_{s.month.number:02d}",
        list(fixed.values()),
        others,
        "the corrections",
    )
    handle = s.do(
        "data_processing_transformer",
        "put the corrected amounts in place",
        words=f"put the {code('corrected')} amount in place of {code(amount)} where there is one, "
        f"without any new column",
        reads=s.it,
        makes=f"{s.it}, corrected",
        operations=[
            {"op": "join", "table": table, "fields": [key]},
            {
                "op": "compute",
                "field": amount,
                "expression": f"corrected if corrected != null else {amount}",
            },
            {"op": "drop", "fields": ["corrected"]},
        ],
        input=hand,
    )
    s.say(
        "corrections",
        folder=code("corrections"),
        path=code(s.side_path),
        column=s.column(amount),
        unit=s.subject.amount_unit,
    )
    rows = [
        {**row, amount: fixed[row[key]]["corrected"]} if row[key] in fixed else row
        for row in s.rows
    ]
    s.take("records", rows, s.it, handle)


def _new_amounts(s: Scene, count: int) -> list[float]:
    """Amounts in plain units, none of which any record has."""
    low, high = (round(bound * 100) for bound in s.subject.amount_range)
    taken = {round(row[s.subject.amount] * 100 / s.scale) for row in s.rows}
    fresh = [
        number
        for number in s.rng.sample(range(low, high), min(high - low, count * 9))
        if number not in taken
    ]
    return [round(number * s.scale / 100, 2) for number in fresh[:count]]


@stage(1)
def add_gross(s: Scene) -> None:
    """A column more, with something on top."""
    amount, percent = s.subject.amount, s.rng.choice((5, 7, 10, 12, 19, 20, 25))
    factor = plain(1 + percent / 100)
    handle = s.do(
        "data_processing_transformer",
        "add the column",
        words=f"add a column {code('gross')}: {code(amount)} with {percent} % on top, not rounded",
        makes=f"{s.it} with the column gross",
        operations=[{"op": "compute", "field": "gross", "expression": f"{amount} * {factor}"}],
        **s.named(),
    )
    s.say("add_gross", column=s.column(amount), percent=str(percent))
    rows = [{**row, "gross": round(row[amount] * float(factor), 6)} for row in s.rows]
    s.rework(rows, s.it, handle)


@stage(1)
def columns_only(s: Scene) -> None:
    """Some columns alone."""
    figure = "gross" if "gross" in s.rows[0] else s.measure
    names = [s.subject.id, s.group, figure]
    handle = s.do(
        "data_processing_transformer",
        "keep some columns",
        words=f"reduce each record to {listed([code(n) for n in names])}",
        makes=f"{s.it}, reduced",
        operations=[{"op": "select", "fields": names}],
        **s.named(),
    )
    s.say("columns_only", columns=s.columns(names))
    s.rework(ledger.only(s.rows, names), s.it, handle)


@stage(1, 1, 1, 2, 2)
def partner_names(s: Scene) -> None:
    """The partner's names for some columns, and these alone."""
    names = [s.subject.id, s.group, s.measure]
    mapping = dict(zip(s.rng.choice(_PARTNER_NAMES), names, strict=True))
    after: tuple[int, ...] = ()
    hand, path = s.hand, "agreements/partner_fields.txt"
    if s.level >= HARD:
        lines = "".join(f"  {name} = {source}\n" for name, source in mapping.items())
        s.files[path] = f"Field names agreed (theirs = ours), and no field more:\n{lines}"
        read(s, path, "the agreement on names")
        after = (s.last,)
    pairs = listed([f"{code(source)} as {code(name)}" for name, source in mapping.items()])
    handle = s.do(
        "integration_mapper",
        "give the columns the partner's names",
        words=f"map each record to {pairs}, and nothing else",
        reads=s.it,
        makes=f"{s.it} under the partner's names",
        after=after,
        mapping=mapping,
        input=hand,
    )
    s.say("partner_names", pairs=pairs, agreement=code(path))
    rows = ledger.renamed(s.rows, mapping)
    s.rework(rows, s.it, handle)
    _, s.group, s.measure = mapping


@stage(1)
def convert(s: Scene) -> None:
    """The text in another format."""
    if s.shape != "text" or any(isinstance(value, dict) for value in s.rows[0].values()):
        return
    form = s.rng.choice([each for each in ("csv", "json") if each != s.text_form])
    handle = s.do(
        "file_operations_converter",
        "convert the text",
        words=f"convert it to {FORMS[form]}",
        makes=f"{FORMS[form]} text",
        to=form,
        **s.named(),
    )
    s.text_form = form
    s.take("text", text_of(form, s.rows), s.it, handle)
