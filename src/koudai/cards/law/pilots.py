"""What a batch takes of sandbox pilots, whose caps are on what passes under them and for how many. Pure."""

from copy import copy


class Pilots:
    """Of each pilot what passed and for how many, who they were, and what this batch adds."""

    def __init__(self) -> None:
        self.rooms: dict[int, tuple[int, int]] = {}
        self.holders: set[tuple[int, str]] = set()
        self.uses: list[tuple[int, int, str]] = []

    def use(self, pilot_id: int, minor: int, who: str) -> None:
        """Take a decision off a pilot's caps."""
        self.rooms[pilot_id] = self.after(pilot_id, minor, who)
        self.holders.add((pilot_id, who))
        self.uses.append((pilot_id, minor, who))

    def after(self, pilot_id: int, minor: int, who: str) -> tuple[int, int]:
        """What will have passed, and for how many, once a decision is taken."""
        used_minor, holders = self.rooms.get(pilot_id, (0, 0))
        return used_minor + minor, holders + ((pilot_id, who) not in self.holders)

    def copy(self) -> "Pilots":
        """The same, to go back to."""
        other = Pilots()
        other.rooms, other.holders, other.uses = copy(self.rooms), copy(self.holders), copy(self.uses)
        return other
