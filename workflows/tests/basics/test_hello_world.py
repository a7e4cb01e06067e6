"""The smallest workflow, run locally."""

import pytest
from basics.hello_world import hello_wf


def test_hello_greets_the_world_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert hello_wf() == "Hello, world!"
    assert hello_wf(name="Ada") == "Hello, Ada!"
    assert capsys.readouterr().out == "Hello, world!\nHello, Ada!\n"


def test_hello_is_registered_under_the_name_that_the_dags_use() -> None:
    assert hello_wf.name == "basics.hello_world.hello_wf"
