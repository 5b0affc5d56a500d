"""Classes as a stack may have them, for faces of every kind of member."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple


class Item:
    """Something that a shelf holds."""

    name: str
    """What it is called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.loop = asyncio.get_running_loop()

    async def renamed(self, name: str) -> Item:
        """Return another one."""
        return Item(name)


class Shelf:
    """Holds items."""

    first: Item | None
    """The first one, if there is any."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.first = None
        self.closed = False

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.items)

    def put(self, item: Item) -> int:
        """Add one and return how many there are."""
        assert asyncio.get_running_loop() is item.loop, "not on the loop of the stack"
        self.items.append(item)
        self.first = self.first or item
        return len(self.items)

    async def make(self, *names: str, prefix: str = "") -> list[Item]:
        """Make some."""
        return [Item(prefix + name) for name in names]

    async def find(self, name: str) -> Item | None:
        """Find one."""
        return next((item for item in self.items if item.name == name), None)

    async def pair(self) -> tuple[Item, int]:
        """Return one and its number."""
        return Item("pair"), 7

    async def both(self, *, alone: bool = False) -> Pair:
        """Return two of them."""
        return Pair(self.items[0], None if alone else self.items[1])

    async def each(self) -> AsyncIterator[Item]:
        """Go through all of them."""
        for item in self.items:
            await asyncio.sleep(0)
            yield item

    def __aiter__(self) -> AsyncIterator[Item]:
        return self.each()

    async def __aenter__(self) -> Shelf:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.closed = True


class Pair(NamedTuple):
    """Two of them, and what they do together."""

    left: Item
    """One."""
    right: Item | None
    """The other."""

    async def names(self, name: str) -> list[str]:
        """Return their names, each with another before it."""
        left = await self.left.renamed(name)
        return [left.name, self.left.name] if self.right is None else [left.name, self.right.name]

    async def __aenter__(self) -> Pair:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """There is nothing to do."""


class Unknown:
    """Has a method that gives items in a way of its own."""

    async def all(self) -> dict[str, Unknown]:
        """Return them by name."""
        return {}


class NoReturn:
    """Has a method that does not say what it returns."""

    async def all(self):  # type: ignore[no-untyped-def]
        """Return something."""


class NoDoc:
    """Has a method without a docstring."""

    async def all(self) -> Any: ...
