"""Wire: one model call over HTTP, and the verdict on whatever came back."""

from windtunnel.wire.classify import classify
from windtunnel.wire.http import HttpTransport
from windtunnel.wire.transport import Transport

__all__ = ["HttpTransport", "Transport", "classify"]
