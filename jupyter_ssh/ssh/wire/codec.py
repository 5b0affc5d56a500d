"""The codec of all message classes: a message is a frozen dataclass whose annotations name the types of its fields.

``reason: Uint32`` is ``Annotated[int, UINT32]``: an int for the type checker, with how to read and write it for us.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, get_type_hints

from jupyter_ssh.ssh.errors import WireError
from jupyter_ssh.ssh.wire import types as t
from jupyter_ssh.ssh.wire.numbers import message_name
from jupyter_ssh.ssh.wire.types import Reader


class FieldType(NamedTuple):
    """The functions that write and read one type of field."""

    encode: Callable[[Any], bytes]
    decode: Callable[[Reader], Any]


def _raw(value: bytes) -> bytes:
    return value


BOOLEAN = FieldType(t.boolean, Reader.boolean)
UINT32 = FieldType(t.uint32, Reader.uint32)
STRING = FieldType(t.string, Reader.string)
TEXT = FieldType(t.string, Reader.text)
MPINT = FieldType(t.mpint, Reader.mpint)
NAME_LIST = FieldType(t.name_list, Reader.name_list)
COOKIE = FieldType(_raw, lambda reader: reader.raw(16))
REST = FieldType(_raw, Reader.rest)

Boolean = Annotated[bool, BOOLEAN]
Uint32 = Annotated[int, UINT32]
String = Annotated[bytes, STRING]
Text = Annotated[str, TEXT]
Mpint = Annotated[int, MPINT]
NameList = Annotated[tuple[str, ...], NAME_LIST]
Cookie = Annotated[bytes, COOKIE]
"""Sixteen random bytes (RFC 4253 §7.1)."""
Rest = Annotated[bytes, REST]
"""All remaining bytes: the part of a message whose format depends on a preceding name."""


class Record:
    """Base of values with an encoding but no message number, such as the bodies of channel requests."""

    __slots__ = ()
    _fields: ClassVar[tuple[tuple[str, FieldType], ...]]

    @classmethod
    def fields(cls) -> tuple[tuple[str, FieldType], ...]:
        """Return (name, type) of each field in order; computed once, at first use."""
        fields = cls.__dict__.get("_fields")
        if fields is None:
            hints = get_type_hints(cls, include_extras=True)
            fields = tuple(
                (name, hint.__metadata__[0]) for name, hint in hints.items() if hasattr(hint, "__metadata__")
            )
            cls._fields = fields
        return fields

    def encode(self) -> bytes:
        """Return the encoding."""
        return b"".join([kind.encode(getattr(self, name)) for name, kind in self.fields()])

    @classmethod
    def decode(cls: type[R], data: bytes | memoryview, offset: int = 0, end: int | None = None) -> R:
        """Decode the fields from exactly ``data[offset:end]``.  Raises `WireError`."""
        reader = Reader(data, offset, end)
        try:
            message = cls(*[kind.decode(reader) for _, kind in cls.fields()])
            reader.finish()
        except WireError as error:
            error.phase = error.phase or f"decoding {cls.title()}"
            raise
        return message

    @classmethod
    def title(cls) -> str:
        """Return the name for errors."""
        return cls.__name__


R = TypeVar("R", bound=Record)


class Message(Record):
    """Base of the message classes: a record after its message number."""

    __slots__ = ()
    number: ClassVar[int]

    def __init_subclass__(cls, number: int | None = None) -> None:
        if number is not None:  # dataclass(slots=True) creates the class a second time, without the keyword
            cls.number = number

    def encode(self) -> bytes:
        """Return the payload: message number, then the fields."""
        return bytes((self.number,)) + Record.encode(self)

    @classmethod
    def title(cls) -> str:
        """Return the name for errors."""
        return message_name(cls.number)
