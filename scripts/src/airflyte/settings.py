"""The settings of one checkout: their names, defaults and places, and the order in which these win.

A setting is one field of :class:`Settings`. Its value comes from the environment, else from
``airflyte.toml``, else from what an earlier ``up`` remembered (the port offset only), else from the default.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from airflyte.errors import AirflyteError
from airflyte.state import StateFolder

FILE_NAME = "airflyte.toml"
STATE_NAME = ".airflyte"
PREFIX = "AIRFLYTE_"
NOT_SETTINGS = frozenset({"AIRFLYTE_STACK", "AIRFLYTE_ATTEMPT"})
"""Variables with our prefix that are no settings: the marks of a stack's processes and of a task's."""

TASK_UID = 61000
"""A number that no distribution gives to an account. Where one has it all the same, flyte_sandbox takes the
next, unless the setting says another.
"""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _key(section: str, default: object, help_text: str, *, name: str = "", short: str = "") -> Any:
    """A setting.

    :param name: its key in the section, where that differs from the field's name.
    :param short: the short form of its variable, beside ``AIRFLYTE_<SECTION>_<KEY>``.
    """
    metadata = {"section": section, "help": help_text, "name": name, "short": short}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Ports:
    """The four ports of a stack, all on 127.0.0.1."""

    airflow: int = 8080
    flyte: int = 30080
    s3: int = 30002
    postgres: int = 30001

    def shifted(self, offset: int) -> Ports:
        """The same four, each ``offset`` higher."""
        return Ports(**{name: port + offset for name, port in dataclasses.asdict(self).items()})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one checkout is told to do; made by :func:`load`."""

    checkout: Path
    port_offset: int = _key(
        "ports", 0, "added to all four ports; remembered", name="offset", short="AIRFLYTE_PORT_OFFSET"
    )
    demo: bool = _key("stack", True, "run the demo at the end of the first up", short="AIRFLYTE_DEMO")
    keep: bool = _key("stack", False, "leave what was started running when up fails", short="AIRFLYTE_KEEP")
    airflow: Literal["embedded", "none"] = _key(
        "stack", "embedded", "where Airflow runs; none starts Flyte only", short="AIRFLYTE_AIRFLOW"
    )
    flyte: Literal["embedded", "docker"] = _key(
        "stack", "embedded", "where Flyte runs", short="AIRFLYTE_FLYTE"
    )
    python: str | None = _key(
        "stack", None, "the CPython 3.11 or 3.12 that runs everything", short="AIRFLYTE_PYTHON"
    )
    database_url: str | None = _key(
        "stack", None, "a PostgreSQL of your own instead of the stack's", short="AIRFLYTE_DATABASE_URL"
    )
    airflow_user: str = _key("airflow", "admin", "the name to log in with", name="user")
    airflow_parallelism: int = _key("airflow", 4, "Airflow tasks at once", name="parallelism")
    airflow_ready_seconds: int = _key("airflow", 180, "how long up waits for Airflow", name="ready_seconds")
    flyte_project: str = _key("flyte", "flytesnacks", "where register puts our workflows", name="project")
    flyte_domain: str = _key("flyte", "development", "where register puts our workflows", name="domain")
    flyte_resources: Literal["clamp", "enforce", "off"] = _key(
        "flyte", "clamp", "what a request beyond this machine leads to", name="resources"
    )
    flyte_images: Literal["lenient", "strict"] = _key(
        "flyte", "lenient", "tasks of images that nobody knows: run by default, or fail", name="images"
    )
    flyte_environments: str = _key(
        "flyte", "", "interpreters for images: IMAGE=PYTHON, IMAGE=PYTHON", name="environments"
    )
    flyte_secrets: str | None = _key(
        "flyte", None, "file of the tasks' secrets, instead of .airflyte/flyte/secrets.toml", name="secrets"
    )
    flyte_task_uid: int = _key(
        "flyte", TASK_UID, "whom tasks run as when root starts the stack; 0 is root", name="task_uid"
    )
    flyte_warm: bool = _key("flyte", True, "fork tasks from a warm process", name="warm")
    flyte_ready_seconds: int = _key("flyte", 60, "how long up waits for Flyte", name="ready_seconds")
    origin: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False, compare=False)
    """Where each value came from, by field name; a field that is missing here has its default."""

    @property
    def state(self) -> Path:
        """The folder of everything that the stack writes."""
        return self.checkout / STATE_NAME

    @property
    def private_uv(self) -> Path:
        """The folder of our own uv, where the machine had none."""
        return self.state / "uv"

    @property
    def ports(self) -> Ports:
        """The ports of this stack, offset included."""
        return Ports().shifted(self.port_offset)

    @property
    def folder(self) -> StateFolder:
        """The state folder with its layout and its rules."""
        return StateFolder(self.state)

    def origins(self) -> list[Origin]:
        """Every setting with its value and where that comes from, in the order of the sections."""
        return [
            Origin(key.dotted, getattr(self, key.field), self.origin.get(key.field, "default"), key.help)
            for key in KEYS
        ]


@dataclasses.dataclass(frozen=True)
class Origin:
    """One line of ``airflyte config``."""

    key: str
    value: object
    origin: str
    help: str


@dataclasses.dataclass(frozen=True)
class Key:
    """How one setting is spelt, and which values it takes."""

    field: str
    section: str
    name: str
    short: str
    help: str
    default: object
    type: Any

    @property
    def dotted(self) -> str:
        """Its name in messages and in the table of ``airflyte config``."""
        return f"{self.section}.{self.name}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Its environment variables; the short form is first and wins."""
        long_form = f"{PREFIX}{self.section}_{self.name}".upper()
        return (self.short, long_form) if self.short else (long_form,)

    def parse(self, value: object, place: str) -> object:
        """The value in the setting's type.

        :param value: text from the environment, or what TOML made of it.
        :param place: where it was written, for the message.
        :raises AirflyteError: for a value that this setting cannot take.
        """
        parsed = _parse(value, self.type)
        if parsed is None:
            raise AirflyteError(f"{place} is {value!r}; it takes {_expected(self.type)}.")
        return parsed


def _keys() -> tuple[Key, ...]:
    types = get_type_hints(Settings)
    fields = [field for field in dataclasses.fields(Settings) if field.metadata]
    keys = (
        Key(
            field=field.name,
            section=field.metadata["section"],
            name=field.metadata["name"] or field.name,
            short=field.metadata["short"],
            help=field.metadata["help"],
            default=field.default,
            type=types[field.name],
        )
        for field in fields
    )
    return tuple(keys)


KEYS = _keys()


def load(checkout: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of a checkout.

    :param environ: the environment to read, usually ``os.environ``.
    :raises AirflyteError: naming the key or variable that is unknown or has an impossible value.
    """
    checkout = checkout.resolve()
    written = _read_file(checkout / FILE_NAME)
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for key in KEYS:
        found = _from_environment(key, environ) or _from_file(key, written)
        if found:
            place, value = found
            values[key.field], origin[key.field] = key.parse(value, place), place
    _recall_port_offset(StateFolder(checkout / STATE_NAME), values, origin)
    settings = Settings(checkout, **values, origin=origin)
    _check_ports(settings)
    return settings


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings of ours and are none, most likely misspelt."""
    known = {variable for key in KEYS for variable in key.variables} | NOT_SETTINGS
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def _from_environment(key: Key, environ: Mapping[str, str]) -> tuple[str, object] | None:
    for variable in key.variables:
        if environ.get(variable):  # a variable set to nothing is one that is not set
            return variable, environ[variable]
    return None


def _from_file(key: Key, written: Mapping[str, Mapping[str, object]]) -> tuple[str, object] | None:
    section = written.get(key.section, {})
    if key.name not in section:
        return None
    return f"{key.dotted} in {FILE_NAME}", section[key.name]


def _read_file(path: Path) -> dict[str, dict[str, object]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AirflyteError(f"{path} is not valid TOML: {error}.") from error
    for section, entries in content.items():
        _check_section(section, entries)
    return content


def _check_section(section: str, entries: object) -> None:
    known = [key for key in KEYS if key.section == section]
    if not known or not isinstance(entries, dict):
        sections = ", ".join(dict.fromkeys(f"[{key.section}]" for key in KEYS))
        raise AirflyteError(
            f"{FILE_NAME} has an unknown section or key {section!r}; the sections are {sections}."
        )
    for name in entries:
        if name not in {key.name for key in known}:
            names = ", ".join(key.name for key in known)
            raise AirflyteError(
                f"{FILE_NAME} has an unknown key {section}.{name}; [{section}] knows {names}."
            )


def _recall_port_offset(folder: StateFolder, values: dict[str, Any], origin: dict[str, str]) -> None:
    """An offset from an earlier environment holds until the environment or the file says something else."""
    if origin.get("port_offset", "").startswith(PREFIX):
        return
    remembered = folder.remembered_port_offset(instead_of=values.get("port_offset", 0))
    if remembered is not None:
        values["port_offset"], origin["port_offset"] = remembered, "remembered from an earlier up"


def _check_ports(settings: Settings) -> None:
    numbers = dataclasses.asdict(settings.ports).values()
    if not all(1024 <= port <= 65535 for port in numbers):
        raise AirflyteError(
            f"{settings.origin['port_offset']} is {settings.port_offset}; "
            "the four ports must stay between 1024 and 65535, so it takes -7056 to 35455."
        )


def _parse(value: object, kind: Any) -> object | None:
    """The value as ``kind``, or None when it is not one."""
    if get_origin(kind) is Literal:
        return value if value in get_args(kind) else None
    if kind is bool:
        return _parse_bool(value)
    if kind is int:
        return _parse_int(value)
    return value if isinstance(value, str) else None


def _parse_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    return True if word in _TRUE else False if word in _FALSE else None


def _parse_int(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _expected(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    return {bool: "true or false", int: "a whole number"}.get(kind, "text")
