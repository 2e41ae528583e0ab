"""One conversation: what the model asks for, what is done about it, and when it ends."""

from stormproof.episode.loop import (
    Ask,
    OnReread,
    OnTurn,
    Reread,
    RereadCount,
    broken_episode,
    run_episode,
    suite_at_work,
)
from stormproof.episode.native import function_schemas
from stormproof.episode.recognise import Recognition, recognise
from stormproof.episode.tool_calls import RecognisedCall
from stormproof.episode.tool_names import Vocabulary, catalogue_vocabulary

__all__ = [
    "Ask",
    "OnReread",
    "OnTurn",
    "RecognisedCall",
    "Recognition",
    "Reread",
    "RereadCount",
    "Vocabulary",
    "broken_episode",
    "catalogue_vocabulary",
    "function_schemas",
    "recognise",
    "run_episode",
    "suite_at_work",
]
