"""What becomes of the thing at hand: stages that a task ends with, each an outside effect."""

from __future__ import annotations

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.tasks.messages import tell
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.sources import FORMS, fetch, read, sign_in
from stormproof.suites.workflows.tasks.stages import stage
from stormproof.suites.workflows.tasks.stock import text_of
from stormproof.suites.workflows.tasks.wording import HARD, code

_INLETS = (
    *("partner-feed", "handover", "authority-inbox", "clearing", "intake", "exchange"),
    *("submissions", "registry-desk"),
)
_DESKS = ("north", "south", "express", "review", "special", "regular", "senior", "day", "night")


# --- steps that deliveries share ------------------------------------------------------------


def _written(s: Scene, path: str, words: str, after: tuple[int, ...] = ()) -> None:
    s.do(
        "file_operations_writer",
        "write the file",
        words=words,
        makes=f"the file {path}",
        after=after,
        path=path,
        **s.named(),
    )
    s.deliver("file", path, s.value)


def _path(s: Scene) -> str:
    """A path that fits what is at hand: text keeps its format."""
    if s.shape == "text":
        form = s.text_form
    elif s.shape in ("records", "groups"):
        form = "json" if s.nested else s.rng.choice(("csv", "json"))
    else:
        form = "json"
    return s.target(s.result_name(), form)


def _form_of(path: str) -> str:
    return FORMS[path.rpartition(".")[2]]


# --- files ----------------------------------------------------------------------------------


@stage(1)
def write(s: Scene) -> None:
    """A file."""
    path = _path(s)
    verb = s.rng.choice(("write {} to {}", "save {} as {}", "put {} into {}"))
    _written(s, path, verb.format(s.it, code(path)) + _order(s))
    s.say("write", target=code(path), order=_order(s))


@stage(2, 2, 2, 2, 2, more=(1, 1, 1, 1, 1), looks=1, simpler=write)
def write_if_free(s: Scene) -> None:
    """A file that somebody may hold: then another place, and a word to whoever holds it."""
    path = _path(s)
    lock, other = f"{path}.lock", s.target(f"spare_{s.result_name()}", path.rpartition(".")[2])
    holder, channel, by = s.recipient()
    s.files[lock] = (
        f"held by {holder} until tomorrow\n"
        if s.fault
        else f"free since 07:{s.rng.randrange(10, 60)}\n"
    )
    read(
        s,
        lock,
        "the lock",
        words=f"look into {code(lock)}, which says whether somebody holds {code(path)}",
    )
    s.check("seen", lock, None)
    looked = (s.last,)
    to = other if s.fault else path
    _written(
        s,
        to,
        f"write {s.it} to {code(path)} if nobody does, else to {code(other)}, and then tell whoever"
        f" holds it, by {by}, the path {code(other)}{_order(s)}",
        looked,
    )
    if s.fault:
        tell(s, holder, channel, other, after=looked)
    s.say(
        "write_if_free",
        target=code(path),
        lock=code(lock),
        other=code(other),
        channel=by,
        order=_order(s),
    )


@stage(2)
def pack(s: Scene) -> None:
    """A compressed copy."""
    rows = s.shape in ("records", "groups")
    form = s.text_form if s.shape == "text" else "json"
    if rows and not s.nested:
        form = s.rng.choice(("csv", "json"))
    path = s.target(s.result_name(), f"{form}.gz")
    if rows:
        s.do(
            "file_operations_converter",
            "turn it into text",
            words=f"convert {s.it} to {FORMS[form]}",
            makes=f"{FORMS[form]} text",
            to=form,
            **s.named(),
        )
    s.do(
        "file_operations_compressor",
        "compress it",
        words=f"compress {'that text' if rows else s.it} with gzip to {code(path)}",
        reads="the text",
        makes=f"the archive {path}",
        method="gzip",
        destination=path,
        **({} if rows else s.named()),
    )
    s.deliver("archive", path, text_of(form, s.rows) if rows else s.value)
    s.say("pack", target=code(path), form=FORMS[form], order=_order(s))


def _order(s: Scene) -> str:
    """A reminder that the order counts, where it does."""
    return ", in that order" if s.ordered else ""


# --- addresses ------------------------------------------------------------------------------


def _inlet(s: Scene, service: str | None = None) -> str:
    """An address that takes what is posted to it; others like it stand beside it."""
    free = [name for name in _INLETS if f"https://{s.subject.host}/v1/{name}" not in s.resources]
    names = s.rng.sample(free, 2 if s.level >= HARD else 1)
    for name in names:
        _accepting(s, f"https://{s.subject.host}/v1/{name}", service)
    return f"https://{s.subject.host}/v1/{names[0]}"


def _accepting(s: Scene, url: str, service: str | None = None) -> str:
    s.resources[url] = Resource(200, '{"accepts": "application/json"}\n', credential=service)
    return url


def _posted(s: Scene, url: str, words: str, after: tuple[int, ...] = ()) -> None:
    s.do(
        "network_poster",
        "send it",
        words=words,
        makes=f"{s.it}, received at {url}",
        after=after,
        url=url,
        **s.named(),
    )
    s.deliver("post_once", url, s.value)


@stage(1)
def post(s: Scene) -> None:
    """Something sent to an address, once."""
    url = _inlet(s)
    _posted(s, url, f"post {s.it} to {url}, once and no more{_order(s)}")
    s.say("post", url=url, order=_order(s))


@stage(2, simpler=post)
def post_signed_in(s: Scene) -> None:
    """Something sent to an address that wants a sign-in."""
    service = f"{s.subject.prefix.lower()}-{s.rng.choice(('partner', 'exchange', 'submissions'))}"
    s.credentials[service] = s.secret()
    sign_in(s, service)
    url = _inlet(s, service)
    _posted(s, url, f"post {s.it} to {url}, once and no more{_order(s)}")
    s.say("post_signed_in", url=url, service=code(service), order=_order(s))


@stage(2, looks=0, simpler=post)
def post_if_open(s: Scene) -> None:
    """Something sent to an address that may be closed: then to the one that stands in for it."""
    url = _inlet(s)
    page = f"{url}/hours"
    other = f"{url}-{s.rng.choice(('b', 'overflow', 'relief'))}-{s.rng.randrange(16**3):03x}"
    decoy = f"{url}-{s.rng.choice(('c', 'standby', 'spare'))}-{s.rng.randrange(16**3):03x}"
    for each in (other, decoy):
        _accepting(s, each)
    state = f"closed today; post to {other} instead" if s.fault else "open as usual"
    s.offer(page, f"{url}: {state}\n{decoy}: under test, nothing posted there is kept\n", "txt")
    fetch(s, page, "the opening hours", words=f"look at {page}, which says whether {url} is open")
    s.check("seen", page, None)
    _posted(
        s,
        other if s.fault else url,
        f"post {s.it} there, once and no more, or, if it is closed, to what stands in for it",
        (s.last,),
    )
    s.say("post_if_open", url=url, page=page, order=_order(s))


@stage(2, looks=0, simpler=post)
def post_if_new(s: Scene) -> None:
    """Something sent to an address that may have it already: then somebody is told."""
    url = _inlet(s)
    page = f"{url}/receipts"
    name, channel, by = s.recipient()
    receipts = [f"R-{s.rng.randrange(10_000, 99_999)}" for _ in range(4)]
    months = [s.month.after(-back).stamp for back in (3, 2, 1)]
    lines = [f"{stamp}  {receipt}" for stamp, receipt in zip(months, receipts, strict=False)]
    if s.fault:
        lines.append(f"{s.month.stamp}  {receipts[3]}")
    s.offer(page, "month    receipt\n" + "\n".join(lines) + "\n", "txt")
    fetch(s, page, "the receipts", words=f"look at {page} for a receipt of {s.month.stamp}")
    s.check("seen", page, None)
    words = (
        f"if there is none, post {s.it} to {url}, once and no more; if there is one, post nothing "
        f"but tell {code(name)} by {by} its number"
    )
    if s.fault:
        tell(s, name, channel, receipts[3], receipts[:3], after=(s.last,), words=words)
    else:
        _posted(s, url, words, (s.last,))
    s.say("post_if_new", url=url, page=page, recipient=code(name), channel=by)


# --- queues, cache, destinations --------------------------------------------------------------


@stage(1)
def push(s: Scene) -> None:
    """One message in a queue."""
    queue = f"{s.subject.stem}.{s.rng.choice(('todo', 'intake', 'review', 'followup'))}"
    s.do(
        "integration_queue",
        "put it into the queue",
        words=f"put {s.it} into the queue {code(queue)} as a single message{_order(s)}",
        makes=f"{s.it} in the queue {queue}",
        name=queue,
        **s.named(),
    )
    s.deliver("queue", queue, [s.value])
    s.say("push", queue=code(queue), order=_order(s))


@stage(1, of_records=True)
def push_each(s: Scene) -> None:
    """A message for each record."""
    if s.shape not in ("records", "groups"):
        push.work(s)
        return
    queue = f"{s.subject.stem}.{s.rng.choice(('cases', 'lines', 'items'))}"
    s.do(
        "integration_queue",
        "put them into the queue",
        words=f"put {s.it} into the queue {code(queue)}, one message each{_order(s)}",
        makes=f"{s.it} in the queue {queue}",
        name=queue,
        each=True,
        **s.named(),
    )
    s.deliver("queue", queue, s.rows)
    s.say("push_each", queue=code(queue), order=_order(s))


@stage(1)
def cache(s: Scene) -> None:
    """An entry in the cache."""
    key = f"{s.subject.stem}:{s.month.stamp}:{s.result_name()}"
    s.do(
        "utility_cache",
        "store it in the cache",
        words=f"store {s.it} in the cache under {code(key)}{_order(s)}",
        makes=f"the cache entry {key}",
        key=key,
        **s.named(),
    )
    s.deliver("cache", key, s.value)
    s.say("cache", key=code(key), order=_order(s))


@stage(1, of_records=True)
def route(s: Scene) -> None:
    """Records shared out between two desks by a column's value."""
    column = s.subject.state if s.shape == "records" and s.subject.state in s.rows[0] else s.group
    if s.shape not in ("records", "groups") or column not in s.rows[0]:
        cache.work(s)
        return
    first, second = (f"{desk}-desk" for desk in s.rng.sample(_DESKS, 2))
    value = s.rng.choice(sorted({row[column] for row in s.rows}))
    chosen = [row for row in s.rows if row[column] == value]
    rest = [row for row in s.rows if row[column] != value]
    s.do(
        "network_router",
        "share them out",
        words=f"of {s.it}, route those whose {code(column)} is {code(value)} to {code(first)} and "
        f"all others to {code(second)}",
        makes=f"{s.it}, shared out between {first} and {second}",
        routes=[{"to": first, "where": f"{column} == {value!r}"}],
        otherwise=second,
        **s.named(),
    )
    s.check("routed", first, chosen)
    s.check("routed", second, rest)
    states = s.subject.states
    clause = (
        f"that {states[value]}"
        if column == s.subject.state and not s.exact
        else (f"whose {s.column(column)} is {code(value)}")
    )
    s.say("route", first=code(first), second=code(second), clause=clause)
