"""How busy something is that plays live."""

from __future__ import annotations

from dataclasses import dataclass

from dgm_audio.signal.full_scale import Lowered


@dataclass
class Load:
    """How busy a process was, as shares of the time that its blocks last.

    Args:
        budget: seconds that a block lasts.
        blocks: that were made.
        late: of them, those that took longer than they last.
        worst: longest time of one block.
        total: time of all blocks.
        gaps: blocks of silence that a device played because nothing had come in time.
        lost: blocks that a device had to drop.
        lowered_db: by how much the sound was lowered at most, to stay below full scale.
    """

    budget: float
    blocks: int = 0
    late: int = 0
    worst: float = 0.0
    total: float = 0.0
    gaps: int = 0
    lost: int = 0
    lowered_db: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a block that took so long."""
        self.blocks += 1
        self.late += seconds > self.budget
        self.worst = max(self.worst, seconds)
        self.total += seconds

    @property
    def seconds(self) -> float:
        """Of sound."""
        return self.blocks * self.budget

    def told(self) -> str:
        """In words."""
        share = self.total / max(self.seconds, 1e-9)
        lowered = Lowered(places_db=self.lowered_db).describe()
        return (
            f"load {share:.0%} of real time, worst block {self.worst / self.budget:.0%}; "
            f"{self.late} of {self.blocks} blocks late, {self.gaps} gaps, {self.lost} lost"
            + (f"; {lowered}" if lowered else "")
        )
