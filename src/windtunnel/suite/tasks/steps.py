"""Steps that many tasks share, each with the words that tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.suite.tasks.scene import Scene
from windtunnel.suite.tasks.wording import code, listed

_FORMS = {"csv": "CSV", "json": "JSON", "xml": "XML", "jsonl": "JSON Lines", "txt": "plain text"}


def form_of(path: str) -> str:
    """What people call the format of a file."""
    return _FORMS[path.rpartition(".")[2]]


def read(s: Scene, path: str) -> None:
    """Read a file."""
    told = s.rng.choice(("read the file {}", "read {}", "open and read {}")).format(code(path))
    s.do("file_operations_reader", told, path=path, reads=path, makes=f"the text of {path}")


def fetch(s: Scene, url: str) -> None:
    """Get an address."""
    told = s.rng.choice(("fetch {}", "get the data from {}", "download {}")).format(url)
    s.do("network_fetcher", told, url=url, reads=url, makes=f"the text from {url}")


def parse(s: Scene, form: str) -> None:
    """Parse the text at hand."""
    name = _FORMS[form]
    told = s.rng.choice(("parse the {} text into records", "parse it as {}")).format(name)
    makes = f"the {s.subject.many} as records"
    s.do("data_processing_parser", told, format=form, brief="parse it", makes=makes)


def take_file(s: Scene, form: str) -> str:
    """Put the table into a file, read it and parse it. Returns the path."""
    path = s.table_file(form)
    read(s, path)
    parse(s, form)
    return path


def keep_state(s: Scene, value: str) -> None:
    """Keep the records of one state."""
    column = s.subject.state
    told = f"keep only the {s.subject.many} whose {code(column)} is {code(value)}"
    makes = f"the {s.subject.many} whose {column} is {value}"
    s.do("data_processing_filter", told, where=f"{column} == '{value}'", makes=makes)


def keep_above(s: Scene, bound: float) -> None:
    """Keep the records above an amount."""
    column = s.subject.amount
    told = f"keep only the {s.subject.many} whose {code(column)} is greater than {bound:g}"
    makes = f"the {s.subject.many} whose {column} is greater than {bound:g}"
    s.do("data_processing_filter", told, where=f"{column} > {bound:g}", makes=makes)


def reshape(s: Scene, told: str, makes: str, *operations: Mapping[str, Any]) -> None:
    """Transform the records."""
    s.do("data_processing_transformer", told, operations=[dict(o) for o in operations], makes=makes)


def columns_only(s: Scene, names: Sequence[str]) -> None:
    """Keep some columns."""
    told = f"reduce each record to {listed([code(n) for n in names])}"
    makes = f"records with {listed(names)}"
    reshape(s, told, makes, {"op": "select", "fields": list(names)})


def ready(s: Scene, names: Sequence[str]) -> None:
    """Check that the records are ready to go out."""
    told = (
        f"check that every record is fit to go out, with {listed([code(n) for n in names])} filled"
    )
    makes = "a report that the records are fit to go out"
    brief = f"make sure that {listed([code(n) for n in names])} are filled in every record"
    if len(names) == 1:
        brief = f"make sure that {code(names[0])} is filled in every record"
    s.do("network_validator", told, required=list(names), brief=brief, makes=makes)


def write(s: Scene, path: str, what: str = "the result") -> None:
    """Write a file."""
    told = f"write {what} to {code(path)} as {form_of(path)}"
    brief = s.rng.choice(("write {} to {}", "save {} as {}", "put {} into {}"))
    brief = brief.format(what, code(path))
    s.do("file_operations_writer", told, path=path, brief=brief, makes=f"the file {path}")


def sign_in(s: Scene, service: str) -> None:
    """Open a session."""
    told = s.rng.choice(("sign in to the service {}", "open a session with {}"))
    s.do(
        "integration_authenticator",
        told.format(code(service)),
        service=service,
        reads=f"the credentials for {service}",
        makes=f"a session with {service}",
    )


def post(s: Scene, url: str, what: str = "the result") -> None:
    """Send data."""
    told = s.rng.choice(("post {} to {}", "send {} by POST to {}")).format(what, url)
    s.do("network_poster", told, url=url, makes=f"{what}, received at {url}")


def summarise(s: Scene, function: str, column: str) -> None:
    """One figure for each group."""
    word = {"sum": "add up", "mean": "take the mean of", "max": "find the greatest"}[function]
    told = f"{word} {code(column)} for each {code(s.subject.group)}"
    makes = f"the {function} of {column} for each {s.subject.group}"
    s.do(
        "data_processing_aggregator",
        told,
        function=function,
        field=column,
        group_by=s.subject.group,
        makes=makes,
    )
