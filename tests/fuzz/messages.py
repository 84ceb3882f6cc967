"""Messages as somebody would make them who knows the interface and means no good.

They are made from a message's descriptor by chance alone: every field may be there, with a value that is sensible,
absurd or a name of something that exists.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_DEPTH = 6
_INTEGERS = (0, 1, 2, 3, -1, 7, 1000, 1 << 31, (1 << 31) - 1, -(1 << 31), (1 << 32) - 1, (1 << 63) - 1, -(1 << 63))
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}
_FLOATS = (0.0, -1.0, 0.5, 1e308, float("inf"), float("nan"))
_SIGNS = "ab/*?[]{}()!@+^\\.~-:%$ \0\n\u00fc\u202e\U0001f418\ufffd"

TEXTS = (
    *(
        "",
        "/",
        "..",
        "/..",
        "/../..",
        ".",
        "//",
        "/a",
        "/d",
        "/d/",
        "/d/b",
        "/a/../b",
        "d//b",
        "/\0",
        " ",
        "\n",
        "%2e%2e",
    ),
    *("/" + "d/" * 2000 + "f", "x" * 5000, "/" + "\u00fc" * 2100, "/" + "*" * 1000, "-1", "0", "9" * 40, "\U0001f418"),
    *("master", "master^", "master~3", "master.1", "master^9999999", "^", "~", "master" + "^" * 3000, "HEAD", "dev"),
    *(
        "user",
        "spec",
        "meta",
        "__filesets__",
        "default",
        "images",
        "other",
        "no-such",
        "edges",
        "edges^1",
        "default/images",
        "images@master",
    ),
    *("/**", "/{a,b}", "/[a-", "/!(a)*", "/@(a|b)+(c)", "/" + "+(" * 19 + "a" + ")" * 19, "**/" * 300, "/*" * 500),
    *("(a+)+$", "(a|a)*b", "[", "(?P<a", "a{1,9999999999}", "((a{9}){9}){9}", "\\", "(?i)" * 100, ".*" * 50 + "x"),
    *(
        "1k",
        "1KB",
        "-5",
        "1e999",
        "@every 0s",
        "@every 1ms",
        "* * * * *",
        "*/0 * * * *",
        "60 24 32 13 8",
        "@yearly",
        "@x",
    ),
    *("file:///tmp/howdah-fuzz", "http://127.0.0.1:1/x", "http://[", "http://:0/", "s3://", "gs:///", "x://y", "//"),
    *("00000000000040000000000000000000", "f" * 32, "0" * 31, "g" * 32),
    *(
        '{"pipeline": {"name": "edges"}, "transform": {}, "input": {"pfs": {"repo": "images", "glob": "/"}}}',
        '{"pipeline": {"name": "new"}, "transform": {"cmd": ["a"]}, "input": {"cron": {"name": "x", "spec": "@x"}}}',
        '{"createPipelineRequest": {"datumTries": 2}}',
        '{"metadata": {"name": "secret"}, "data": {"a": "aGk="}}',
        '{pipeline: {name: "other"}, transform: {cmd: ["b"]}}',
    ),
    *("project:default", "repo:", "{", '{"a":', "[[[[" * 500, "null", "SELECT 1; --", "' OR 1=1 --", "${HOME}", "%s%n"),
)


class Maker:
    """Makes messages. `names` are texts that name something there, such as ids of commits."""

    def __init__(self, chance: random.Random, names: Sequence[str] = ()) -> None:
        self.chance = chance
        self._texts = [*TEXTS, *names]
        self._names = names

    def message(self, descriptor: Descriptor, depth: int = 0) -> Message:
        """A message of this kind."""
        made: Message = GetMessageClass(descriptor)()
        for field in descriptor.fields:
            if self.chance.random() < (0.25 if depth >= _DEPTH else 0.7):
                self._fill(made, field, depth)
        return made

    def noise(self) -> bytes:
        """Bytes that are no message, or only by chance."""
        return self.chance.randbytes(self.chance.choice([0, 1, 3, 20, 200, 3000]))

    def broken(self, descriptor: Descriptor) -> bytes:
        """A message in which some bytes were changed, taken away or put in."""
        data = bytearray(self.message(descriptor).SerializeToString())
        for _ in range(self.chance.randrange(1, 5)):
            at = self.chance.randrange(len(data) + 1)
            data[at : at + self.chance.randrange(3)] = self.chance.randbytes(self.chance.randrange(3))
        return bytes(data)

    def _fill(self, made: Message, field: FieldDescriptor, depth: int) -> None:
        held: Any = getattr(made, field.name)
        kind = field.message_type
        if kind is not None and depth >= _DEPTH:
            return
        if kind is not None and kind.GetOptions().map_entry:
            key, value = kind.fields
            for _ in range(self.chance.randrange(3)):
                if value.message_type is None:
                    held[self._value(key)] = self._value(value)
        elif field.is_repeated:
            for _ in range(self.chance.choice([0, 1, 1, 2, 5])):
                if kind is None:
                    held.append(self._value(field))
                else:
                    held.append(self.message(kind, depth + 1))
        elif kind is not None:
            held.CopyFrom(self.message(kind, depth + 1))
            held.SetInParent()
        else:
            setattr(made, field.name, self._value(field))

    def _value(self, field: FieldDescriptor) -> Any:
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING:
            return self._bytes() if field.type == FieldDescriptor.TYPE_BYTES else self._text(field.name)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return self.chance.random() < 0.5
        if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            return self.chance.choice(_FLOATS)
        if field.enum_type is not None and self.chance.random() < 0.7:
            return self.chance.choice(field.enum_type.values).number
        least, most = _RANGES[kind]
        return min(max(self.chance.choice(_INTEGERS), least), most)

    def _bytes(self) -> bytes:
        return self.chance.randbytes(self.chance.choice([0, 1, 32, 1000]))

    def _text(self, field: str) -> str:
        chance = self.chance.random()
        if chance < 0.2:
            return "".join(self.chance.choices(_SIGNS, k=self.chance.randrange(12)))
        if chance < 0.6:
            sensible = {"project": "default", "type": "user", "pattern": "/**", "path": "/a", "branch": "master"}
            name = sensible.get(field)
            if name is not None:
                return name
            if self._names:
                return self.chance.choice(self._names)
        return self.chance.choice(self._texts)
