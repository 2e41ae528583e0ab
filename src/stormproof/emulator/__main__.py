"""`python -m stormproof.emulator`: what to emulate as one line of JSON on stdin, the URL on stdout.

It stops when stdin ends. People use `stormproof emulate`.
"""

from __future__ import annotations

import sys

import msgspec

from stormproof.emulator.emulation import Emulation
from stormproof.emulator.listening import serve
from stormproof.errors import StormproofError


def main() -> int:
    """Serve until the other end of stdin is closed."""
    try:
        emulation = msgspec.json.decode(sys.stdin.buffer.readline(), type=Emulation)
        serve(emulation, say=lambda url: print(url, flush=True), lifeline=sys.stdin.buffer)  # noqa: T201  the protocol
    except msgspec.DecodeError as error:
        sys.stderr.write(f"stdin: not what an emulator starts with: {error}\n")
        return 2
    except StormproofError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
