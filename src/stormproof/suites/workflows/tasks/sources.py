"""Where the records come from: stages that a task begins with.

At the lower levels the task names the file or the address. From hard on it has to be found among
look-alikes: those of the month before, and others of the same month whose names mean something
else (planned and not actual, preliminary and not final).
"""

from __future__ import annotations

from stormproof.suites.workflows.tasks.ledger import Row
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.stock import Table
from stormproof.suites.workflows.tasks.wording import MEDIUM, VERY_HARD, code, listed
from stormproof.suites.workflows.world import EXPIRED

Places = tuple[int, ...]
FORMS = {"csv": "CSV", "json": "JSON", "xml": "XML"}
# What the wanted list is called in its name, what its look-alike is called, and in other words.
_KINDS = (
    ("actual", "planned", "as things really went"),
    ("final", "preliminary", "as the month was closed"),
    ("audited", "unaudited", "as the auditors signed them"),
    ("billed", "quoted", "as they were charged in the end"),
    ("live", "rehearsal", "from daily business, not from the exercise"),
)
SITES = ("north", "south", "east", "west", "overseas")


# --- steps that sources share ---------------------------------------------------------------


def read(s: Scene, path: str, what: str = "", after: Places = (), words: str | None = None) -> None:
    """Read a file."""
    usual = s.rng.choice(("read the file {}", "read {}", "open {}")).format(code(path))
    s.do(
        "file_operations_reader",
        f"read {what or 'the file'}",
        words=usual if words is None else words,
        reads=path,
        makes=f"the text of {path}",
        after=after,
        path=path,
    )
    s.see()


def fetch(s: Scene, url: str, what: str = "", after: Places = (), words: str | None = None) -> None:
    """Get an address."""
    usual = s.rng.choice(("fetch {}", "get the data from {}", "download {}")).format(url)
    s.do(
        "network_fetcher",
        f"fetch {what or 'the data'}",
        words=usual if words is None else words,
        reads=url,
        makes=f"the text from {url}",
        after=after,
        url=url,
    )
    s.see()


def parse(s: Scene, form: str, what: str, *, said: bool = True) -> str:
    """Parse the text at hand; returns the handle of the records."""
    words = s.rng.choice(("parse the {} text into records", "parse it as {}")).format(FORMS[form])
    return s.do(
        "data_processing_parser",
        f"parse {what}",
        words=words if said else "",
        brief="parse it" if said else "",
        reads="the text",
        makes=f"{what} as records",
        format=form,
    )


def sign_in(s: Scene, service: str, *, said: bool = True, after: Places = ()) -> None:
    """Open a session."""
    words = s.rng.choice(("sign in to the service {}", "open a session with {}"))
    s.do(
        "integration_authenticator",
        "sign in to the service",
        words=words.format(code(service)) if said else "",
        reads=f"the credentials for {service}",
        makes=f"a session with {service}",
        after=after,
        service=service,
    )


def list_folder(s: Scene, folder: str) -> Places:
    """See what files there are; returns the step's place."""
    pattern = "*" if s.level >= VERY_HARD else f"{folder}/*"
    s.do(
        "file_operations_scanner",
        "list the files",
        reads=f"the folder {folder}",
        makes="the names of the files",
        pattern=pattern,
    )
    if pattern == "*":
        s.listing = (s.last,)
    return (s.last,)


def listing(s: Scene) -> Places:
    """Where all files were listed: at the highest level nobody is told their names."""
    if s.level < VERY_HARD or s.stopped:
        return ()
    if not s.listing:
        s.do(
            "utility_helper",
            "see what the workspace holds",
            reads="the workspace",
            makes="the names of what is there",
        )
        s.listing = (s.last,)
    return s.listing


def connect(s: Scene) -> Places:
    """See which addresses the house offers; returns the step's place."""
    host = s.subject.host
    s.do(
        "integration_connector",
        "see which addresses the system offers",
        reads=f"the system {host}",
        makes=f"the addresses of {host}",
        system=host,
    )
    return (s.last,)


def open_table(s: Scene, table: Table, form: str) -> None:
    """Have the table at hand: as text where that will do, else as records."""
    s.rows, s.text_form = table.rows, form
    if s.raw:
        s.take("text", table.text(form), f"the {s.subject.many}", s.latest)
        return
    handle = parse(s, form, f"the {s.subject.many}")
    s.take("records", table.rows, f"the {s.subject.many}", handle)


# --- files ---------------------------------------------------------------------------------


def _lay(s: Scene, base: str, kind: tuple[str, str, str], form: str, text: str) -> str:
    """Put a month's file into the folder, among look-alikes at the upper levels."""
    wanted, other, _ = kind
    if not s.upper:
        path = f"{base}_{s.month.stamp}.{form}"
        s.files[path] = text
        return path
    size, earlier = max(8, text.count("\n") - 2), s.month.after(-1)
    path = f"{base}_{s.month.stamp}_{wanted}.{form}"
    laid = {
        f"{base}_{earlier.stamp}_{wanted}.{form}": s.other_text(form, size, earlier),
        path: text,
        f"{base}_{s.month.stamp}_{other}.{form}": s.other_text(form, size, s.month),
    }
    if s.level >= VERY_HARD:
        laid[f"{base}_{earlier.stamp}_{other}.{form}"] = s.other_text(form, size // 4, earlier)
    s.files |= {name: laid[name] for name in sorted(laid)}
    return path


def _which(s: Scene, kind: tuple[str, str, str], place: str) -> str:
    """What the wanted records are called, `place` being where they are at the lower levels."""
    wanted, _, meant = kind
    if not s.upper:
        return f"the {s.subject.many} {place}"
    if s.level >= VERY_HARD:
        return f"the {s.month.full} {s.subject.many} ({meant})"
    return f"the {wanted} {s.month.full} {s.subject.many}"


def _in_folder(s: Scene, kind: tuple[str, str, str], path: str) -> str:
    within = f" in the {code(s.folder)} folder" if s.upper else ""
    return _which(s, kind, f"in {code(path)}") + within


@stage(1, 2, 2, 3, 3, lists=True)
def a_file(s: Scene) -> None:
    """The table in a file."""
    form, table, kind = s.form(), s.table(), s.rng.choice(_KINDS)
    path = _lay(s, f"{s.folder}/{s.subject.stem}", kind, form, table.text(form))
    after = list_folder(s, s.folder) if s.upper else ()
    read(s, path, f"the {s.subject.many}", after)
    open_table(s, table, form)
    s.say("a_file", source=_in_folder(s, kind, path))


@stage(1, 2, 3, 4, 4, looks=2, lists=True)
def a_noted_file(s: Scene) -> None:
    """The table in a file which, as a note in the folder may say, another one replaces."""
    form, table, kind = s.form(), s.table(), s.rng.choice(_KINDS)
    own, other = table.text(form), s.other_text(form, len(table.rows), s.month)
    base, notes = f"{s.folder}/{s.subject.stem}", f"{s.folder}/notes.txt"
    first, second = (other, own) if s.fault else (own, other)
    path = _lay(s, base, kind, form, first)
    after: Places = ()
    if s.level >= MEDIUM:
        better = _note(s, path, form, second, notes)
        path = better if s.fault else path
        after = list_folder(s, s.folder) if s.upper else ()
        read(s, notes, "the notes on the files")
        after = (*after, s.last)
    words = None if s.level < MEDIUM else "read the file that counts according to them"
    read(s, path, f"the {s.subject.many}", after, words)
    open_table(s, table, form)
    given = f"{base}_{s.month.stamp}.{form}"
    s.say("a_noted_file", source=_in_folder(s, kind, given), notes=code(notes))


def _note(s: Scene, path: str, form: str, text: str, notes: str) -> str:
    """Put a file that may replace another beside it, and what is to be thought of them.

    Returns its path. A third file is of no use to anybody.
    """
    stem = path.rpartition(".")[0]
    better = f"{stem}_{s.rng.choice(('b', 'new', 'v2', 'again'))}.{form}"
    worse = f"{stem}_{s.rng.choice(('test', 'x', 'v0', 'copy'))}.{form}"
    s.files[better] = text
    s.files[worse] = s.other_text(form, max(8, text.count("\n") // 2), s.month)
    old, new, useless = (each.rpartition("/")[2] for each in (path, better, worse))
    stands = f"{old} stands. {new} was withdrawn."
    falls = f"{old} is wrong throughout. {new} replaces it."
    s.files[notes] = (
        f"Notes on the files of {s.month.full}\n"
        f"{useless} was made to try the export out; nothing in it is true.\n"
        f"{falls if s.fault else stands}\n"
    )
    return better


@stage(1, 2, 5, 6, 8, lists=True)
def several_files(s: Scene) -> None:
    """The table in parts, a file for each site."""
    count = (1, 1, 2, 2, 3)[s.level]
    form, parts, kind = s.form(), s.parts(count), s.rng.choice(_KINDS)
    if count == 1:
        path = _lay(s, f"{s.folder}/{s.subject.stem}", kind, form, parts[0].text(form))
        read(s, path, f"the {s.subject.many}")
        open_table(s, parts[0], form)
        s.say("a_file", source=_in_folder(s, kind, path))
        return
    sites = s.rng.sample(SITES, count)
    paths = [
        _lay(s, f"{s.folder}/{s.subject.stem}_{site}", kind, form, part.text(form))
        for site, part in zip(sites, parts, strict=True)
    ]
    for site in [each for each in SITES if each not in sites][: 2 if s.upper else 0]:
        _lay(s, f"{s.folder}/{s.subject.stem}_{site}", kind, form, s.other_text(form, 40, s.month))
    after = list_folder(s, s.folder) if s.upper else ()
    handles = []
    for path in paths:
        read(s, path, f"the {s.subject.many} of a site", after)
        handles.append(parse(s, form, f"the {s.subject.many} of a site"))
    rows: list[Row] = [row for part in [parts[-1], *parts[:-1]] for row in part.rows]
    handle = s.do(
        "data_processing_transformer",
        "put the parts together",
        words="put all of them together",
        reads="the parts",
        makes=f"the {s.subject.many} of all sites",
        operations=[{"op": "append", "table": each} for each in handles[:-1]],
    )
    s.take("records", rows, f"the {s.subject.many}", handle)
    where = f"in {listed([code(path) for path in paths])}"
    within = f" of the sites {listed(sites)} in the {code(s.folder)} folder" if s.upper else ""
    s.say("several_files", source=_which(s, kind, where) + within)


# --- addresses -----------------------------------------------------------------------------


def _offered(
    s: Scene, kind: tuple[str, str, str], form: str, text: str, service: str | None
) -> str:
    """Offer a month's table at an address, among look-alikes at the upper levels."""
    wanted, other, _ = kind
    base = f"https://{s.subject.host}/v1/{s.subject.stem}"
    if not s.upper:
        url = f"{base}/{s.month.stamp}"
        s.offer(url, text, form, service)
        return url
    size, earlier = max(8, text.count("\n") - 2), s.month.after(-1)
    url = f"{base}/{s.month.stamp}/{wanted}"
    others = {
        f"{base}/{earlier.stamp}/{wanted}": earlier,
        url: s.month,
        f"{base}/{s.month.stamp}/{other}": s.month,
    }
    for each in sorted(others):
        own = text if each == url else s.other_text(form, size, others[each])
        s.offer(each, own, form, service)
    return url


def _from_address(
    s: Scene, key: str, service: str | None, successor: str | None, *, moves: bool
) -> None:
    form, table, kind = s.form(), s.table(), s.rng.choice(_KINDS)
    url = _offered(s, kind, form, table.text(form), successor or service)
    after = connect(s) if s.upper else ()
    if service:
        sign_in(s, service)
        if successor:
            sign_in(s, successor, said=False, after=(s.last,))
    given = url
    if moves:
        new = f"https://{s.subject.host}/v2/{s.rng.randrange(16**6):06x}/{s.subject.stem}"
        body = s.resources[url]
        s.resources[new] = body
        s.offer(url, f"This list has moved. It is now at {new}\n", "txt", body.credential)
        s.offer(
            f"https://{s.subject.host}/v2/{s.rng.randrange(16**6):06x}/{s.subject.stem}",
            s.other_text(form, len(table.rows), s.month.after(-1)),
            form,
            body.credential,
        )
        fetch(s, url, f"the {s.subject.many}", after)
        after, url = (s.last,), new
    fetch(s, url, f"the {s.subject.many}", after, "" if moves else None)
    open_table(s, table, form)
    within = f" at {s.subject.host}" if s.upper else ""
    s.say(key, source=_which(s, kind, f"at {given}") + within, service=code(service or ""))


@stage(1, 2, 2, 3, 3)
def an_address(s: Scene) -> None:
    """The table at an address."""
    _from_address(s, "an_address", None, None, moves=False)


@stage(1, 2, 2, 3, 3, more=(1, 1, 1, 1, 1), looks=0)
def an_address_that_may_move(s: Scene) -> None:
    """The table at an address, which may answer that the table is elsewhere now."""
    _from_address(s, "an_address", None, None, moves=s.fault)


def _service(s: Scene) -> str:
    """A service that a credential is held for, among others."""
    name = f"{s.subject.prefix.lower()}-{s.rng.choice(('gateway', 'portal', 'records'))}"
    for other in ("archive", "test", "backup")[: max(1, s.level - 1)]:
        s.credentials[f"{s.subject.prefix.lower()}-{other}"] = s.secret()
    s.credentials[name] = s.secret()
    return name


@stage(2, 3, 3, 4, 4)
def a_guarded_address(s: Scene) -> None:
    """The table at an address that wants a sign-in."""
    _from_address(s, "a_guarded_address", _service(s), None, moves=False)


@stage(2, 3, 3, 4, 4, more=(0, 1, 1, 1, 1), looks=1)
def an_address_with_old_credentials(s: Scene) -> None:
    """The table behind a sign-in whose credential may have been replaced."""
    service = _service(s)
    successor = f"{service}-{s.rng.choice(('next', 'b', 'renewed', '2'))}" if s.fault else None
    if successor:
        s.credentials[service] = EXPIRED + successor
        s.credentials[f"{service}-old"] = s.secret()
        s.credentials[successor] = s.secret()
    _from_address(s, "a_guarded_address", service, successor, moves=False)
