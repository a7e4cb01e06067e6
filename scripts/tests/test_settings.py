"""Settings come from the environment, the file, an earlier up, the default, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflyte import settings
from airflyte.errors import AirflyteError
from airflyte.settings import KEYS, Ports, load
from airflyte.state import StateFolder


def write(checkout: Path, text: str) -> None:
    (checkout / "airflyte.toml").write_text(text, encoding="utf-8")


def test_without_file_and_variables_everything_has_its_default(checkout: Path) -> None:
    loaded = load(checkout, {})
    assert {line.origin for line in loaded.origins()} == {"default"}
    assert loaded.ports == Ports(airflow=8080, flyte=30080, s3=30002, postgres=30001)
    assert loaded.state == checkout / ".airflyte"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.dotted)
def test_every_key_can_be_set_by_its_long_variable_and_says_so(key: settings.Key, checkout: Path) -> None:
    value = {bool: "0" if key.default else "1", int: "77"}.get(key.type, "docker")
    if (
        hasattr(key.type, "__args__")
        and "docker" not in str(key.type)
        and type(None) not in key.type.__args__
    ):
        value = key.type.__args__[-1]
    loaded = load(checkout, {key.variables[-1]: value})
    [line] = [line for line in loaded.origins() if line.origin != "default"]
    assert (line.key, line.origin) == (key.dotted, key.variables[-1])
    assert line.value != key.default


def test_environment_wins_over_file_and_file_over_default(checkout: Path) -> None:
    write(checkout, '[stack]\ndemo = false\nkeep = true\n[airflow]\nuser = "ada"\n')
    loaded = load(checkout, {"AIRFLYTE_KEEP": "0"})
    assert (loaded.demo, loaded.keep, loaded.airflow_user) == (False, False, "ada")
    origins = {line.key: line.origin for line in loaded.origins()}
    assert origins["stack.demo"] == "stack.demo in airflyte.toml"
    assert origins["stack.keep"] == "AIRFLYTE_KEEP"


def test_the_short_form_wins_over_the_long_one(checkout: Path) -> None:
    environ = {"AIRFLYTE_STACK_FLYTE": "embedded", "AIRFLYTE_FLYTE": "docker"}
    assert load(checkout, environ).flyte == "docker"


def test_a_variable_set_to_nothing_is_not_set(checkout: Path) -> None:
    assert load(checkout, {"AIRFLYTE_PYTHON": ""}).python is None


def test_the_offset_shifts_all_four_ports(checkout: Path) -> None:
    assert load(checkout, {"AIRFLYTE_PORT_OFFSET": "100"}).ports == Ports(8180, 30180, 30102, 30101)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[stack]\ndemmo = true\n", "stack.demmo"),
        ("[stak]\ndemo = true\n", "'stak'"),
        ("demo = true\n", "'demo'"),
        ("[stack]\ndemo = 'maybe'\n", "stack.demo"),
        ("[stack]\nflyte = 'kubernetes'\n", "embedded or docker"),
        ("[ports]\noffset = true\n", "a whole number"),
        ("[ports]\noffset = 'many'\n", "a whole number"),
        ("[stack\n", "not valid TOML"),
    ],
)
def test_what_the_file_gets_wrong_is_named(text: str, named: str, checkout: Path) -> None:
    write(checkout, text)
    with pytest.raises(AirflyteError, match=named):
        load(checkout, {})


def test_a_wrong_variable_is_named_with_what_it_takes(checkout: Path) -> None:
    with pytest.raises(AirflyteError, match="AIRFLYTE_AIRFLOW is 'off'; it takes embedded or none"):
        load(checkout, {"AIRFLYTE_AIRFLOW": "off"})


@pytest.mark.parametrize("offset", ["-8000", "40000"])
def test_ports_that_cannot_be_are_refused(offset: str, checkout: Path) -> None:
    with pytest.raises(AirflyteError, match="AIRFLYTE_PORT_OFFSET"):
        load(checkout, {"AIRFLYTE_PORT_OFFSET": offset})


def test_a_misspelt_variable_is_found(checkout: Path) -> None:
    environ = {"AIRFLYTE_PORT_OFSET": "1", "AIRFLYTE_DEMO": "0", "AIRFLYTE_STACK": "mark", "PATH": "/bin"}
    assert settings.unknown_variables(environ) == ["AIRFLYTE_PORT_OFSET"]


def test_an_offset_from_the_environment_holds_until_told_otherwise(checkout: Path) -> None:
    folder = StateFolder(checkout / ".airflyte")
    folder.prepare()
    folder.remember_port_offset(100)
    assert load(checkout, {}).port_offset == 100
    assert load(checkout, {"AIRFLYTE_PORT_OFFSET": "0"}).port_offset == 0
    write(checkout, "[ports]\noffset = 300\n")
    assert load(checkout, {}).port_offset == 300
    folder.remember_port_offset(200, instead_of=300)
    assert load(checkout, {}).port_offset == 200
    folder.remember_port_offset(None)
    assert load(checkout, {}).port_offset == 300


def test_no_variable_of_ours_could_be_taken_for_flytes_or_airflows() -> None:
    names = [variable for key in KEYS for variable in key.variables]
    assert all(name.startswith("AIRFLYTE_") for name in names)
    assert len(set(names)) == len(names)
