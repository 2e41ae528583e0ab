"""Looks at the records that decide what is to be done with them.

The words are the same whether there is a fault or not: only looking tells.
"""

from __future__ import annotations

from stormproof.suites.workflows.tasks import ledger
from stormproof.suites.workflows.tasks.messages import tell
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.sources import parse, read
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.stock import Table, text_of_tables
from stormproof.suites.workflows.tasks.wording import EASY, code

_MOST_FAULTS = (1, 1, 2, 4, 9)  # records with a fault, by level


def _some(s: Scene, table: Table) -> list[int]:
    count = s.rng.randrange(1, _MOST_FAULTS[s.level] + 1)
    return sorted(s.rng.sample(range(len(table.rows)), count))


# --- gaps ----------------------------------------------------------------------------------


def _make_gaps(s: Scene, table: Table) -> None:
    for at in _some(s, table):
        row = {**table.rows[at], s.subject.amount: None}
        table.put(at, row)
        s.spoiled.append(row)


@stage(0, 1, 1, 1, 1, more=(0, 1, 3, 3, 3), looks=1, spoil=_make_gaps)
def gaps(s: Scene) -> None:
    """A record may lack its amount: then tell somebody, or set it aside."""
    amount, key = s.subject.amount, s.subject.id
    name, channel, by = s.recipient()
    aside = s.target(f"incomplete_{s.subject.stem}", "csv")
    sends = s.identity.task_type == "api_integration"
    order = f"check that every record has its {code(amount)}"
    if s.level <= EASY:
        order += (
            f"; should one have none, do nothing more than tell {code(name)} by {by} its "
            f"{code(key)}, and no other"
        )
    else:
        order += f"; write those without it to {code(aside)} and leave them out of the rest"
    s.do(
        "network_validator" if sends else "data_processing_validator",
        "check the records for gaps",
        words=order,
        makes="a report of what is wrong",
        required=[amount],
    )
    s.verified([amount])
    s.say("gaps", column=s.column(amount), aside=code(aside))
    if not s.fault:
        return
    where = f"{amount} == null"
    if s.level <= EASY:
        s.do(
            "data_processing_filter",
            "see which record it is",
            makes="the faulty record",
            where=where,
            **s.named(),
        )
        s.see()
        tell(s, name, channel, s.spoiled[0][key], [row[key] for row in s.rows])
        s.rows = [row for row in s.rows if row[amount] is not None]
        s.stopped = True
        return
    good = f"{amount} != null"
    whole = s.hand
    s.do(
        "data_processing_filter",
        "take out those with a gap",
        makes="the faulty records",
        where=where,
        after=(s.last,),
        **s.named(),
    )
    s.do(
        "file_operations_writer",
        "set them aside",
        reads="the faulty records",
        makes=f"the file {aside}",
        path=aside,
    )
    s.check("file", aside, s.spoiled)
    rows = [row for row in s.rows if row[amount] is not None]
    handle = s.do("data_processing_filter", "keep the others", makes=s.it, where=good, input=whole)
    s.take("records", rows, s.it, handle)


# --- doubles --------------------------------------------------------------------------------


def _make_double(s: Scene, table: Table) -> None:
    """A record comes again later, with other figures."""
    at = s.rng.randrange(len(table.rows))
    again = s.rng.randrange(at + 1, len(table.rows) + 1)
    amount = table.rows[s.rng.randrange(len(table.rows))][s.subject.amount]
    row = {**table.rows[at], s.subject.amount: round(amount + 0.01, 2)}
    table.put(again, row, extra=True)
    s.spoiled.append(row)


@stage(0, 1, 1, 1, 1, more=(0, 0, 2, 2, 2), looks=1, spoil=_make_double)
def doubles(s: Scene) -> None:
    """An id may stand there twice: then tell somebody, and go on with the first or not at all."""
    key = s.subject.id
    name, channel, by = s.recipient()
    order = f"check that no {code(key)} stands there twice"
    if s.level <= EASY:
        order += f"; should one do so, do nothing more than tell {code(name)} by {by} which one"
    else:
        order += (
            f"; should one, tell {code(name)} by {by} which, and let its first record count alone"
        )
    s.do(
        "data_processing_validator",
        "check the records for doubles",
        words=order,
        makes="a report of what is wrong",
        unique=[key],
    )
    s.verified(unique=[key])
    s.say("doubles", recipient=code(name), channel=by)
    if not s.fault:
        return
    looked = s.last
    rows = s.rows
    if s.level > EASY:
        handle = s.do(
            "data_processing_transformer",
            "keep the first record of each",
            makes=f"{s.it}, each once",
            operations=[{"op": "deduplicate", "fields": [key]}],
            after=(looked,),
            **s.named(),
        )
        rows = [row for row in s.rows if row is not s.spoiled[0]]
        s.take("records", rows, s.it, handle)
    others = [row[key] for row in rows if row[key] != s.spoiled[0][key]]
    tell(s, name, channel, s.spoiled[0][key], others, after=(looked,))
    s.stopped = s.level <= EASY


# --- control totals --------------------------------------------------------------------------


def _make_loss(s: Scene, table: Table) -> None:
    """Some records got lost on the way."""
    for at in reversed(_some(s, table)):
        table.drop(at)


@stage(0, 2, 2, 2, 2, more=(0, 2, 2, 2, 2), looks=2, spoil=_make_loss)
def control_total(s: Scene) -> None:
    """The total may not be the one stated: then another copy counts."""
    amount, folder = s.subject.amount, "control"
    sheet = f"{folder}/{s.subject.stem}_{s.month.stamp}.txt"
    copy = f"{folder}/{s.subject.stem}_{s.month.stamp}_copy.csv"
    known = [row for table in s.whole for row in table.rows]
    stated = ledger.total(known, amount)
    s.files[sheet] = (
        f"{s.subject.many}, {s.month.full}\nrecords: {len(known)}\ntotal {amount}: {stated:.2f}\n"
    )
    s.files[copy] = text_of_tables("csv", s.whole)
    read(s, sheet, "the sheet with the control total")
    s.check("seen", sheet, None)
    s.do(
        "data_processing_aggregator",
        "add up the amounts, to compare them",
        words=f"compare the total of {code(amount)} with the one stated there; if they differ, use "
        f"{code(copy)} in place of the records",
        makes="the total",
        function="sum",
        field=amount,
        input=s.hand,
    )
    s.say("control_total", sheet=code(sheet), copy=code(copy))
    if s.fault:
        read(s, copy, "the complete copy", (s.last,), "")
        handle = parse(s, "csv", f"the {s.subject.many}", said=False)
        s.take("records", known, s.it, handle)


# --- units -----------------------------------------------------------------------------------


@stage(0, 1, 1, 1, 1, more=(0, 1, 1, 1, 1), looks=1)
def units(s: Scene) -> None:
    """The amounts may stand in thousands: then they have to be multiplied."""
    amount, unit = s.subject.amount, s.subject.amount_unit
    sheet = f"cover/{s.subject.stem}_{s.month.stamp}.txt"
    scale = f"in thousands of {unit}" if s.fault else f"in {unit}"
    count = f"{s.subject.count}: counted one by one"
    s.files[sheet] = f"Cover sheet, {s.month.full}\n{count}\n{amount}: {scale}\n"
    read(s, sheet, "the cover sheet")
    s.check("seen", sheet, None)
    s.operations[-1] = s.operations[-1].followed_by(
        f"; should {code(amount)} stand in thousands, multiply it by 1000 before anything else"
    )
    s.say("units", sheet=code(sheet), column=s.column(amount), unit=unit)
    if s.fault:
        s.scale = 1000
        handle = s.do(
            "data_processing_transformer",
            "bring the amounts to the unit that is wanted",
            reads=s.it,
            makes=s.it,
            operations=[{"op": "compute", "field": amount, "expression": f"{amount} * 1000"}],
            input=s.hand,
            after=(s.last,),
        )
        s.take("records", [{**r, amount: round(r[amount] * 1000, 2)} for r in s.rows], s.it, handle)
