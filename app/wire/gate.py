"""A strict, fast JSON codec built from a Record's own annotations and defaults."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import faust
import msgspec

from app.core.metadata import metadata_problem
from app.wire.dialect import portable


class WireGate:
    """Encodes and decodes one Record type.

    On the wire a record is a JSON object whose `type` is the Record's namespace. Decoding refuses
    unknown and missing fields, wrong types and values outside the bounds of the annotations.
    """

    def __init__(self, record: type[faust.Record]) -> None:
        self.record = record
        known: dict[type, type] = {}
        self.struct = _struct_of(record, known)
        self._nested = {each: _nested_records(each) for each in known}
        self._decode = msgspec.json.Decoder(self.struct).decode
        self._encode = msgspec.json.Encoder(enc_hook=_plain).encode

    def decode(self, value: bytes) -> faust.Record:
        """Return the record; raises ValueError saying which field is wrong, and how."""
        try:
            found = self._decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        _refuse_bad_metadata(found)
        return _record_of(self.record, found, self._nested)

    def encode(self, record: faust.Record) -> bytes:
        """Return the record as JSON. Raises ValueError when the record breaks its own bounds."""
        return self.encode_fields({name: getattr(record, name) for name in record._options.fields})

    def encode_fields(self, fields: Mapping[str, Any]) -> bytes:
        """Return a record with these fields (the others have their defaults) as JSON.

        Raises ValueError when they break the record's bounds.
        """
        try:
            value = self._encode({"type": self.record._options.namespace, **fields})
            _refuse_bad_metadata(self._decode(value))
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"{self.record.__name__}: {error}") from error
        return value

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the record."""
        found: dict[str, Any] = portable(msgspec.json.schema(self.struct))
        return found


def record_schemas(records: Iterable[type[faust.Record]], ref: str) -> dict[str, Any]:
    """Return the JSON Schema of records, and of those inside them, by their names.

    `ref` is how they name each other: `#/$defs/{name}`.
    """
    known: dict[type, type] = {}
    structs = [_struct_of(record, known) for record in records]
    _, components = msgspec.json.schema_components(structs, ref_template=ref)
    found: dict[str, Any] = portable(components)
    return found


def _refuse_bad_metadata(found: Any) -> None:
    """Free JSON has bounds too, also in a record within the record. Raises ValueError."""
    for holder in (found, getattr(found, "question", None)):
        metadata = getattr(holder, "metadata", None)
        problem = metadata_problem(metadata) if metadata else None
        if problem is not None:
            raise ValueError(f"metadata: {problem}")


def _plain(value: Any) -> Any:
    if isinstance(value, faust.Record):
        fields = {name: getattr(value, name) for name in value._options.fields}
        return {"type": value._options.namespace, **fields}
    raise TypeError(f"{type(value).__name__} can't be sent")


def _struct_of(record: type[faust.Record], known: dict[type, type]) -> type[msgspec.Struct]:
    if record not in known:
        hints = get_type_hints(record, include_extras=True)
        defaults = record._options.defaults
        fields: list[Any] = [("type", Literal[record._options.namespace])]
        for name in record._options.fields:
            hint = _with_structs(hints[name], known)
            if name not in defaults:
                fields.append((name, hint))
            elif isinstance(defaults[name], dict):
                fields.append((name, hint, msgspec.field(default_factory=dict)))
            else:
                fields.append((name, hint, defaults[name]))
        known[record] = msgspec.defstruct(
            record.__name__,
            fields,
            kw_only=True,
            forbid_unknown_fields=True,
            namespace={"__doc__": record.__doc__},
        )
    return known[record]


def _with_structs(hint: Any, known: dict[type, type]) -> Any:
    """Return the hint with every Record in it replaced by its struct."""
    if isinstance(hint, type) and issubclass(hint, faust.Record):
        return _struct_of(hint, known)
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *bounds = get_args(hint)
        return Annotated[(_with_structs(inner, known), *bounds)]
    if origin is list:
        return list[_with_structs(get_args(hint)[0], known)]  # type: ignore[misc]
    if origin in (Union, types.UnionType):
        return Union[tuple(_with_structs(arm, known) for arm in get_args(hint))]  # noqa: UP007
    return hint


def _nested_records(record: type[faust.Record]) -> dict[str, type[faust.Record]]:
    """Return the fields of a record that hold another record, or a list of such."""
    return {
        name: arm
        for name, hint in get_type_hints(record).items()
        for arm in (hint, *get_args(hint))
        if isinstance(arm, type) and issubclass(arm, faust.Record)
    }


def _record_of(
    record: type[faust.Record],
    found: msgspec.Struct,
    nested: dict[type, dict[str, type[faust.Record]]],
) -> faust.Record:
    fields = {name: getattr(found, name) for name in record._options.fields}
    for name, inner in nested[record].items():
        if isinstance(fields[name], list):
            fields[name] = [_record_of(inner, each, nested) for each in fields[name]]
        elif fields[name] is not None:
            fields[name] = _record_of(inner, fields[name], nested)
    made: faust.Record = object.__new__(record)
    # As its `__init__` does for values that are checked, without a descriptor for each field.
    made.__dict__.update(fields, __evaluated_fields__=set())
    return made
