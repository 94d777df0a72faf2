"""`environment`, by the name that the committed measurement was made with."""

from kb.evidence.record import environment

__all__ = ["environment"]
