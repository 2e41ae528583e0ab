"""Archetypes of API integration: three or four required tools."""

from __future__ import annotations

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.tasks import ledger, materials, steps
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import HARD, code, listed

_INLETS = ("partner-feed", "handover", "authority-inbox", "clearing", "intake")


def pass_on(s: Scene) -> None:
    """Records of one service, reduced to what another one may have, and sent there."""
    form, names = s.rng.choice(("json", "csv")), s.some_columns()
    url = s.table_address(form)
    inlet = s.inlet(s.rng.choice(_INLETS))
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.columns_only(s, names)
    steps.post(s, inlet, "the reduced records")
    s.check("post", inlet, ledger.only(s.rows, names))
    s.say(columns=s.columns(names), inlet=inlet)


def signed_submission(s: Scene) -> None:
    """A file's records, delivered to somebody who wants us signed in."""
    service = s.service()
    form = s.rng.choice(("csv", "xml", "json"))
    path = s.table_file(form)
    inlet = s.inlet(s.rng.choice(_INLETS), service)
    steps.sign_in(s, service)
    steps.read(s, path)
    steps.parse(s, form)
    steps.post(s, inlet, "the records", once=True)
    s.check("post_once", inlet, s.rows)
    s.say(service=code(service), inlet=inlet)


def discover_and_queue(s: Scene) -> None:
    """A list at an address that has to be found first."""
    form, queue = s.rng.choice(("json", "csv", "xml")), s.queue()
    s.inlet("about")
    url = s.table_address(form)
    steps.connect(s)
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.push(s, queue, "the records")
    s.check("queue", queue, [s.rows])
    s.say(queue=code(queue))


def partner_names(s: Scene) -> None:
    """Records under the partner's field names, which an agreement in a file tells."""
    form, names = s.rng.choice(("json", "csv")), s.some_columns()
    mapping = dict(zip(s.rng.choice(_PARTNER_NAMES), names, strict=True))
    url = s.table_address(form)
    inlet = s.inlet(s.rng.choice(_INLETS))
    if s.level >= HARD:
        s.folder = "agreements"
        lines = "".join(f"  {name} = {source}\n" for name, source in mapping.items())
        s.files["agreements/partner_fields.txt"] = f"Field names agreed (theirs = ours):\n{lines}"
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.map_fields(s, mapping)
    steps.post(s, inlet, "the mapped records")
    s.check("post", inlet, materials.mapped(s.rows, mapping))
    renamed = listed([f"{s.column(source)} is {code(name)}" for name, source in mapping.items()])
    s.say(inlet=inlet, renamed=renamed)


def split_feed(s: Scene) -> None:
    """Protected records, shared out between two desks."""
    service, (first, second) = s.service(), s.desks()
    form, value = s.rng.choice(("json", "csv")), s.pick_state()
    url = s.table_address(form, service)
    steps.sign_in(s, service)
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.route_state(s, value, first, second)
    s.check("routed", first, s.rows_in(value))
    s.check("routed", second, s.rows_not_in(value))
    s.say(
        service=code(service),
        first=code(first),
        second=code(second),
        **s.state_words(value),
    )


def checked_delivery(s: Scene) -> None:
    """Records checked for gaps, then delivered as they are."""
    form, names = s.rng.choice(("json", "csv", "xml")), s.some_columns()
    url = s.table_address(form)
    inlet = s.inlet(s.rng.choice(_INLETS))
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.ready(s, names, s.rows)
    steps.post(s, inlet, "the records")
    s.check("post", inlet, s.rows)
    s.say(columns=s.columns(names), inlet=inlet)


def protected_copy(s: Scene) -> None:
    """What a protected address sends, as a file."""
    service, form = s.service(), s.rng.choice(("json", "csv", "xml"))
    url = s.table_address(form, service)
    target = s.target(f"{s.subject.stem}_original", form)
    steps.sign_in(s, service)
    steps.fetch(s, url)
    steps.write(s, target, "the text")
    s.check("file", target, s.resources[url].body)
    s.say(service=code(service), target=code(target))


def planned_sync(s: Scene) -> None:
    """A protected text in the cache, and a job that keeps it fresh."""
    service, key = s.service(), s.key("text")
    url = s.table_address(s.rng.choice(("json", "csv", "xml")), service)
    job, every, at, words = s.timetable()
    steps.sign_in(s, service)
    steps.fetch(s, url)
    steps.keep_in_cache(s, key, "the text")
    steps.plan(s, job, every, at)
    s.check("cache", key, s.resources[url].body)
    s.check("schedule", job, {"every": every, "at": at})
    s.say(service=code(service), key=code(key), **words)


def incident_call(s: Scene) -> None:
    """The incident that a status page names, told to somebody."""
    recipient, channel, words = s.recipient()
    number = f"INC-{s.rng.randrange(10_000, 99_999)}"
    closed = [f"INC-{s.rng.randrange(1000, 9999)}" for _ in range(s.level)]
    url = f"https://{s.subject.host}/status"
    part = s.sick_address().rpartition("/")[2]
    past = "".join(f"closed   {each}: {s.subject.many} were slow to load\n" for each in closed)
    page = f"Status of {s.subject.host}\n{past}open     {number}: {part} is out of order\n"
    s.resources[url] = Resource(200, page, "text/plain")
    steps.look_at(s)
    steps.fetch(s, url)
    steps.tell(s, recipient, channel, number, "the number of the open incident on that page")
    s.check_told(recipient, channel, number, closed)
    s.say(url=url, **words)


_PARTNER_NAMES = (
    ("ref", "unit", "value"),
    ("externalId", "place", "figure"),
    ("key", "origin", "quantity"),
    ("no", "party", "measure"),
)

ARCHETYPES = (
    pass_on,
    signed_submission,
    discover_and_queue,
    partner_names,
    split_feed,
    checked_delivery,
    protected_copy,
    planned_sync,
    incident_call,
)
