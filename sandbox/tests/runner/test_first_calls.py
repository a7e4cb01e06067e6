"""What libraries work out on their first call is there in each fork, and only where it is the same anyway."""

from __future__ import annotations

import pytest

PLUGINS = """
    import functools, os

    @functools.cache
    def _discover_entrypoints():
        return os.environ.get("TABLE_PLUGINS", "none")
"""
ASK = """
    import narwhals.plugins
    print("asked before:", narwhals.plugins._discover_entrypoints.cache_info().currsize)
    print("plugins:", narwhals.plugins._discover_entrypoints())
"""
SCHEMA = """
    import dataclasses
    from flytekit.core.type_engine import TypeEngine

    @dataclasses.dataclass
    class Inner:
        text: str = "a"

    @dataclasses.dataclass
    class Outer:
        inners: list[Inner]
        figures: dict[str, float]
        maybe: int | None = None
        inner: Inner = dataclasses.field(default_factory=Inner)

    kind = TypeEngine.to_literal_type(Outer).to_flyte_idl()
    print("schema:", " ".join(str(kind).split()))
"""


def lines(harness, key, body, start, **env):
    assert harness.run(harness.task(key, body, **env)).code == 0, harness.log(key)
    return [line.partition(": ")[2] for line in harness.log(key).splitlines() if line.startswith(start)]


@pytest.fixture
def plugins(make_harness, environment, eventually):
    """A runner whose template has found narwhals worth loading."""
    environment.add("narwhals/__init__.py", "")
    environment.add("narwhals/plugins.py", PLUGINS)
    harness = make_harness(interpreter=environment.python)
    assert lines(harness, "first", ASK, "asked") == ["0"]

    def is_asked():
        count = sum(1 for _ in (harness.folder / "code").iterdir())
        return lines(harness, f"look-{count}", ASK, "asked") == ["1"]

    eventually(is_asked, "the template to ask for plugins")
    return harness


def test_forks_find_it_done(plugins):
    assert lines(plugins, "later", ASK, "plugins") == ["none"]


def test_a_variable_that_it_read_makes_attempts_that_set_it_cold(plugins):
    # No console script in this environment, so a cold run cannot start: that is how it shows.
    assert plugins.run(plugins.task("set", ASK, TABLE_PLUGINS="mine")).code == 127


def test_a_library_that_looks_otherwise_inside_is_left_alone(make_harness, environment, eventually):
    environment.add("narwhals/__init__.py", "")
    environment.add("narwhals/plugins.py", "VALUE = 1")
    harness = make_harness(interpreter=environment.python)
    body = "import sys; print('loaded:', 'narwhals.plugins' in sys.modules); import narwhals.plugins"

    def is_loaded():
        count = (
            sum(1 for _ in (harness.folder / "code").iterdir()) if (harness.folder / "code").exists() else 0
        )
        return lines(harness, f"look-{count}", body, "loaded") == ["True"]

    eventually(is_loaded, "the module to be preloaded")


def test_schemas_are_those_of_a_cold_run(make_harness):
    warm, cold = make_harness("warm"), make_harness("cold", warm=False)
    found = [lines(warm, key, SCHEMA, "schema") for key in ("first", "second", "third")]
    assert found == 3 * [lines(cold, "only", SCHEMA, "schema")]
    assert "maybe" in found[0][0]
