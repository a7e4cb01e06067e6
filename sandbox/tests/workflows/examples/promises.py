"""Parts of what a task returned, handed on by attribute, key and index."""

from dataclasses import dataclass, field

from flytekit import dynamic, task, workflow
from pydantic import BaseModel


@dataclass
class Inner:
    number: int = 7
    ratio: float = 2.5
    names: list[str] = field(default_factory=lambda: ["a", "b"])


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    table: dict[str, int] = field(default_factory=lambda: {"x": 1})
    flag: bool = True


class Model(BaseModel):
    inner: Inner = Inner()
    rows: list[dict[str, int]] = [{"y": 5}]


@task
def make() -> tuple[Outer, Model, list[dict[str, int]], dict[str, list[str]]]:
    return Outer(), Model(), [{"z": 9}], {"words": ["one", "two"]}


@task
def collect(
    number: int, ratio: float, name: str, x: int, flag: bool, y: int, z: int, word: str, names: list[str]
) -> str:
    return " ".join(str(value) for value in (number, ratio, name, x, flag, y, z, word, names))


@task
def number_of(inner: Inner) -> int:
    return inner.number


@workflow
def parts() -> tuple[str, int, int]:
    outer, model, rows, words = make()
    text = collect(
        number=outer.inner.number,
        ratio=outer.inner.ratio,
        name=outer.inner.names[1],
        x=outer.table["x"],
        flag=outer.flag,
        y=model.rows[0]["y"],
        z=rows[0]["z"],
        word=words["words"][1],
        names=outer.inner.names,
    )
    return text, number_of(inner=outer.inner), number_of(inner=model.inner)


@dynamic
def later(outer: Outer) -> int:
    made, _, _, _ = make()
    return number_of(inner=made.inner)


@workflow
def parts_inside() -> int:
    outer, _, _, _ = make()
    return later(outer=outer)


@workflow
def no_such_key() -> int:
    _, _, _, words = make()
    return length(text=words["none"][0])


@task
def length(text: str) -> int:
    return len(text)
