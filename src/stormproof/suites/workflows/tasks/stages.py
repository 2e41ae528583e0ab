"""Archetypes of multi-stage pipelines: four to six required tools."""

from __future__ import annotations

from stormproof.suites.workflows.tasks import ledger, materials, steps
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import code, listed

_FORMS = ("csv", "json", "xml")


def vetted_extract(s: Scene) -> None:
    """Records of one state, reduced, checked and written."""
    value, names = s.pick_state(), s.some_columns()
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.keep_state(s, value)
    steps.columns_only(s, names)
    steps.ready(s, names, s.rows_in(value))
    target = s.target(f"{value}_{s.subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target, "the records")
    s.check("file", target, ledger.only(s.rows_in(value), names))
    columns = s.columns(names)
    s.say(columns=columns, **s.state_words(value), target=code(target))


def secured_handover(s: Scene) -> None:
    """Protected records, reduced, checked and delivered."""
    service, form, names = s.service(), s.rng.choice(_FORMS), s.some_columns()
    url = s.table_address(form, service)
    inlet = s.inlet(s.rng.choice(("authority-inbox", "clearing", "intake")), service)
    steps.sign_in(s, service)
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.columns_only(s, names)
    steps.ready(s, names, s.rows)
    steps.post(s, inlet, "the reduced records", once=True)
    s.check("post_once", inlet, ledger.only(s.rows, names))
    s.say(service=code(service), columns=s.columns(names), inlet=inlet)


def standing_report(s: Scene) -> None:
    """Who leads, told to somebody once the house is known to be up."""
    recipient, channel, words = s.recipient()
    steps.take_file(s, s.rng.choice(_FORMS))
    for name in ("home", "reports"):
        s.inlet(name)
    steps.summarise(s, "sum", s.subject.amount)
    steps.analyse(s)
    steps.look_at(s)
    leader, *others = ledger.ranked_groups(s.rows, s.subject)
    content = f"the {code(s.subject.group)} with the greatest total"
    steps.tell(s, recipient, channel, leader, content, reads=s.data)
    s.check("probed", s.subject.host, None)
    s.check_told(recipient, channel, leader, others)
    s.say(**words)


def standing_export(s: Scene) -> None:
    """An extract in a file, and a job that repeats it."""
    form, value, names = s.rng.choice(_FORMS), s.pick_state(), s.some_columns()
    job, every, at, words = s.timetable()
    steps.fetch(s, s.table_address(form))
    steps.parse(s, form)
    steps.keep_state(s, value)
    steps.columns_only(s, names)
    target = s.target(f"{value}_{s.subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target)
    steps.plan(s, job, every, at)
    s.check("file", target, ledger.only(s.rows_in(value), names))
    s.check("schedule", job, {"every": every, "at": at})
    s.say(
        columns=s.columns(names),
        target=code(target),
        **s.state_words(value),
        **words,
    )


def queue_and_log(s: Scene) -> None:
    """Cases into a queue, and a line in the log that says how many."""
    value, queue = s.pick_state(), s.queue()
    chosen = s.rows_in(value)
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.keep_state(s, value)
    steps.push(s, queue, "what is left", each=True)
    steps.note(s, "info", f"{len(chosen)} {s.subject.many} passed on", "the number of those")
    s.check("queue", queue, chosen)
    s.check("log", "info", str(len(chosen)))
    s.say(queue=code(queue), level="info entry", **s.state_words(value))


def search_and_pick(s: Scene) -> None:
    """Proposals that have to be found, the best choice, and a note that it is settled."""
    form, rows = s.rng.choice(("csv", "json")), materials.proposals(s.rng, 8)
    steps.put_proposals(s, form, rows, search=True)
    budget, best = materials.settle_budget(s.rng, rows)
    target = s.target("chosen_proposals", "json")
    name, status = f"budget-{s.month.stamp}", s.rng.choice(("decided", "settled", "closed"))
    steps.choose(s, budget)
    steps.write(s, target, "the outcome")
    steps.mark(s, name, status)
    s.check("file", target, materials.outcome(best))
    s.check("tracked", name, status)
    words = {**s.proposal_words(), "name": code(name), "status": code(status)}
    s.say(budget=f"{budget:g}", target=code(target), **words)


def linked_contacts(s: Scene) -> None:
    """A protected list at an address that has to be found, made flat, in the cache."""
    service, key = s.service(), s.key("callers")
    people, mapping = materials.contacts(s.rng, 6), materials.contact_fields(s.rng)
    s.inlet("about")
    url = s.contact_address(people, service)
    steps.connect(s)
    steps.sign_in(s, service)
    steps.fetch(s, url)
    steps.parse(s, "json", "the contacts")
    steps.map_fields(s, mapping)
    steps.keep_in_cache(s, key, "the flat records")
    s.check("cache", key, materials.mapped(people, mapping))
    fields = listed([code(name) for name in mapping])
    s.say(service=code(service), fields=fields, key=code(key))


def take_stock(s: Scene) -> None:
    """A workspace taken over from somebody else, and its records shared out."""
    value, (first, second) = s.pick_state(), s.desks()
    steps.take_stock(s)
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.route_state(s, value, first, second)
    s.check("routed", first, s.rows_in(value))
    s.check("routed", second, s.rows_not_in(value))
    s.say(first=code(first), second=code(second), **s.state_words(value))


def outlook_memo(s: Scene) -> None:
    """A total, let grow, and written down."""
    growth, ahead = s.rng.randrange(1, 10), s.rng.randrange(3, 10)
    target = s.target(f"{s.subject.stem}_outlook", "json")
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.add_up(s, s.subject.amount)
    steps.simulate(s, growth, ahead)
    steps.write(s, target, "the outcome")
    start = ledger.total(s.rows, s.subject.amount)
    s.check("file", target, ledger.grown(start, growth, ahead))
    s.say(growth=str(growth), steps=str(ahead), target=code(target))


def sign_off(s: Scene) -> None:
    """Records in order, checked, and their total with something on top."""
    key, amount = s.key("statement"), s.subject.amount
    percent, stated = ledger.with_percent(s.rng, ledger.total(s.rows, amount))
    steps.take_file(s, s.rng.choice(_FORMS))
    steps.sort_down(s)
    steps.ready(s, [s.subject.id], s.rows)
    steps.calculate(
        s,
        f"round(sum({amount}) * {1 + percent / 100:g}, 2)",
        f"calculate the sum of {code(amount)} plus {percent} %, rounded to two decimals",
    )
    steps.keep_in_cache(s, key, "the figure")
    s.check("cache", key, stated)
    s.say(percent=str(percent), key=code(key))


ARCHETYPES = (
    vetted_extract,
    secured_handover,
    standing_report,
    standing_export,
    queue_and_log,
    search_and_pick,
    linked_contacts,
    take_stock,
    outlook_memo,
    sign_off,
)
