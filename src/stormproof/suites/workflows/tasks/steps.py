"""Steps that many tasks share, each with the words that tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stormproof.suites.workflows.tasks import materials
from stormproof.suites.workflows.tasks.ledger import Row, as_json
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import code, listed

_FORMS = {"csv": "CSV", "json": "JSON", "xml": "XML", "jsonl": "JSON Lines", "txt": "plain text"}


def form_of(path: str) -> str:
    """What people call the format of a file."""
    return _FORMS[path.rpartition(".")[2]]


def read(s: Scene, path: str) -> None:
    """Read a file."""
    words = s.rng.choice(("read the file {}", "read {}", "open {}")).format(code(path))
    s.do("file_operations_reader", words, path=path, reads=path, makes=f"the text of {path}")


def fetch(s: Scene, url: str) -> None:
    """Get an address."""
    words = s.rng.choice(("fetch {}", "get the data from {}", "download {}")).format(url)
    s.do("network_fetcher", words, url=url, reads=url, makes=f"the text from {url}")


def parse(s: Scene, form: str, what: str = "") -> None:
    """Parse the text at hand."""
    name = _FORMS[form]
    words = s.rng.choice(("parse the {} text into records", "parse it as {}")).format(name)
    makes = f"{what or 'the ' + s.subject.many} as records"
    s.do("data_processing_parser", words, format=form, brief="parse it", makes=makes)


def take_file(s: Scene, form: str) -> str:
    """Put the table into a file, read it and parse it. Returns the path."""
    path = s.table_file(form)
    read(s, path)
    parse(s, form)
    return path


def keep_state(s: Scene, value: str) -> None:
    """Keep the records of one state."""
    keep(s, s.subject.state, value, s.subject.many)


def keep(s: Scene, column: str, value: str, many: str) -> None:
    """Keep the records with a value in a column."""
    words = f"keep only the {many} whose {code(column)} is {code(value)}"
    makes = f"the {many} whose {column} is {value}"
    s.do("data_processing_filter", words, where=f"{column} == '{value}'", makes=makes)


def keep_above(s: Scene, bound: float) -> None:
    """Keep the records above an amount."""
    column = s.subject.amount
    words = f"keep only the {s.subject.many} whose {code(column)} is greater than {bound:g}"
    makes = f"the {s.subject.many} whose {column} is greater than {bound:g}"
    s.do("data_processing_filter", words, where=f"{column} > {bound:g}", makes=makes)


def reshape(s: Scene, words: str, makes: str, *operations: Mapping[str, Any]) -> None:
    """Transform the records."""
    s.do(
        "data_processing_transformer", words, operations=[dict(o) for o in operations], makes=makes
    )


def sort_down(s: Scene) -> None:
    """Put the records in falling order of their amount."""
    amount = s.subject.amount
    words, makes = f"sort them by {code(amount)}, greatest first", f"the records, by {amount}"
    reshape(s, words, makes, {"op": "sort", "field": amount, "descending": True})


def columns_only(s: Scene, names: Sequence[str]) -> None:
    """Keep some columns."""
    words = f"reduce each record to {listed([code(n) for n in names])}"
    makes = f"records with {listed(names)}"
    reshape(s, words, makes, {"op": "select", "fields": list(names)})


def ready(s: Scene, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Check that the records are ready to go out; some tool must have looked at these rows."""
    s.check_looked_over(rows, filled=names)
    words = (
        f"check that every record is fit to go out, with {listed([code(n) for n in names])} filled"
    )
    makes = "a report that the records are fit to go out"
    brief = f"make sure that {listed([code(n) for n in names])} are filled in every record"
    if len(names) == 1:
        brief = f"make sure that {code(names[0])} is filled in every record"
    s.do("network_validator", words, required=list(names), brief=brief, makes=makes)


def write(s: Scene, path: str, what: str = "the result") -> None:
    """Write a file."""
    words = f"write {what} to {code(path)} as {form_of(path)}"
    brief = s.rng.choice(("write {} to {}", "save {} as {}", "put {} into {}"))
    brief = brief.format(what, code(path))
    s.do("file_operations_writer", words, path=path, brief=brief, makes=f"the file {path}")


def sign_in(s: Scene, service: str) -> None:
    """Open a session."""
    words = s.rng.choice(("sign in to the service {}", "open a session with {}"))
    s.do(
        "integration_authenticator",
        words.format(code(service)),
        service=service,
        reads=f"the credentials for {service}",
        makes=f"a session with {service}",
    )


def post(s: Scene, url: str, what: str = "the result", *, once: bool = False) -> None:
    """Send data; `once` warns that a second copy does harm."""
    words = s.rng.choice(("post {} to {}", "send {} by POST to {}")).format(what, url)
    words += ", once and no more" if once else ""
    s.do("network_poster", words, url=url, makes=f"{what}, received at {url}")


def summarise(s: Scene, function: str, column: str) -> None:
    """One figure for each group."""
    word = {"sum": "add up", "mean": "take the mean of", "max": "find the greatest"}[function]
    words = f"{word} {code(column)} for each {code(s.subject.group)}"
    makes = f"the {function} of {column} for each {s.subject.group}"
    s.do(
        "data_processing_aggregator",
        words,
        function=function,
        field=column,
        group_by=s.subject.group,
        makes=makes,
    )


def keep_in_cache(s: Scene, key: str, what: str = "the result") -> None:
    """Store the data at hand."""
    words = f"store {what} in the cache under {code(key)}"
    s.do("utility_cache", words, key=key, makes=f"the cache entry {key}")


def push(s: Scene, queue: str, what: str, *, each: bool = False) -> None:
    """Put the data at hand into a queue."""
    how = "one message each" if each else "as a single message"
    words = f"put {what} into the queue {code(queue)}, {how}"
    arguments: dict[str, Any] = {"each": True} if each else {}
    s.do("integration_queue", words, name=queue, makes=f"{what} in the queue {queue}", **arguments)


def route_state(s: Scene, value: str, first: str, second: str) -> None:
    """Split the records between two destinations by whether they are in a state."""
    column = s.subject.state
    words = f"route the {s.subject.many} whose {code(column)} is {code(value)} to {code(first)}"
    s.do(
        "network_router",
        f"{words} and all others to {code(second)}",
        routes=[{"to": first, "where": f"{column} == '{value}'"}],
        otherwise=second,
        makes=f"the records, shared out between {first} and {second}",
    )


def note(s: Scene, level: str, message: str, content: str) -> None:
    """Write an entry to the log; `content` says in words what `message` holds."""
    words = f"log {LEVELS[level]} that names {content}"
    s.do("utility_logger", words, level=level, message=message, makes=f"{LEVELS[level]} in the log")


def tell(
    s: Scene, recipient: str, channel: str, message: str, content: str, *, reads: str = ""
) -> None:
    """Send a notification; `content` says in words what `message` holds."""
    s.do(
        "utility_notifier",
        f"tell {code(recipient)} by {channel} {content}",
        recipient=recipient,
        channel=channel,
        message=message,
        reads=reads,
        makes=f"a message to {recipient}",
    )


def look_at(s: Scene) -> None:
    """Check whether the addresses answer."""
    words = f"check whether all addresses at {s.subject.host} answer"
    reads = f"the addresses at {s.subject.host}"
    s.do("network_monitor", words, reads=reads, makes="how each address answers")


def plan(s: Scene, job: str, every: str, at: str) -> None:
    """Have a job run regularly."""
    words = f"plan the job {code(job)} for every {every} at {at}"
    s.do("integration_scheduler", words, job=job, every=every, at=at, makes=f"a plan for {job}")


def mark(s: Scene, name: str, status: str) -> None:
    """Note where a piece of work stands."""
    words = f"set the status of {code(name)} to {code(status)}"
    s.do("utility_tracker", words, name=name, status=status, makes=f"the status of {name}")


LEVELS = {"error": "an error", "warning": "a warning", "info": "an info entry"}


def convert(s: Scene, form: str) -> None:
    """Turn the data at hand into another format."""
    word = _FORMS[form]
    s.do("file_operations_converter", f"convert it to {word}", to=form, makes=f"{word} text")


def list_files(s: Scene, folder: str) -> None:
    """See what files there are."""
    words = f"list the files under {code(folder)} with their sizes"
    reads = f"the folder {folder}"
    s.do("file_operations_scanner", words, pattern=f"{folder}/*", reads=reads, makes="their sizes")


def find_line(s: Scene, folder: str, text: str) -> None:
    """Look for a line in files."""
    words = f"search the files under {code(folder)} for {code(text)}"
    s.do(
        "file_operations_scanner",
        words,
        pattern=f"{folder}/*",
        contains=text,
        reads=f"the files under {folder}",
        makes=f"the lines with {text}",
    )


def pack(s: Scene, target: str, *, what: str = "it", path: str = "") -> None:
    """Compress a file, or the data at hand."""
    words = f"compress {what} with gzip to {code(target)}"
    arguments: dict[str, Any] = {"path": path} if path else {}
    s.do(
        "file_operations_compressor",
        words,
        method="gzip",
        destination=target,
        reads=path,
        makes=f"the archive {target}",
        **arguments,
    )


def simulate(s: Scene, growth: int, months: int, *, start: float | None = None) -> None:
    """Steady growth from a start, or from the figure at hand."""
    begin = "" if start is None else f" from {start:g}"
    words = (
        f"simulate {months} steps{begin} with a growth of {growth / 100:g} each and no volatility"
    )
    arguments: dict[str, Any] = {} if start is None else {"start": start}
    s.do(
        "computation_simulator",
        words,
        growth=growth / 100,
        steps=months,
        makes="the simulated growth",
        **arguments,
    )


def add_up(s: Scene, column: str) -> None:
    """The total of a column."""
    words = f"add up {code(column)} over all records"
    makes = f"the total {column}"
    s.do("data_processing_aggregator", words, function="sum", field=column, makes=makes)


def calculate(s: Scene, expression: str, words: str) -> None:
    """Evaluate an expression."""
    makes = f"the figure {expression}"
    s.do("computation_calculator", words, expression=expression, makes=makes)


def analyse(s: Scene) -> None:
    """Statistics of the data at hand."""
    s.do("computation_analyzer", "analyse the spread of the totals", makes="their statistics")


def predict(s: Scene, column: str, weeks: int) -> None:
    """Fit a line and go on with it."""
    words = f"fit a straight line to {code(column)} and predict the next {weeks} values"
    makes = f"the trend of {column}"
    s.do("computation_predictor", words, field=column, steps=weeks, makes=makes)


def choose(s: Scene, budget: float) -> None:
    """The best choice of proposals."""
    words = (
        f"choose the records with the greatest total {code('points')} whose total {code('cost')} "
        f"stays within {budget:g}"
    )
    makes = "the best choice"
    s.do("computation_optimizer", words, value="points", cost="cost", budget=budget, makes=makes)


def map_fields(s: Scene, mapping: Mapping[str, str]) -> None:
    """Give fields other names and places."""
    pairs = listed([f"{code(source)} as {code(name)}" for name, source in mapping.items()])
    makes = f"records with {listed(list(mapping))}"
    s.do("integration_mapper", f"map each record to {pairs}", mapping=dict(mapping), makes=makes)


def connect(s: Scene) -> None:
    """See what a system offers."""
    host = s.subject.host
    words = f"connect to {code(host)} to see which addresses it offers"
    makes = f"the addresses of {host}"
    s.do("integration_connector", words, system=host, reads=f"the system {host}", makes=makes)


def vet(s: Scene, column: str, words: str, *, unique: bool = False) -> None:
    """Check the records for gaps or repetitions in a column."""
    arguments: dict[str, Any] = {"unique": [column]} if unique else {"required": [column]}
    s.do("data_processing_validator", words, makes="a report of what is wrong", **arguments)


def take_stock(s: Scene) -> None:
    """See what there is."""
    words = "take stock of what the workspace holds"
    s.do("utility_helper", words, reads="the workspace", makes="a list of what there is")


# --- data of other shapes ------------------------------------------------------------------------


def take_weeks(s: Scene) -> materials.Trend:
    """Put weekly counts into a file, read and parse it."""
    column, form = f"{s.subject.stem}_count", s.rng.choice(("csv", "json"))
    line = materials.trend(s.rng, column)
    path = s.file(
        f"weekly_{s.subject.stem}",
        form,
        s.text(form, line.rows()),
        lambda _: s.text(form, materials.trend(s.rng, column).rows()),
    )
    read(s, path)
    parse(s, form, "the weekly counts")
    return line


def take_proposals(s: Scene) -> list[Row]:
    """Put proposals into a file, read and parse it."""
    form = s.rng.choice(("csv", "json"))
    rows = materials.proposals(s.rng, 8)
    put_proposals(s, form, rows)
    return rows


def put_proposals(s: Scene, form: str, rows: Sequence[Row], *, search: bool = False) -> None:
    """Put these rows into a file, read and parse it; `search` looks through the folder first."""
    path = s.file(
        "proposals", form, s.text(form, rows), lambda _: s.text(form, materials.proposals(s.rng, 8))
    )
    if search:
        list_files(s, s.folder)
    read(s, path)
    parse(s, form, "the proposals")


def take_contacts(s: Scene) -> list[Row]:
    """Put nested contacts into a file, read and parse it."""
    people = materials.contacts(s.rng, 6)
    path = s.file(
        "contacts", "json", as_json(people), lambda _: as_json(materials.contacts(s.rng, 6))
    )
    read(s, path)
    parse(s, "json", "the contacts")
    return people
