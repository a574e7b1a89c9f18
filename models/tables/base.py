"""Names of constraints, and the few column types that all tables share."""

import enum
import json
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Integer, LargeBinary, MetaData, Text
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.sql.schema import SchemaItem
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""A constraint without a name cannot be changed by a later revision, so the convention comes before the first table."""


class Base(SQLModel):
    """Every table derives from this one, so that nobody else's SQLModel classes land in our schema."""

    metadata: ClassVar[MetaData] = metadata


def one_of(values: type[enum.Enum], name: str) -> SqlEnum:
    """An enum kept as the text of its value with a CHECK called *name*; a native type could not grow by a revision."""
    return SqlEnum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=24,
        values_callable=lambda members: [str(member.value) for member in members],
    )


class Number(TypeDecorator[enum.IntEnum]):
    """An `IntEnum` kept as its number. Add a CHECK in the table."""

    impl = Integer
    cache_ok = True

    def __init__(self, values: type[enum.IntEnum]) -> None:
        super().__init__()
        self.values = values

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else int(self.values(value))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> enum.IntEnum | None:
        return None if value is None else self.values(value)


class Texts(TypeDecorator[tuple[str, ...]]):
    """A short list of strings in its own order, kept as a JSON array in text: the same on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(list(value), ensure_ascii=False)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))


class Json(TypeDecorator[Any]):
    """Anything JSON-able, kept as text. Never asked inside by a query."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        return None if value is None else json.loads(value)


class Members(TypeDecorator[frozenset[Any]]):
    """A set of enum members, kept as their values, sorted and joined by commas. Refuses anything that is no member."""

    impl = Text
    cache_ok = True

    def __init__(self, values: type[enum.Enum]) -> None:
        super().__init__()
        self.values = values

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> str | None:
        return None if value is None else ",".join(sorted({str(self.values(member).value) for member in value}))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> frozenset[Any] | None:
        return None if value is None else frozenset(self.values(word) for word in value.split(",") if word)


SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that is its table's primary key: on SQLite it then *is* the row id, one tree instead of two."""

_UNSET: Final = object()


def column(
    kind: TypeEngine[Any] | type[TypeEngine[Any]],
    *items: SchemaItem,
    default: Any = _UNSET,
    null: bool = False,
    key: bool = False,
    index: bool = False,
    make: Callable[[], Any] | None = None,
) -> Any:
    """A column of exactly this type. *default* (or *make*) holds for SQLModel objects and for Core inserts alike."""
    options: dict[str, Any] = {"nullable": null, "primary_key": key, "index": index or None}
    if key:
        options["autoincrement"] = False  # we give every key ourselves
    if make is not None:
        options["default"] = make
        return Field(default_factory=make, sa_column=Column(kind, *items, **options))
    if default is _UNSET:
        if not null:
            return Field(sa_column=Column(kind, *items, **options))
        default = None
    if default is not None:
        options["default"] = default
    return Field(default=default, sa_column=Column(kind, *items, **options))


def text(*items: SchemaItem, **options: Any) -> Any:
    return column(Text(), *items, **options)


def integer(*items: SchemaItem, **options: Any) -> Any:
    return column(Integer(), *items, **options)


def flag(default: bool = False) -> Any:
    return column(Boolean(), default=default)


def millis(*items: SchemaItem, **options: Any) -> Any:
    """A time, Unix milliseconds UTC. SQLite has no time zones, so no database type for times is used."""
    return column(BigInteger(), *items, **options)


def blob(*items: SchemaItem, **options: Any) -> Any:
    return column(LargeBinary(), *items, **options)
