"""`environment`, by the name that the committed measurement was made with."""

from kb.evidence.machine import environment

__all__ = ["environment"]
