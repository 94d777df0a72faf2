"""`reach` and `sha256`, by the name that the committed measurement was made with."""

from kb.evidence.keys import reach, sha256

__all__ = ["reach", "sha256"]
