"""Archetypes of simple tasks: two or three required tools."""

from __future__ import annotations

from stormproof.suites.workflows.tasks import ledger, materials, steps
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import code


def convert_file(s: Scene) -> None:
    """The same records in another format."""
    form, wanted = s.rng.choice((("csv", "json"), ("json", "csv"), ("xml", "json"), ("xml", "csv")))
    path = s.table_file(form)
    target = s.target(s.subject.stem, wanted)
    word = steps.form_of(target)
    steps.read(s, path)
    steps.convert(s, wanted)
    steps.write(s, target, "the converted text")
    s.check("file", target, s.rows)
    s.say(word=word, target=code(target))


def pack_largest(s: Scene) -> None:
    """The largest of some logs, compressed."""
    folder = f"logs/{s.subject.host.partition('.')[0]}"
    names = s.rng.sample(("gateway", "worker", "billing", "mailer", "search"), 3 + s.level // 3)
    largest = s.rng.choice(names)
    for name in sorted(names):
        lines = 16 if name == largest else s.rng.randrange(4, 11)
        s.files[f"{folder}/{name}.log"] = materials.log_text(s.rng, s.month, lines)
    target = f"archive/{folder.partition('/')[2]}_{s.month.stamp}.log.gz"
    path = f"{folder}/{largest}.log"
    steps.list_files(s, folder)
    steps.pack(s, target, path=path, what=f"the largest of them, {code(path)},")
    s.check("archive", target, s.files[path])
    s.say(folder=s.log_folder(folder), target=code(target))


def group_totals(s: Scene) -> None:
    """One figure for each group, for somebody on the phone."""
    function, word = s.rng.choice((("sum", "total"), ("mean", "average"), ("max", "maximum")))
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.summarise(s, function, s.subject.amount)
    s.check("result", "data_processing_aggregator", ledger.summary(s.rows, s.subject, function))
    s.say(figure=word)


def cached_copy(s: Scene) -> None:
    """A service's records, in the cache."""
    form = s.rng.choice(("json", "csv", "xml"))
    steps.fetch(s, s.table_address(form))
    steps.parse(s, form)
    key = s.key("copy")
    steps.keep_in_cache(s, key, "the records")
    s.check("cache", key, s.rows)
    s.say(key=code(key))


def book_job(s: Scene) -> None:
    """A job, planned and noted as such."""
    job, every, at, words = s.timetable()
    name = f"{s.subject.stem}-{s.month.stamp}"
    status = s.rng.choice(("scheduled", "automated", "settled"))
    steps.plan(s, job, every, at)
    steps.mark(s, name, status)
    s.check("schedule", job, {"every": every, "at": at})
    s.check("tracked", name, status)
    s.say(name=code(name), status=code(status), **words)


def sick_service(s: Scene) -> None:
    """Somebody has to be told which address is down."""
    sick = s.sick_address()
    recipient, channel, words = s.recipient()
    steps.look_at(s)
    steps.tell(s, recipient, channel, sick, "which address does not answer properly")
    part, *others = (url.rpartition("/")[2] for url in sorted(s.resources, key=sick.__ne__))
    s.check_told(recipient, channel, part, others)
    s.say(**words)


def signed_download(s: Scene) -> None:
    """Data behind a sign-in."""
    service = s.service()
    url = s.table_address(s.rng.choice(("json", "csv", "xml")), service)
    steps.sign_in(s, service)
    steps.fetch(s, url)
    s.check("result", "network_fetcher", s.resources[url].body)
    s.say(service=code(service))


def find_in_logs(s: Scene) -> None:
    """A code that stands somewhere in some logs."""
    folder = f"logs/{s.subject.host.partition('.')[0]}"
    names = sorted(s.rng.sample(("gateway", "worker", "billing", "mailer", "search"), 3))
    subject = s.subject
    thing = s.rows[0][subject.id]
    found = f"E-{s.rng.randrange(1000, 9999)}"
    lines = [f"ERROR {found}: {subject.one} {thing} could not be stored"]
    lines += [
        f"ERROR E-{s.rng.randrange(1000, 9999)}: {subject.one} {row[subject.id]} came too late"
        for row in s.rows[1 : max(2, s.level)]
    ]
    for name in names:
        s.files[f"{folder}/{name}.log"] = materials.log_text(s.rng, s.month, s.rng.randrange(6, 12))
    for line in lines:
        path = f"{folder}/{s.rng.choice(names)}.log"
        s.files[path] = materials.with_line(s.rng, s.files[path], line)
    steps.find_line(s, folder, thing)
    steps.note(s, "warning", found, f"the code in that line, {code(found)}")
    s.check_logged("warning", found, (line.split(":")[0].split()[1] for line in lines))
    s.say(
        folder=s.log_folder(folder),
        thing=f"{subject.one} {thing}",
        level="warning",
    )


def growth_outlook(s: Scene) -> None:
    """Steady growth, reckoned ahead."""
    start, growth, ahead = (
        s.rng.randrange(12, 90) * 10,
        s.rng.randrange(1, 13),
        s.rng.randrange(4, 13),
    )
    key = s.key("outlook")
    steps.simulate(s, growth, ahead, start=start)
    steps.keep_in_cache(s, key, "the outcome")
    s.check("cache", key, ledger.grown(start, growth, ahead))
    end = s.month.after(ahead).full
    s.say(
        start=str(start),
        growth=str(growth),
        until=f"for {ahead} months" if s.exact else f"until {end}",
        end=end,
        key=code(key),
    )


ARCHETYPES = (
    convert_file,
    pack_largest,
    group_totals,
    cached_copy,
    book_job,
    sick_service,
    signed_download,
    find_in_logs,
    growth_outlook,
)
