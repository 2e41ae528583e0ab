"""Ray: a cluster of the run's own, and one of two nodes that a worker is killed on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from proving_ground import STORMPROOF, Grounds

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra: ray)"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}  # as Linux writes it, and as IPv6
GRID = ("--prompt-types", "optimal", "--num-instances", "4")


@pytest.mark.timeout(240)  # Ray starts twice
def test_a_killed_actor_leaves_the_records_of_a_calm_run(prove: Grounds) -> None:
    """The calm run is one on a cluster of its own, which nobody else can reach."""
    from cluster_ground import Paid, RayNodes  # noqa: PLC0415  needs Ray
    from stormproof.store import same_records  # noqa: PLC0415  with it

    calm, ground = prove("calm"), prove("ray")
    process = calm.start("a", *GRID, "--backend", "ray", "--workers", "1")
    calm.await_turns("a", process, 1)
    assert set(listening(process.pid)) == LOOPBACK
    assert process.wait(100) == 0
    with RayNodes(2) as nodes:
        paid = Paid(ground, "b")
        words = ("--backend", "ray", "--ray-address", nodes.address, "--workers", "2")
        process = ground.start("b", *GRID, *words)
        ground.await_turns("b", process, 20)
        paid.note()
        os.kill(nodes.actors()[0], signal.SIGKILL)
        assert process.wait(100) == 0
    assert same_records(calm.folder / "a", ground.folder / "b") == []
    assert len(paid) >= 20
    assert paid.repeated() == 0
    said = (ground.folder / "b.log").read_text()
    assert "is dead (ActorDiedError); its endpoints and trials go to others" in said
    assert "(raylet)" not in said
    assert "Traceback" not in said


def listening(pid: int) -> Iterator[str]:
    """Addresses at which the process and all that it started listen."""
    sockets = set()
    for fd in (fd for process in family(pid) for fd in Path(f"/proc/{process}/fd").iterdir()):
        with suppress(FileNotFoundError):
            sockets.add(fd.readlink().name)
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, address, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                yield address.partition(":")[0]


def family(pid: int) -> Iterator[int]:
    """The process, its children and theirs."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from family(int(child))


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    words = ("run", "--backend", "ray", "--ray-address", "127.0.0.1:9", "--results", "r")
    done = subprocess.run(
        [*STORMPROOF, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert "--ray-address 127.0.0.1:9: All connection attempts failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_used_of_rays_inside_is_there() -> None:
    """See `stormproof.backends.ray_cluster`: it keeps a thread's lines from our stdout."""
    code = (
        "import inspect, ray._private.worker as w;"
        "assert 'print_to_stdstream(' in inspect.getsource(w.listen_error_messages);"
        "found = inspect.signature(w.print_to_stdstream);"
        "assert list(found.parameters) == ['data', 'ignore_prefix']"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
