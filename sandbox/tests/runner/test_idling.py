"""Templates of environments that nobody uses any more end; the default one's stays."""

from __future__ import annotations

import dataclasses

from ..waiting import eventually
from .test_templates import waiting


def environments(harness):
    return {each.environment for each in harness.runner._templates.all if not each.is_retiring}


def test_a_template_ends_when_it_has_had_no_attempt_for_a_while(make_harness):
    harness = make_harness(idle_seconds=0.0)
    harness.runner.ready(30)
    for key in ("a1", "a2"):
        spec = dataclasses.replace(harness.python(key, "print('here')"), environment="other")
        harness.runner.start(spec)
        assert harness.wait_for_end(key).code == 0
        eventually(lambda: environments(harness) == {"default"}, "the end of the other template")


def test_a_template_whose_attempt_runs_does_not_end(make_harness):
    harness = make_harness(idle_seconds=0.0)
    spec, notes = waiting(harness, "a1")
    harness.runner.start(dataclasses.replace(spec, environment="other"))
    eventually((notes / "waits").exists, "the attempt")
    assert "other" in environments(harness)
    (notes / "go").touch()
    assert harness.wait_for_end("a1").code == 0


def test_an_idle_template_is_kept_for_its_time(make_harness):
    harness = make_harness(idle_seconds=300.0)
    harness.runner.start(dataclasses.replace(harness.python("a1", "print('here')"), environment="other"))
    assert harness.wait_for_end("a1").code == 0
    assert "other" in environments(harness)
    assert 0 < (harness.runner._idling.patience or 0) <= 300
