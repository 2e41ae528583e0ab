"""Workers as actors of a Ray cluster: one that is there, or one of this machine for this run.

An actor is never restarted and its calls are never repeated by Ray, which would run them in an
empty actor without a word: whether a worker is gone, and what happens then, the driver decides.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import Any

import anyio
import anyio.to_thread

from stormproof import __version__
from stormproof.backends.driver import Hire, LinkBroken, LinkCut
from stormproof.backends.ray_actor import WorkerActor
from stormproof.backends.worker_protocol import Beginning, encode
from stormproof.errors import BackendError

START_S = 60.0  # for an actor to begin
REACH_S = 5.0  # for its machine to
JOIN_S = 30.0  # for a cluster to answer
OWN_START_S = 120.0  # for one of our own to start, on a busy machine
OWN_TOKEN = secrets.token_hex(32)  # of clusters of our own; Ray reads it once in a process
OBJECTS_BYTES = 100_000_000  # of a cluster of our own: nothing of ours goes through its store


class ActorLink:
    """A worker actor, as the driver sees it."""

    def __init__(self, actor: Any, place: str) -> None:
        # Never change.
        self._actor = actor
        self._place = place

    @property
    def place(self) -> str:
        """See `Link.place`."""
        return self._place

    async def ask(self, question: bytes) -> bytes:
        """See `Link.ask`."""
        import ray.exceptions  # noqa: PLC0415  an extra

        try:
            answer: bytes = await self._actor.answer.remote(question)
        except ray.exceptions.RayError as error:
            raise _broken(error) from None
        return answer


@asynccontextmanager
async def ray_cluster(
    address: str,
    workers: int | None,
    begin: Callable[[str], Beginning],
    say: Callable[[str], None],
) -> AsyncIterator[tuple[int, Hire]]:
    """How many workers to hire, and how: as many as asked for, else one for each node.

    With an `address` the cluster there is joined, else one of this machine is started, which
    listens on loopback alone and asks for a token. Raises BackendError.
    """
    say(f"Ray: joining the cluster at {address}" if address else "Ray: starting, some seconds")
    if find_spec("ray") is None:
        raise BackendError(
            "--backend ray: Ray is not installed", hint="pip install 'stormproof[ray]'"
        )
    with _environment(is_own=not address):
        import ray  # noqa: PLC0415  an extra; it reads the environment when it is loaded

        async with _connected(address, workers or 1):
            nodes = sum(bool(node["Alive"]) for node in ray.nodes())
            count = workers or nodes
            say(f"Ray: {count} workers on {nodes} nodes")
            yield count, _hiring(begin)


def _hiring(begin: Callable[[str], Beginning]) -> Hire:
    import ray  # noqa: PLC0415  an extra
    import ray.exceptions  # noqa: PLC0415  an extra

    # On as many nodes as there are, and each gone at once when it is gone.
    actors = ray.remote(WorkerActor).options(
        num_cpus=1, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
    )

    async def hire(worker: str) -> ActorLink:
        actor = actors.remote()
        try:
            with anyio.fail_after(START_S):
                version, pid, host = await actor.begin.remote(encode(begin(worker)))
        except TimeoutError:
            raise LinkBroken(f"no CPU was free for it within {START_S:.0f} s") from None
        except ray.exceptions.RayError as error:
            raise LinkBroken(_why(error)) from None
        place = f"process {pid} on {host}"
        if version != __version__:
            raise LinkBroken(f"its Stormproof is {version}, and {__version__} here ({place})")
        return ActorLink(actor, place)

    return hire


@asynccontextmanager
async def _connected(address: str, cpus: int) -> AsyncIterator[None]:
    """Connected, by a thread that lives as long: on Linux what Ray starts dies with that thread.

    Not by the main one, where Ray would take signals over; and by a daemon's, since Ray may try for
    minutes, and a process that has given up must end.
    """
    import ray  # noqa: PLC0415  an extra

    own = {"num_cpus": cpus, "object_store_memory": OBJECTS_BYTES}
    start = _init(address=address or "local", **({} if address else own))
    wait_s = JOIN_S if address else OWN_START_S
    begun: Future[object] = Future()
    over = threading.Event()

    def live() -> None:
        try:
            begun.set_result(start())
        except BaseException as error:  # noqa: BLE001  whoever waits hears of it
            begun.set_exception(error)
            return
        over.wait()
        ray.shutdown()

    thread = threading.Thread(target=live, daemon=True)
    try:
        await _reached(address)
        thread.start()
        with anyio.fail_after(wait_s):
            await asyncio.wrap_future(begun)
    except TimeoutError:
        raise _refused(address, TimeoutError(f"no answer within {wait_s:.0f} s")) from None
    except Exception as error:  # noqa: BLE001  Ray raises whatever it meets
        raise _refused(address, error) from None
    try:
        yield
    finally:
        over.set()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(thread.join)


async def _reached(address: str) -> None:
    """Whether anybody listens there: Ray would look for half a minute, and write of it."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        with anyio.fail_after(REACH_S):
            await (await anyio.connect_tcp(host, int(port))).aclose()


def _init(**options: Any) -> Callable[[], object]:
    import ray  # noqa: PLC0415  an extra
    import ray._private.worker as inside  # noqa: PLC0415  an extra

    # The lines of a thread of Ray's that tells of dead workers on stdout, which is ours.
    inside.print_to_stdstream = lambda *_, **__: None
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    return lambda: ray.init(
        include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL, **options
    )


def _refused(address: str, error: Exception) -> BackendError:
    """Why a cluster could not be joined or started, in one line."""
    where = f"--ray-address {address}" if address else "--backend ray"
    told = " ".join(str(error).split())
    if "ersion mismatch" in told:
        versions = re.findall(r"(Ray|Python): ([\w.]+)", told)
        said = ", ".join(f"{name} {version}" for name, version in versions[:2])
        ours = ", ".join(f"{name} {version}" for name, version in versions[2:4])
        return BackendError(
            f"{where}: the cluster runs {said}, and this is {ours}",
            hint="use the cluster's versions here: they must be the same everywhere",
        )
    return BackendError(
        f"{where}: {told[:300] or type(error).__name__}",
        hint="is a cluster there (ray status --address ADDRESS)? if it asks for a token, set "
        "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN",
    )


def _broken(error: BaseException) -> LinkBroken:
    """A raylet sees a worker of its own end. Of a node that has fallen silent nobody knows that."""
    has_ended = "worker process has died" in str(error)
    return LinkBroken(_why(error)) if has_ended else LinkCut(_why(error))


def _why(error: BaseException) -> str:
    """What Ray says of a dead actor, in one short line."""
    told = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
    if "No module named 'stormproof'" in told:
        return f"its node has no Stormproof: pip install 'stormproof[ray]=={__version__}' there"
    node = re.search(r"\bip: ?([\w.:]+)", told)
    where = f" on {node[1]}" if node else ""
    if "node has died" in told:
        return f"its node{where} is silent"
    return f"its actor{where} is dead ({type(error).__name__})"


@contextmanager
def _environment(*, is_own: bool) -> Iterator[None]:
    """What Ray reads from the environment while it is there: no statistics, a token.

    On a machine where no cluster is wanted it knows the loopback address alone, even if it is told
    another: as it does elsewhere than on Linux, which is what the variable is named for.
    """
    wanted = {"RAY_USAGE_STATS_ENABLED": "0"}
    if is_own:
        wanted |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": OWN_TOKEN,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
