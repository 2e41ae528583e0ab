"""Wire: one model call over HTTP, and the verdict on whatever came back."""

from stormproof.wire.classify import classify
from stormproof.wire.http import HttpTransport
from stormproof.wire.transport import Transport

__all__ = ["HttpTransport", "Transport", "classify"]
