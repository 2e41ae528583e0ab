import json
from pathlib import Path

import anyio
import anyio.lowlevel
import msgspec

from stormproof.domain.calls import Message, Ok, Refused, Reply, Request, Usage, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.wire.debug_log import DebugLog

REQUEST = Request("trial", 2, "m", (Message("user", "a private text"),))


class Scripted:
    """A transport that gives the verdicts of a list, one a call."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = list(verdicts)

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del endpoint, request, attempt
        await anyio.lowlevel.checkpoint()
        if not self.verdicts:
            await anyio.sleep(timeout_s)
        return self.verdicts.pop(0)


def endpoint(number: int) -> Endpoint:
    return Endpoint(f"e{number}", number, "m", "p", "openai", "http://x", "d", "env:K")


def sent(path: Path, shard: int | None, *verdicts: Verdict) -> list[dict[str, object]]:
    async def main() -> None:
        with DebugLog(Scripted(*verdicts), path, shard) as log:
            for number in range(len(verdicts)):
                await log.send(endpoint(number), REQUEST, timeout_s=1, attempt=number + 1)

    anyio.run(main)
    return [json.loads(line) for line in path.read_text().splitlines()]


OK = Ok(Reply("a reply", finish_reason="stop", usage=Usage(10, 3)))


def test_each_send_is_a_line_without_texts(tmp_path: Path) -> None:
    ok, refused = sent(tmp_path / "debug.log", None, OK, Refused("slow down", 2.0))
    assert (ok["event"], ok["shard"], ok["tokens_out"]) == ("ok", 0, 3)
    assert (refused["event"], refused["reason"], refused["retry_after_s"]) == (
        "refused", "slow down", 2.0
    )  # fmt: skip
    assert refused["attempt"] == 2
    assert "private" not in msgspec.json.encode([ok, refused]).decode()


def test_a_shard_narrows_the_log_to_its_endpoint(tmp_path: Path) -> None:
    lines = sent(tmp_path / "debug.log", 1, OK, Refused("slow down"), OK)
    assert [line["endpoint"] for line in lines] == ["e1"]


def test_a_second_run_appends(tmp_path: Path) -> None:
    sent(tmp_path / "debug.log", None, OK)
    assert len(sent(tmp_path / "debug.log", None, OK)) == 2


def test_a_call_that_was_cut_off_is_a_line_too(tmp_path: Path) -> None:
    path = tmp_path / "debug.log"

    async def main() -> None:
        with DebugLog(Scripted(), path, None) as log, anyio.move_on_after(0.01):
            await log.send(endpoint(0), REQUEST, timeout_s=60)

    anyio.run(main)
    assert json.loads(path.read_text())["event"] == "cancelled"
