import pytest

from stormproof.episode import Vocabulary

TEXT, NUMBER, LIST = {"type": "string"}, {"type": "integer"}, {"type": "array"}


@pytest.fixture
def vocabulary() -> Vocabulary:
    parameters = {
        "file_operations_reader": {"path": TEXT, "limit": NUMBER},
        "file_operations_writer": {"path": TEXT, "content": TEXT},
        "data_processing_parser": {"format": TEXT},
        "network_fetcher": {"url": TEXT, "headers": {"type": "object"}},
        "utility_helper": {"arguments": LIST},
    }
    return Vocabulary({name: {"properties": each} for name, each in parameters.items()})
