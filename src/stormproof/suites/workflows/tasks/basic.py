"""Archetypes of basic tasks: three or four required tools."""

from __future__ import annotations

from stormproof.suites.workflows.tasks import ledger, materials, steps
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import code, listed


def keep_and_save(s: Scene) -> None:
    """The records of one state, in a file."""
    value = s.pick_state()
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.keep_state(s, value)
    target = s.target(f"{value}_{s.subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target, "what is left")
    s.check("file", target, s.rows_in(value))
    s.say(**s.state_words(value), target=code(target))


def top_records(s: Scene) -> None:
    """The greatest of all records, in order."""
    amount, most = s.subject.amount, s.rng.randrange(3, 6)
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.reshape(
        s,
        f"sort the records by {code(amount)}, greatest first, and keep the first {most}",
        f"the {most} records with the greatest {amount}",
        {"op": "sort", "field": amount, "descending": True},
        {"op": "limit", "count": most},
    )
    target = s.target(f"top_{s.subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target)
    s.check("file", target, ledger.ranked(s.rows, amount)[:most], ordered=True)
    s.say(n=str(most), target=code(target))


def gap_report(s: Scene) -> None:
    """One record lacks a field; the log has to say which."""
    column = s.rng.choice((s.subject.group, s.subject.state, s.subject.amount))
    gap = s.rng.choice(s.rows)
    gap[column] = ""
    steps.take_file(s, s.rng.choice(("csv", "json")))
    steps.vet(s, column, f"check that {code(column)} is filled in every record")
    name = gap[s.subject.id]
    steps.note(s, "error", name, f"the {code(s.subject.id)} of the record without it")
    s.check_logged("error", name, (row[s.subject.id] for row in s.rows))
    s.say(column=s.column(column), level="error")


def tell_leader(s: Scene) -> None:
    """Which group comes first by its total."""
    group, amount = s.subject.group, s.subject.amount
    recipient, channel, words = s.recipient()
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.summarise(s, "sum", amount)
    leader, *others = ledger.ranked_groups(s.rows, s.subject)
    steps.tell(s, recipient, channel, leader, f"the {code(group)} with the greatest total")
    s.check_told(recipient, channel, leader, others)
    s.say(**words)


def queue_state(s: Scene) -> None:
    """The records of one state, one message each."""
    form, value, queue = s.rng.choice(("json", "csv")), s.pick_state(), s.queue()
    steps.fetch(s, s.table_address(form))
    steps.parse(s, form)
    steps.keep_state(s, value)
    steps.push(s, queue, "what is left", each=True)
    s.check("queue", queue, s.rows_in(value))
    s.say(**s.state_words(value), queue=code(queue))


def price_up(s: Scene) -> None:
    """A total with something on top."""
    percent, figure = ledger.with_percent(s.rng, ledger.total(s.rows, s.subject.amount))
    key, amount = s.key("total"), s.subject.amount
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.calculate(
        s,
        f"round(sum({amount}) * {1 + percent / 100:g}, 2)",
        f"calculate the sum of {code(amount)} plus {percent} %, rounded to two decimals",
    )
    steps.keep_in_cache(s, key, "the figure")
    s.check("cache", key, figure)
    s.say(percent=str(percent), key=code(key))


def next_value(s: Scene) -> None:
    """Weekly counts, continued in a straight line."""
    line, key, ahead = steps.take_weeks(s), s.key("trend"), s.rng.randrange(2, 6)
    steps.predict(s, line.column, ahead)
    steps.keep_in_cache(s, key, "the outcome")
    s.check("cache", key, line.ahead(ahead))
    s.say(n=str(ahead), column=s.weekly_column(line.column), key=code(key))


def budget_choice(s: Scene) -> None:
    """The most points that a budget buys."""
    rows = steps.take_proposals(s)
    budget, best = materials.settle_budget(s.rng, rows)
    target = s.target("chosen_proposals", "json")
    steps.choose(s, budget)
    steps.write(s, target, "the outcome")
    s.check("file", target, materials.outcome(best))
    s.say(budget=f"{budget:g}", target=code(target), **s.proposal_words())


def flat_contacts(s: Scene) -> None:
    """Nested contacts, made flat."""
    mapping = materials.contact_fields(s.rng)
    people = steps.take_contacts(s)
    key = s.key("contacts")
    steps.map_fields(s, mapping)
    steps.keep_in_cache(s, key, "the flat records")
    s.check("cache", key, materials.mapped(people, mapping))
    fields = listed([code(name) for name in mapping])
    s.say(fields=fields, key=code(key))


def night_duty(s: Scene) -> None:
    """An address is down: log it, and tell somebody."""
    sick = s.sick_address()
    recipient, channel, words = s.recipient()
    part, *others = (url.rpartition("/")[2] for url in sorted(s.resources, key=sick.__ne__))
    steps.look_at(s)
    steps.note(s, "error", sick, "the address that does not answer properly")
    steps.tell(s, recipient, channel, sick, "which one it is")
    s.check_logged("error", part, others)
    s.check_told(recipient, channel, part, others)
    s.say(level="error", **words)


ARCHETYPES = (
    keep_and_save,
    top_records,
    gap_report,
    tell_leader,
    queue_state,
    price_up,
    next_value,
    budget_choice,
    flat_contacts,
    night_duty,
)
