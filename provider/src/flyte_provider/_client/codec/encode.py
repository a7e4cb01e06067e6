"""From plain Python values to Flyte literals, by the type that the interface names.

Source of the encodings: flytekit.core.type_engine; golden tests compare with the installed flytekit. Text is
read as a number, switch or time where the type wants one, because templates render to text; inside a union, a
variant that takes the value as it is wins over one that would have to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from os import PathLike, fspath
from typing import Any

from flyteidl.core import literals_pb2, types_pb2
from flyteidl.core.literals_pb2 import Literal
from google.protobuf import duration_pb2, struct_pb2, timestamp_pb2

from flyte_provider._client.codec import text_values
from flyte_provider._client.codec.structs import pack_struct
from flyte_provider._client.codec.type_names import name_type, name_value
from flyte_provider.exceptions import FlyteInputError

MSGPACK_TAG = "msgpack"
_INT64 = range(-(2**63), 2**63)


#: Stores a value somewhere that Flyte can read, and returns its literal.
Upload = Callable[[Any, types_pb2.LiteralType], Literal]

# Whose values flytekit can store: dataframes, tables, and its own files and directories.
_UPLOADABLE = {"pandas", "polars", "pyarrow", "flytekit"}


def encode(
    value: Any, literal_type: types_pb2.LiteralType, path: str = "value", upload: Upload | None = None
) -> Literal:
    """Return ``value`` as a literal of ``literal_type``.

    :param value: a JSON-like value, or datetime, timedelta, Enum, dataclass, pydantic model, path; or a
        Literal
    :param path: names the place in messages, as in ``input 'x'``
    :param upload: for dataframes and the like; without it they are refused
    :raises FlyteInputError: ``<path>: expected <type>, got <type> <value>``
    """
    if isinstance(value, Literal):
        return value
    return _Encoder(reads_text=True, upload=upload).encode(value, literal_type, path)


def _primitive(**field: Any) -> Literal:
    return Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(**field)))


@dataclass(frozen=True)
class _Encoder:
    """One walk over a value. ``reads_text`` is off while a union looks for a variant that fits exactly."""

    reads_text: bool
    upload: Upload | None = None

    def encode(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        kind = literal_type.WhichOneof("type")
        if self.upload is not None and kind in _BY_ADDRESS and _is_uploadable(value):
            return self.upload(value, literal_type)
        if kind == "simple":
            return self._simple(value, literal_type, path)
        encoder: Callable[[Any, types_pb2.LiteralType, str], Literal] | None = {
            "collection_type": self._collection,
            "map_value_type": self._map,
            "union_type": self._union,
            "enum_type": self._enum,
            "blob": self._blob,
            "schema": self._schema,
            "structured_dataset_type": self._structured_dataset,
        }.get(kind or "")
        if encoder is None:
            raise FlyteInputError(f"{path}: Flyte type {kind or 'unset'} cannot be given from Airflow")
        return encoder(value, literal_type, path)

    def _wrong(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> FlyteInputError:
        return FlyteInputError(f"{path}: expected {name_type(literal_type)}, got {name_value(value)}")

    # -- simple types ----------------------------------------------------------------------------------------

    def _simple(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        simple = literal_type.simple
        if simple == types_pb2.STRUCT:
            return self._struct(value, literal_type.metadata, path)
        if simple == types_pb2.NONE and value is None:
            return Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void()))
        reader = {
            types_pb2.INTEGER: self._integer,
            types_pb2.FLOAT: self._float,
            types_pb2.STRING: self._string,
            types_pb2.BOOLEAN: self._boolean,
            types_pb2.DATETIME: self._datetime,
            types_pb2.DURATION: self._duration,
            types_pb2.BINARY: self._binary,
        }.get(simple)
        literal = reader(value) if reader else None
        if literal is None:
            raise self._wrong(value, literal_type, path)
        return literal

    def _read(self, value: Any, reader: Callable[[str], Any]) -> Any:
        """Return the value itself, or what its text spells; None when it spells nothing."""
        return reader(value) if self.reads_text and isinstance(value, str) else value

    def _integer(self, value: Any) -> Literal | None:
        value = self._read(value, text_values.read_int)
        # An int that Flyte's 64 bits cannot hold is as wrong as a text. bool is an int to Python only.
        return _primitive(integer=value) if type(value) is int and value in _INT64 else None

    def _float(self, value: Any) -> Literal | None:
        value = self._read(value, text_values.read_float)
        # JSON does not tell 1 from 1.0, so an int will do, but not to a union that may have an int variant.
        fits = isinstance(value, float) or (self.reads_text and type(value) is int)
        return _primitive(float_value=float(value)) if fits else None

    def _string(self, value: Any) -> Literal | None:
        if isinstance(value, Enum):
            value = value.value
        return _primitive(string_value=str(value)) if isinstance(value, str) else None

    def _boolean(self, value: Any) -> Literal | None:
        value = self._read(value, text_values.read_bool)
        return _primitive(boolean=value) if isinstance(value, bool) else None

    def _datetime(self, value: Any) -> Literal | None:
        value = self._read(value, text_values.read_datetime)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            return None
        timestamp = timestamp_pb2.Timestamp()
        timestamp.FromDatetime(text_values.as_utc(value).replace(tzinfo=None))
        return _primitive(datetime=timestamp)

    def _duration(self, value: Any) -> Literal | None:
        value = self._read(value, text_values.read_timedelta)
        if self.reads_text and type(value) in (int, float):
            value = timedelta(seconds=value)
        if not isinstance(value, timedelta):
            return None
        duration = duration_pb2.Duration()
        duration.FromTimedelta(value)
        return _primitive(duration=duration)

    def _binary(self, value: Any) -> Literal | None:
        if not isinstance(value, (bytes, bytearray)):
            return None
        return Literal(scalar=literals_pb2.Scalar(binary=literals_pb2.Binary(value=bytes(value))))

    def _struct(self, value: Any, metadata: struct_pb2.Struct, path: str) -> Literal:
        if value is None or isinstance(value, (str, bytes, bool, int, float)):
            raise FlyteInputError(f"{path}: expected dict, got {name_value(value)}")
        packed = literals_pb2.Binary(value=pack_struct(value, metadata, path), tag=MSGPACK_TAG)
        return Literal(scalar=literals_pb2.Scalar(binary=packed))

    # -- composed types --------------------------------------------------------------------------------------

    def _collection(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        if not isinstance(value, (list, tuple)):
            raise self._wrong(value, literal_type, path)
        kind = literal_type.collection_type
        items = [self.encode(item, kind, f"{path}[{index}]") for index, item in enumerate(value)]
        return Literal(collection=literals_pb2.LiteralCollection(literals=items))

    def _map(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise self._wrong(value, literal_type, path)
        kind = literal_type.map_value_type
        items = {key: self.encode(item, kind, f"{path}[{key!r}]") for key, item in value.items()}
        return Literal(map=literals_pb2.LiteralMap(literals=items))

    def _union(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        """Take the first variant that fits the value as it is, else the first that can read it."""
        for encoder in dict.fromkeys((_Encoder(reads_text=False, upload=self.upload), self)):
            for variant in literal_type.union_type.variants:
                try:
                    inner = encoder.encode(value, variant, path)
                except FlyteInputError:
                    continue
                union = literals_pb2.Union(value=inner, type=variant)
                return Literal(scalar=literals_pb2.Scalar(union=union))
        raise self._why_no_variant(value, literal_type, path)

    def _why_no_variant(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> FlyteInputError:
        """An optional value is told what is wrong with it; a real choice is told the choice."""
        variants = [one for one in literal_type.union_type.variants if not _is_none(one)]
        if len(variants) == 1 and value is not None:
            try:
                self.encode(value, variants[0], path)
            except FlyteInputError as exc:
                if not str(exc).startswith(f"{path}: expected"):
                    return exc
        return self._wrong(value, literal_type, path)

    def _enum(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        if isinstance(value, Enum):
            value = value.value
        if value not in list(literal_type.enum_type.values):
            raise self._wrong(value, literal_type, path)
        return _primitive(string_value=value)

    # -- data by address -------------------------------------------------------------------------------------

    def _address(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> str:
        text = fspath(value) if isinstance(value, PathLike) else value
        if not isinstance(text, str) or "://" not in text:
            raise self._wrong(value, literal_type, path)
        return text

    def _blob(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        metadata = literals_pb2.BlobMetadata(type=literal_type.blob)
        blob = literals_pb2.Blob(uri=self._address(value, literal_type, path), metadata=metadata)
        return Literal(scalar=literals_pb2.Scalar(blob=blob))

    def _schema(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        schema = literals_pb2.Schema(uri=self._address(value, literal_type, path), type=literal_type.schema)
        return Literal(scalar=literals_pb2.Scalar(schema=schema))

    def _structured_dataset(self, value: Any, literal_type: types_pb2.LiteralType, path: str) -> Literal:
        kind = literal_type.structured_dataset_type
        dataset = literals_pb2.StructuredDataset(
            uri=self._address(value, literal_type, path),
            metadata=literals_pb2.StructuredDatasetMetadata(structured_dataset_type=kind),
        )
        return Literal(scalar=literals_pb2.Scalar(structured_dataset=dataset))


_BY_ADDRESS = {"blob", "schema", "structured_dataset_type"}


def _is_uploadable(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in _UPLOADABLE


def _is_none(literal_type: types_pb2.LiteralType) -> bool:
    # A type that is no simple one reads as NONE too, which is the enum's zero.
    return bool(literal_type.WhichOneof("type") == "simple" and literal_type.simple == types_pb2.NONE)
