"""Every kind of member that an asyncio class may have, through both faces."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from jupyter_ssh.kernel.engine import Engine
from jupyter_ssh.kernel.faces.face import behind
from tests.support.faces.description import describe
from tests.support.faces.source import KINDS, module
from tests.unit.kernel.faces import examples


@pytest.fixture(scope="module")
def made() -> dict[str, ModuleType]:
    """The faces of the examples, as modules."""
    descriptions = [describe(name, examples.__name__) for name in ("Item", "Pair", "Shelf")]
    modules = {}
    for kind in KINDS:
        source = module(kind, descriptions)
        modules[kind.file] = ModuleType(kind.file)
        exec(compile(source, kind.file, "exec"), vars(modules[kind.file]))
    return modules


def shelf(engine: Engine) -> examples.Shelf:
    async def work() -> examples.Shelf:
        return examples.Shelf()

    return engine.call(work)


def test_blocking(engine: Engine, made: dict[str, ModuleType]) -> None:
    face = made["blocking.py"].Shelf(engine, shelf(engine))
    assert face.find("one") is None
    one, two = face.make("one", "two", prefix="number ")
    assert (face.put(one), face.put(two), face.size) == (1, 2, 2)
    assert face.find("number one").name == "number one"
    assert one.renamed("other").name == "other"
    pair, number = face.pair()
    assert (type(pair), number) == (type(one), 7)
    assert [item.name for item in face] == [item.name for item in face.each()] == ["number one", "number two"]
    assert all(isinstance(item, type(one)) for item in face)
    with face.both() as (left, right):
        assert (left.name, right.name) == ("number one", "number two")
    assert face.both(alone=True).names("x") == ["x", "number one"]
    with face as same:
        assert same is face
    assert behind(face).closed


async def test_awaitable(engine: Engine, made: dict[str, ModuleType]) -> None:
    face: Any = made["awaitable.py"].AsyncShelf(engine, shelf(engine))
    assert await face.find("one") is None
    one, two = await face.make("one", "two", prefix="number ")
    face.put(one)  # begun at once, in this order
    assert await face.put(two) == 2
    assert face.size == 2
    assert (await face.find("number one")).name == "number one"
    pair, number = await face.pair()
    assert (type(pair), number) == (type(one), 7)
    assert [item.name async for item in face] == [item.name async for item in face.each()]
    assert [type(item) async for item in face] == [type(one)] * 2
    async with await face.both() as (left, right):
        assert (left.name, right.name) == ("number one", "number two")
    assert await (await face.both(alone=True)).names("x") == ["x", "number one"]
    async with face as same:
        assert same is face
    assert behind(face).closed


def test_an_object_with_a_face_is_one_object(engine: Engine, made: dict[str, ModuleType]) -> None:
    face = made["blocking.py"].Shelf(engine, shelf(engine))
    [item] = face.make("one")
    face.put(item)
    assert behind(face).items == [behind(item)]
    assert face.first is face.first
    assert face.first.name == "one"


def test_an_iteration_that_is_left_ends_on_the_engine(engine: Engine, made: dict[str, ModuleType]) -> None:
    face = made["blocking.py"].Shelf(engine, shelf(engine))
    for item in face.make("one", "two"):
        face.put(item)
    iterator = iter(face)
    next(iterator)
    inner = iterator.gi_frame.f_locals["iterator"]
    iterator.close()
    assert engine.call(lambda: ended(inner))


async def ended(iterator: Any) -> bool:
    return await anext(iterator, None) is None and sys.getrefcount(iterator) > 0
