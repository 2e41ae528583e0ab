from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stormproof.store.record_lines import record_of, to_line


@given(st.binary(max_size=50).filter(lambda data: b"\n" not in data), st.data())
def test_no_changed_byte_of_a_line_goes_unseen(record: bytes, data: st.DataObject) -> None:
    line = to_line(record)
    assert record_of(line) == record
    at = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[at]))
    assert record_of(line[:at] + bytes([other]) + line[at + 1 :]) is None
