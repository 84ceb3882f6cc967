"""Our messages, enums and services are those of Pachyderm's published client, by name, number and type."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import betterproto
import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor, ServiceDescriptor
from pachyderm_sdk.api import (
    admin,
    auth,
    cdr,
    debug,
    enterprise,
    metadata,
    pfs,
    pps,
    storage,
    taskapi,
    transaction,
    version,
    worker,
)

from howdah.wire.gen import (
    admin_pb2,
    auth_pb2,
    cdr_pb2,
    debug_pb2,
    enterprise_pb2,
    metadata_pb2,
    pfs_pb2,
    pps_pb2,
    storage_pb2,
    taskapi_pb2,
    transaction_pb2,
    version_pb2,
    worker_pb2,
)

PAIRS: dict[FileDescriptor, ModuleType] = {
    pfs_pb2.DESCRIPTOR: pfs,
    pps_pb2.DESCRIPTOR: pps,
    worker_pb2.DESCRIPTOR: worker,
    admin_pb2.DESCRIPTOR: admin,
    version_pb2.DESCRIPTOR: version,
    taskapi_pb2.DESCRIPTOR: taskapi,
    auth_pb2.DESCRIPTOR: auth,
    transaction_pb2.DESCRIPTOR: transaction,
    metadata_pb2.DESCRIPTOR: metadata,
    debug_pb2.DESCRIPTOR: debug,
    enterprise_pb2.DESCRIPTOR: enterprise,
    storage_pb2.DESCRIPTOR: storage,
    cdr_pb2.DESCRIPTOR: cdr,
}
# We hold of auth only what the other packages use.
WHOLE = [module for module in PAIRS.values() if module is not auth]

TYPES = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}
# Messages that their client gives as plain Python values.
WRAPPED = {"bytesvalue": "bytes", "int64value": "int", "timestamp": "datetime", "duration": "timedelta"}


class Field(NamedTuple):
    number: int
    type: str
    of: str
    oneof: str
    repeated: bool


def our_messages() -> Iterator[tuple[ModuleType, Descriptor]]:
    for file, module in PAIRS.items():
        waiting = list(file.message_types_by_name.values())
        while waiting:
            message = waiting.pop()
            waiting.extend(nested for nested in message.nested_types if not nested.GetOptions().map_entry)
            yield module, message


def our_enums() -> Iterator[tuple[ModuleType, EnumDescriptor]]:
    for file, module in PAIRS.items():
        for enum in file.enum_types_by_name.values():
            yield module, enum
    for module, message in our_messages():
        for enum in message.enum_types:
            yield module, enum


def flat(descriptor: Descriptor | EnumDescriptor) -> str:
    """The name under which their client has it, in small letters: nested names run together."""
    return descriptor.full_name.removeprefix(descriptor.file.package + ".").replace(".", "").lower()


def key(name: str) -> str:
    """A field's name without what differs by language: capitals, underscores at word ends."""
    return name.replace("_", "").lower()


def our_field(field: FieldDescriptor) -> Field:
    entry = field.message_type if field.message_type and field.message_type.GetOptions().map_entry else None
    oneof = field.containing_oneof.name if field.containing_oneof else ""
    if entry is not None:
        of = ",".join(TYPES[entry.fields_by_name[part].type] for part in ("key", "value"))
        return Field(field.number, "map", of, oneof, repeated=False)
    of = ""
    if field.message_type is not None:
        of = WRAPPED.get(flat(field.message_type), flat(field.message_type))
    elif field.enum_type is not None:
        of = flat(field.enum_type)
    return Field(field.number, TYPES[field.type], of, oneof, repeated=field.is_repeated)


def their_fields(message: type[betterproto.Message]) -> dict[str, Field]:
    told = message()._betterproto
    fields = {}
    for name, meta in told.meta_by_field_name.items():
        of = told.cls_by_field[name].__name__.lower() if meta.proto_type in ("message", "enum") else ""
        if meta.map_types:
            of = ",".join(meta.map_types)
        repeated = told.default_gen[name] is list
        fields[key(name)] = Field(meta.number, meta.proto_type, of, meta.group or "", repeated=repeated)
    return fields


def find(module: ModuleType, name: str) -> Any:
    """Their class of that name, however its capitals fall."""
    return next(value for found, value in vars(module).items() if found.lower() == name)


@pytest.mark.parametrize(("module", "message"), [pytest.param(m, d, id=d.full_name) for m, d in our_messages()])
def test_message_has_the_fields_of_the_published_client(module: ModuleType, message: Descriptor) -> None:
    ours = {key(field.name): our_field(field) for field in message.fields}

    theirs = their_fields(find(module, flat(message)))
    assert ours == theirs


@pytest.mark.parametrize(("module", "enum"), [pytest.param(m, e, id=e.full_name) for m, e in our_enums()])
def test_enum_has_the_members_of_the_published_client(module: ModuleType, enum: EnumDescriptor) -> None:
    theirs = {member.name: member.value for member in find(module, flat(enum))}

    assert {value.name: value.number for value in enum.values} == theirs


@pytest.mark.parametrize("module", WHOLE, ids=lambda module: module.__name__)
def test_no_message_of_the_published_client_is_missing(module: ModuleType) -> None:
    ours = {flat(message) for found, message in our_messages() if found is module}
    theirs = {
        name.lower()
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, betterproto.Message) and value.__module__ == module.__name__
    }

    assert theirs <= ours


class Recorder:
    """A channel that notes which calls a stub asks it for."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, str]] = {}

    def __getattr__(self, kind: str) -> Any:
        def note(path: str, *, response_deserializer: Any, **_: Any) -> None:
            self.calls[path] = (kind, response_deserializer.__self__.__name__.lower())

        return note


SERVICES = [service for file in PAIRS for service in file.services_by_name.values()]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.full_name)
def test_service_has_the_methods_of_the_published_client(service: ServiceDescriptor) -> None:
    module = PAIRS[service.file]
    recorder = Recorder()
    named = find(module, f"{service.name}stub".lower())
    stub = next(cls for cls in named.__mro__ if cls.__module__ == module.__name__)
    stub(recorder)
    ours = {}
    for method in service.methods:
        sides = ("stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming))
        ours[f"/{service.full_name}/{method.name}"] = ("_".join(sides), flat(method.output_type))

    assert ours == recorder.calls
