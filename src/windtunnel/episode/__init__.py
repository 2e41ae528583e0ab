"""One conversation: what the model asks for, what is done about it, and when it ends."""

from windtunnel.episode.calls import Call
from windtunnel.episode.loop import Ask, OnTurn, run_episode
from windtunnel.episode.names import Vocabulary
from windtunnel.episode.recognise import Recognition, recognise
from windtunnel.episode.tools import catalogue_vocabulary, function_schemas

__all__ = [
    "Ask",
    "Call",
    "OnTurn",
    "Recognition",
    "Vocabulary",
    "catalogue_vocabulary",
    "function_schemas",
    "recognise",
    "run_episode",
]
