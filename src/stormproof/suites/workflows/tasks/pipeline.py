"""Archetypes of data pipelines: three to five required tools."""

from __future__ import annotations

from stormproof.suites.workflows.tasks import ledger, materials, steps
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import code

_FORMS = ("csv", "json", "xml")


def totals_of_state(s: Scene) -> None:
    """The sum of one column by group, over the records of one state."""
    value = s.pick_state()
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.keep_state(s, value)
    steps.summarise(s, "sum", s.subject.amount)
    target = s.target(f"{value}_by_{s.subject.group}", s.rng.choice(("csv", "json")))
    steps.write(s, target, "the totals")
    s.check("file", target, ledger.summary(s.rows_in(value), s.subject, "sum"))
    s.say(**s.state_words(value), target=code(target))


def tidy_table(s: Scene) -> None:
    """Blanks and doubles taken out."""
    key = s.subject.id
    target = s.target(f"clean_{s.subject.stem}", s.rng.choice(("csv", "json")))
    path = s.table_file("csv", ledger.untidy(s.rng, s.rows, s.subject))
    steps.read(s, path)
    steps.parse(s, "csv")
    steps.reshape(
        s,
        "trim the blanks off all texts and drop records that stand there twice",
        f"the {s.subject.many}, trimmed, each once",
        {"op": "trim"},
        {"op": "deduplicate"},
    )
    steps.vet(s, key, f"check that no {code(key)} is left twice", unique=True)
    s.check_looked_over(s.rows, unique=[key])
    steps.write(s, target, "the clean records")
    s.check("file", target, s.rows)
    s.say(target=code(target))


def pack_format(s: Scene) -> None:
    """Another format, compressed."""
    form, wanted = s.rng.choice((("csv", "json"), ("json", "csv"), ("xml", "json"), ("xml", "csv")))
    path = s.table_file(form)
    target = s.target(s.subject.stem, f"{wanted}.gz")
    steps.read(s, path)
    steps.convert(s, wanted)
    steps.pack(s, target, what="that text")
    s.check("archive", target, s.text(wanted, s.rows))
    s.say(word=steps.form_of(f".{wanted}"), target=code(target))


def rank_extract(s: Scene) -> None:
    """The records above an amount, in order, checked for their ids."""
    subject, bound = s.subject, s.pick_bound(s.rng.randrange(3, 7))
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.keep_above(s, bound)
    steps.sort_down(s)
    target = s.target(f"large_{subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target)
    chosen = [row for row in s.rows if row[subject.amount] > bound]
    s.check("file", target, ledger.ranked(chosen, subject.amount), ordered=True)
    s.say(**s.above(bound), target=code(target))


def weighed_total(s: Scene) -> None:
    """An equal share of what the records of one state come to."""
    value, key, parts = s.pick_state(), s.key("share"), s.rng.choice((3, 5, 7, 9))
    amount = s.subject.amount
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.keep_state(s, value)
    steps.calculate(
        s,
        f"round(sum({amount}) / {parts}, 2)",
        f"calculate the sum of {code(amount)} divided by {parts}, rounded to two decimals",
    )
    steps.keep_in_cache(s, key, "the figure")
    s.check("cache", key, ledger.shared(ledger.total(s.rows_in(value), amount), parts))
    words = {3: "three", 5: "five", 7: "seven", 9: "nine"}
    number = str(parts) if s.exact else words[parts]
    s.say(**s.state_words(value), parts=number, key=code(key))


def feed_split(s: Scene) -> None:
    """A service's records, shared out between two desks."""
    form, value, (first, second) = s.rng.choice(_FORMS), s.pick_state(), s.desks()
    steps.fetch(s, s.table_address(form))
    steps.parse(s, form)
    steps.route_state(s, value, first, second)
    s.check("routed", first, s.rows_in(value))
    s.check("routed", second, s.rows_not_in(value))
    s.say(**s.state_words(value), first=code(first), second=code(second))


def trend_report(s: Scene) -> None:
    """A straight line through weekly counts, and on."""
    line, ahead = steps.take_weeks(s), s.rng.randrange(2, 7)
    target = s.target(f"{s.subject.stem}_trend", "json")
    steps.predict(s, line.column, ahead)
    steps.write(s, target, "the outcome")
    s.check("file", target, line.ahead(ahead))
    column = s.weekly_column(line.column)
    s.say(n=str(ahead), column=column, target=code(target))


def profile_and_tell(s: Scene) -> None:
    """Totals by group, analysed; somebody is told which comes last."""
    recipient, channel, words = s.recipient()
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.summarise(s, "sum", s.subject.amount)
    steps.analyse(s)
    *others, last = ledger.ranked_groups(s.rows, s.subject)
    content = f"the {code(s.subject.group)} with the smallest total"
    steps.tell(s, recipient, channel, last, content, reads=s.data)
    s.check_told(recipient, channel, last, others)
    s.say(**words)


def picked_queue(s: Scene) -> None:
    """The best choice among the proposals that were cleared, in a queue."""
    rows, queue = steps.take_proposals(s), f"{s.subject.prefix.lower()}.purchases"
    cleared = [row for row in rows if row["status"] == "cleared"]
    others = [row for row in rows if row["status"] != "cleared"]
    budget, best = materials.settle_budget(s.rng, cleared, others)
    steps.keep(s, "status", "cleared", "proposals")
    steps.choose(s, budget)
    steps.push(s, queue, "the outcome")
    s.check("queue", queue, [materials.outcome(best)])
    s.say(budget=f"{budget:g}", queue=code(queue), **s.proposal_words())


def packed_extract(s: Scene) -> None:
    """The records of one state, in another format, compressed."""
    value, wanted = s.pick_state(), s.rng.choice(("json", "csv"))
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.keep_state(s, value)
    steps.convert(s, wanted)
    target = s.target(f"{value}_{s.subject.stem}", f"{wanted}.gz")
    steps.pack(s, target, what="that text")
    s.check("archive", target, s.text(wanted, s.rows_in(value)))
    s.say(
        **s.state_words(value),
        word=steps.form_of(f".{wanted}"),
        target=code(target),
    )


ARCHETYPES = (
    totals_of_state,
    tidy_table,
    pack_format,
    rank_extract,
    weighed_total,
    feed_split,
    trend_report,
    profile_and_tell,
    picked_queue,
    packed_extract,
)
