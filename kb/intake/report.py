"""What became of the notes of one `kb add`."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path


class Outcome(Enum):
    ADDED = "已添加"
    UNCHANGED = "没有变化"
    UPDATED = "已更新"
    PRIVATE = "私密未收"
    REFUSED = "没有添加"


@dataclass
class Result:
    """What became of one note."""

    source: str
    outcome: Outcome
    file: str | None = None
    """Where it is now, below the root of the project; of a private one, its public version."""
    author: str | None = None
    licence: str | None = None
    origin: str | None = None
    reason: str | None = None
    """Why it was refused or held back; nothing of a private note but its path."""
    embeds: int = 0
    """How many embeds it kept."""
    pictures: list[str] = field(default_factory=list)
    """Those that were brought along or replaced."""
    backups: list[str] = field(default_factory=list)
    """Copies of what was replaced."""
    dropped: int = 0
    """How many attributes and properties of style its HTML loses on the page."""
    remarks: list[str] = field(default_factory=list)
    look: "Look | None" = None
    """What its page would be, where nothing was written."""


@dataclass
class Look:
    title: str
    date: str | None
    categories: list[list[str]]
    tags: list[str]
    address: str
    """Of its page, below the site's."""
    known: dict[str, int]
    """Ways of writing → how often they occur."""
    unknown: dict[str, int]
    """What is shown as it is written."""


@dataclass
class Report:
    results: list[Result] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    """What became of the pages made from notes."""
    problem: str | None = None
    """Why those couldn't follow."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Tool whose collections these notes are from → how many."""

    def refuse(self, path: Path, why: str) -> None:
        self.results.append(Result(str(path), Outcome.REFUSED, reason=why))

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)

    @property
    def changed(self) -> bool:
        """Whether pages made from notes may have to follow."""
        return bool(self.count(Outcome.ADDED) or self.count(Outcome.UPDATED))

    @property
    def held_back(self) -> Counter[str]:
        """How many private notes there were, by reason."""
        return Counter(r.reason for r in self.results if r.outcome is Outcome.PRIVATE)

    @property
    def still_public(self) -> int:
        """How many notes are private by now, and still here."""
        return sum(r.outcome is Outcome.PRIVATE and r.file is not None for r in self.results)

    @property
    def ok(self) -> bool:
        return not (self.count(Outcome.REFUSED) or self.still_public or self.problem)

    def as_json(self) -> dict:
        return {
            "ok": self.ok,
            "notes": [
                asdict(result) | {"outcome": result.outcome.name.lower()} for result in self.results
            ],
            "kinds": self.kinds,
            "counts": {outcome.name.lower(): self.count(outcome) for outcome in Outcome},
            "remarks": [*self.remarks, *([self.problem] if self.problem else [])],
        }
