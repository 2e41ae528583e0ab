"""One conversation: what the model asks for, what is done about it, and when it ends."""

from stormproof.episode.calls import Call
from stormproof.episode.loop import Ask, OnReread, OnTurn, Reread, RereadCount, run_episode
from stormproof.episode.names import Vocabulary
from stormproof.episode.recognise import Recognition, recognise
from stormproof.episode.tools import catalogue_vocabulary, function_schemas

__all__ = [
    "Ask",
    "Call",
    "OnReread",
    "OnTurn",
    "Recognition",
    "Reread",
    "RereadCount",
    "Vocabulary",
    "catalogue_vocabulary",
    "function_schemas",
    "recognise",
    "run_episode",
]
