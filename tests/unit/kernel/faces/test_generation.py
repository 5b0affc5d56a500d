"""The faces are what the asyncio classes say, whoever changed those last."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from jupyter_ssh.kernel.faces import awaitable, blocking
from jupyter_ssh.kernel.pending import Pending
from tests.support.faces.description import describe
from tests.support.faces.source import KINDS, Unsupported, faces, module
from tests.support.faces.table import CLASSES, STAY_BEHIND, TARGETS, WAIT_AFTERWARDS


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return faces()


@pytest.mark.parametrize("name", [kind.file for kind in KINDS])
def test_the_files_are_current(name: str, written: dict[str, str]) -> None:
    assert (TARGETS / name).read_text(encoding="utf-8") == written[name], "write them anew: make faces"


def public(cls: type) -> dict[str, Any]:
    return {name: value for name, value in vars(cls).items() if not name.startswith("_")}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize(("faced", "prefix"), [(blocking, ""), (awaitable, "Async")], ids=["blocking", "awaitable"])
def test_names_parameters_and_docstrings_are_those_of_the_stack(name: str, faced: Any, prefix: str) -> None:
    stack, face = getattr(import_module(CLASSES[name]), name), getattr(faced, f"{prefix}{name}")
    if issubclass(stack, tuple):
        assert list(face.__annotations__) == list(stack.__annotations__)
    assert inspect.getdoc(face) == inspect.getdoc(stack)
    members = {**stack.__annotations__, **public(stack)}
    wanted = {member for member in members if not member.startswith("_") and f"{name}.{member}" not in STAY_BEHIND}
    assert set(public(face)) - {"aio"} == wanted
    for member, value in public(stack).items():
        if f"{name}.{member}" in STAY_BEHIND:
            continue
        made = public(face)[member]
        assert inspect.getdoc(made) == inspect.getdoc(value)
        if inspect.isfunction(value):
            own, theirs = inspect.signature(made).parameters, inspect.signature(value).parameters
            more = ["timeout"] if f"{name}.{member}" in WAIT_AFTERWARDS else []
            assert list(own) == [*theirs, *more]
            assert all(own[each].kind is theirs[each].kind for each in theirs)
            assert all(own[each].default == theirs[each].default for each in theirs)


def test_a_signature_that_no_face_can_have_is_refused() -> None:
    for name in ("Unknown", "NoReturn", "NoDoc"):
        with pytest.raises(Unsupported, match=name):
            module(KINDS[0], [describe(name, "tests.unit.kernel.faces.examples")])


def test_pending_is_what_plain_functions_give() -> None:
    assert inspect.signature(awaitable.AsyncProcess.signal).return_annotation == f"{Pending.__name__}[None]"
    assert inspect.iscoroutinefunction(awaitable.AsyncProcess.wait)
    assert not inspect.iscoroutinefunction(blocking.Process.wait)
