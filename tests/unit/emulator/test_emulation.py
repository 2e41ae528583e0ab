from __future__ import annotations

import msgspec

from stormproof.emulator import emulated, emulated_key, pool_endpoints
from stormproof.testing.records import an_endpoint


def test_endpoints_move_to_the_emulator_with_keys_that_it_knows() -> None:
    endpoint = msgspec.structs.replace(an_endpoint(), provider="a/b")
    (located,), keys = emulated([endpoint], "http://127.0.0.1:8/")
    assert located == msgspec.structs.replace(endpoint, base_url="http://127.0.0.1:8/a%2Fb")
    assert keys == {"env:KEY_GPT": "emulated-KEY_GPT"} == {endpoint.key: emulated_key(endpoint.key)}


def test_a_limit_for_each_prompt_type_grows_with_their_number() -> None:
    one = pool_endpoints(prompt_types=1)
    three = pool_endpoints(prompt_types=3)
    assert [e.endpoint_id for e in one] == [e.endpoint_id for e in three]
    assert one != three
