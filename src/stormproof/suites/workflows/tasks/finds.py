"""Records that something else leads to: a status page, a part that is down, a line in a log."""

from __future__ import annotations

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.tasks.materials import log_text, with_line
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.sources import fetch, listing, open_table, read
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.wording import code

_PARTS = ("import", "export", "search", "accounts", "documents", "labels", "prices", "calendar")
_LOGS = ("gateway", "worker", "billing", "mailer", "search")


@stage(2, 3, 3, 4, 4)
def an_incident(s: Scene) -> None:
    """The records that a status page points to."""
    form, table = s.form(), s.table()
    number = f"INC-{s.rng.randrange(10_000, 99_999)}"
    page = f"https://{s.subject.host}/status"
    base = f"https://{s.subject.host}/v1/affected"
    url = f"{base}/{s.rng.randrange(16**6):06x}"
    past = [f"INC-{s.rng.randrange(10_000, 99_999)}" for _ in range(1 + s.level // 2)]
    lines = [
        f"closed   {each}  records affected: {base}/{s.rng.randrange(16**6):06x}" for each in past
    ]
    lines.insert(s.rng.randrange(len(lines) + 1), f"open     {number}  records affected: {url}")
    s.offer(page, f"Incidents at {s.subject.host}\n" + "\n".join(lines) + "\n", "txt")
    for line in lines:
        other = line.rpartition(" ")[2]
        text = (
            table.text(form)
            if other == url
            else s.other_text(form, len(table.rows), s.month.after(-1))
        )
        s.offer(other, text, form)
    if s.upper:
        s.do(
            "network_monitor",
            "check that the addresses answer",
            reads=f"the addresses at {s.subject.host}",
            makes="how each address answers",
        )
    fetch(s, page, "the status page")
    fetch(
        s,
        url,
        "the records affected by the open incident",
        (s.last,),
        "get the records that it names for the open incident",
    )
    open_table(s, table, form)
    s.say("an_incident", page=page)


@stage(2, 3, 3, 3, 4, lists=True)
def a_sick_part(s: Scene) -> None:
    """The records that a part of the house which is down did not take."""
    form, table = s.form(), s.table()
    names = s.rng.sample(_PARTS, 3 + s.level // 2)
    sick, folder = names[0], "undelivered"
    for name in sorted(names):
        status = s.rng.choice((500, 502, 503)) if name == sick else 200
        body = '{"error": "out of order"}\n' if name == sick else '{"status": "fine"}\n'
        s.resources[f"https://{s.subject.host}/v1/{name}"] = Resource(status, body)
        size = len(table.rows)
        own = table.text(form) if name == sick else s.other_text(form, size, s.month)
        s.files[f"{folder}/{name}.{form}"] = own
    s.do(
        "network_monitor",
        "see which address does not answer",
        words=f"check which address at {s.subject.host} does not answer properly",
        reads=f"the addresses at {s.subject.host}",
        makes="how each address answers",
    )
    s.check("probed", s.subject.host, None)
    read(
        s,
        f"{folder}/{sick}.{form}",
        "what it did not take",
        (s.last, *listing(s)),
        f"read the file in {code(folder)} that is named after it",
    )
    open_table(s, table, form)
    s.say("a_sick_part", folder=code(folder))


@stage(2, 3, 3, 3, 4, lists=True)
def a_logged_case(s: Scene) -> None:
    """The records of a case that a line in a log names."""
    form, table = s.form(), s.table()
    logs, folder = f"logs/{s.subject.host.partition('.')[0]}", "cases"
    least = min(table.rows, key=lambda row: row[s.subject.amount] or 0)  # never anybody's answer
    thing = f"{s.subject.one} {least[s.subject.id]}"
    cases = [f"E-{number}" for number in s.rng.sample(range(1_000, 10_000), 2 + s.level // 2)]
    for name in sorted(s.rng.sample(_LOGS, 3)):
        s.files[f"{logs}/{name}.log"] = log_text(s.rng, s.month, 8 + 12 * s.level)
    about = [
        thing,
        *(f"{s.subject.one} {s.subject.id_form.format(s.rng.randrange(9_999))}" for _ in cases[1:]),
    ]
    for case, what in zip(cases, about, strict=True):
        path = s.rng.choice([each for each in s.files if each.startswith(logs)])
        s.files[path] = with_line(
            s.rng, s.files[path], f"ERROR {what} could not be stored: case {case}"
        )
    for case in sorted(cases):
        own = table.text(form) if case == cases[0] else s.other_text(form, len(table.rows), s.month)
        s.files[f"{folder}/{case}.{form}"] = own
    s.do(
        "file_operations_scanner",
        "look for the line in the logs",
        words=f"search the files under {code(logs)} for {code(thing)}",
        reads=f"the files under {logs}",
        makes="the lines about it",
        pattern=f"{logs}/*",
        contains=thing,
    )
    read(
        s,
        f"{folder}/{cases[0]}.{form}",
        "the records of the case",
        (s.last, *listing(s)),
        f"read the file in {code(folder)} that is named after the case that the line names",
    )
    open_table(s, table, form)
    s.say("a_logged_case", logs=code(logs), thing=thing, folder=code(folder))
