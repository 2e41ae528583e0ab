"""Calendar months, as files, people and dates name them."""

from __future__ import annotations

from msgspec import Struct

_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Month(Struct, frozen=True):
    """A calendar month."""

    year: int
    number: int

    @property
    def stamp(self) -> str:
        """As files are named: 2025-03."""
        return f"{self.year}-{self.number:02d}"

    @property
    def name(self) -> str:
        """As people say it: March."""
        return _NAMES[self.number - 1]

    @property
    def full(self) -> str:
        """As people write it: March 2025."""
        return f"{self.name} {self.year}"

    def after(self, months: int) -> Month:
        """The month so many months later; earlier, if negative."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    def day(self, number: int) -> str:
        """A date of this month."""
        return f"{self.stamp}-{number:02d}"
