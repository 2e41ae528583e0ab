"""Stormproof: LLM agents in controlled turbulence, at the full speed of every endpoint you own."""

__version__ = "0.1.0"
