"""Templates learn from attempts what is worth importing beforehand, and what must not be."""

from __future__ import annotations

import json

import pytest

SHOW = """
    import sys
    print("loaded before:", [name for name in {names!r} if name in sys.modules])
    print("program:", open("/proc/self/cmdline", "rb").read().split(bytes(1))[1])
"""


def memory(harness):
    path = harness.folder / "templates/default/modules.json"
    return json.loads(path.read_text()) if path.exists() else {"modules": [], "refused": []}


def loaded(harness, key, *names, imports=()):
    """Which of the modules a task finds loaded before it imports some itself."""
    lines = [SHOW.format(names=names), *(f"    import {name}" for name in imports)]
    assert harness.run(harness.task(key, "\n".join(lines))).code == 0, harness.log(key)
    line = next(line for line in harness.log(key).splitlines() if line.startswith("loaded before:"))
    return json.loads(line.partition(": ")[2].replace("'", '"'))


@pytest.fixture
def harness(make_harness, environment):
    environment.add("heavy.py", "import json, os\nSEEN = os.environ.get('HEAVY_SETTING')\nimport lighter")
    environment.add("lighter.py", "VALUE = 1")
    return make_harness(interpreter=environment.python)


def wait_until_loaded(harness, eventually, name):
    def is_loaded():
        count = sum(1 for _ in (harness.folder / "code").iterdir())
        return loaded(harness, f"{name}-{count}", name) == [name]

    eventually(is_loaded, f"{name} to be preloaded")


def test_what_an_attempt_had_to_import_the_next_one_finds(harness, eventually):
    assert loaded(harness, "first", "heavy", "lighter", imports=["heavy"]) == []
    wait_until_loaded(harness, eventually, "heavy")
    assert loaded(harness, "later", "heavy", "lighter") == ["heavy", "lighter"]
    assert memory(harness)["modules"] == ["lighter", "heavy"]


def test_an_environment_below_a_link_learns_too(make_harness, environment, tmp_path, eventually):
    environment.add("linked.py", "")
    (tmp_path / "link").symlink_to(environment.python.parents[1])
    harness = make_harness(interpreter=tmp_path / "link/bin/python")
    loaded(harness, "first", "linked", imports=["linked"])
    wait_until_loaded(harness, eventually, "linked")


def test_the_event_loop_of_flytekit_is_not_shared_after_preloading_either(harness, eventually):
    loaded(harness, "first", "heavy", imports=["heavy"])
    wait_until_loaded(harness, eventually, "heavy")
    body = """
        import os
        from flytekit.extend.backend.base_connector import local_connector_loop as loop
        print("pipe", os.readlink(f"/proc/self/fd/{loop._ssock.fileno()}"))
    """
    for key in ("a", "b"):
        assert harness.run(harness.task(key, body)).code == 0
    assert harness.log("a") != harness.log("b")


def test_it_is_remembered_by_the_next_template(harness, make_harness, environment, eventually):
    loaded(harness, "first", "heavy", imports=["heavy"])
    wait_until_loaded(harness, eventually, "heavy")
    harness.runner.close(stop_attempts=True)
    after = make_harness(interpreter=environment.python)
    wait_until_loaded(after, eventually, "heavy")


def test_it_waits_while_it_was_told_to_but_not_longer_than_for_an_attempt(
    harness, make_harness, environment, eventually
):
    loaded(harness, "first", "heavy", imports=["heavy"])
    wait_until_loaded(harness, eventually, "heavy")
    harness.runner.close(stop_attempts=True)
    after = make_harness(interpreter=environment.python, preload_after_seconds=3600)
    after.runner.ready(30)
    assert loaded(after, "early", "heavy") == []
    wait_until_loaded(after, eventually, "heavy")


def test_user_code_and_editable_packages_are_never_preloaded(harness, environment, tmp_path, eventually):
    (tmp_path / "editable").mkdir()
    (tmp_path / "editable" / "mine.py").write_text("VALUE = 1")
    environment.add("mine.pth", f"{tmp_path / 'editable'}\n")
    for number in range(3):
        assert loaded(harness, f"a{number}", "mine", "user_tasks", imports=["mine", "heavy"])[1:] == []
    wait_until_loaded(harness, eventually, "heavy")
    assert loaded(harness, "later", "mine") == []
    assert memory(harness)["modules"] == ["lighter", "heavy"]


def test_an_edit_of_an_editable_package_is_seen_at_once(harness, environment, tmp_path):
    (tmp_path / "editable").mkdir()
    environment.add("mine.pth", f"{tmp_path / 'editable'}\n")
    for number in range(3):
        (tmp_path / "editable" / "mine.py").write_text(f"VALUE = {10**number}")
        harness.run(harness.task(f"a{number}", "import mine; print('value', mine.VALUE)"))
        assert f"value {10**number}\n" in harness.log(f"a{number}")


def test_a_variable_that_a_preloaded_module_read_makes_attempts_that_set_it_cold(harness, eventually):
    loaded(harness, "first", "heavy", imports=["heavy"])
    wait_until_loaded(harness, eventually, "heavy")
    body = "import heavy; print('seen', heavy.SEEN)"
    # No console script in this environment, so a cold run cannot start: that is how it shows.
    assert harness.run(harness.task("set", body, HEAVY_SETTING="x")).code == 127
    assert harness.run(harness.task("unset", body, OTHER_SETTING="x")).code == 0
    assert "seen None" in harness.log("unset")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
            "starts a thread",
        ),
        ("import os\nENDS = os.pipe()", "keeps a pipe or socket"),
        ("import socket\nPAIR = socket.socketpair()", "keeps a pipe or socket"),
        ("import subprocess\nP = subprocess.Popen(['sleep', '60'])", "starts a process"),
    ],
    ids=["thread", "pipe", "socket", "process"],
)
def test_modules_that_leave_more_than_modules_are_refused(harness, environment, eventually, source, reason):
    environment.add("culprit.py", source)
    environment.add("innocent.py", "VALUE = 1")
    harness.runner.ready(30)
    (before,) = harness.templates()
    loaded(harness, "first", "culprit", imports=["culprit", "innocent"])
    eventually(lambda: "culprit" in memory(harness)["refused"], "culprit to be refused")
    eventually(lambda: reason in harness.template_log(), "the reason in the log")
    eventually(
        lambda: harness.templates() not in ([before], []), "a successor, though nobody has asked for it"
    )
    wait_until_loaded(harness, eventually, "innocent")
    assert loaded(harness, "later", "culprit", imports=["culprit"]) == []
    assert memory(harness)["modules"] == ["innocent"]


def test_a_plugin_of_flytekit_that_starts_a_thread_makes_all_attempts_cold(harness, environment):
    environment.add(
        "plugin.py", "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    (environment.packages / "plugin-1.dist-info").mkdir()
    environment.add("plugin-1.dist-info/METADATA", "Name: plugin\nVersion: 1\n")
    environment.add("plugin-1.dist-info/entry_points.txt", "[flytekit.plugins]\nplugin = plugin\n")
    assert harness.run(harness.task("a", "pass")).code == 127  # there is no script to start it by
    assert harness.run(harness.spec("b", "true")).code == 0
    assert "run cold: importing flytekit and its plugins starts threads" in harness.template_log()
    assert len(harness.templates()) == 1


def test_a_module_that_cannot_be_imported_here_is_refused_quietly(harness, environment, eventually):
    environment.add("needs_user_code.py", "import sys\nassert 'user_tasks' in sys.modules")
    loaded(harness, "first", "x", imports=["needs_user_code", "heavy"])
    (before,) = harness.templates()
    wait_until_loaded(harness, eventually, "heavy")
    assert memory(harness)["refused"] == ["needs_user_code"]
    assert harness.templates() == [before]


def test_a_thread_that_starts_after_the_import_replaces_the_template(harness, environment, eventually):
    environment.add(
        "late.py",
        """
        import signal, threading
        def start(*_):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        signal.signal(signal.SIGUSR1, start)
        """,
    )
    loaded(harness, "first", "late", imports=["late"])
    wait_until_loaded(harness, eventually, "late")
    (before,) = harness.templates()
    before.send_signal(10)
    assert loaded(harness, "next", "late") == []
    assert harness.templates() != [before]
    assert memory(harness) == {"modules": [], "refused": ["late"]}


def test_generators_made_at_import_are_seeded_anew_but_not_those_with_a_seed(
    harness, environment, eventually
):
    environment.add("dice.py", "import random\nFREE = random.Random()\nFIXED = random.Random(1)")
    body = "import dice; print('free', dice.FREE.random(), 'fixed', dice.FIXED.random())"
    loaded(harness, "first", "dice", imports=["dice"])
    wait_until_loaded(harness, eventually, "dice")
    for number in range(2):
        harness.run(harness.task(f"a{number}", body))
    first, second = (harness.log(f"a{number}").split() for number in range(2))
    assert first[1] != second[1]
    assert first[3] == second[3] == "0.13436424411240122"


SCIENCE = """
    import random
    import numpy, pandas, sklearn.model_selection, xgboost
    from sklearn.ensemble import HistGradientBoostingClassifier
    random_state = numpy.random.rand()
    rows = pandas.DataFrame(numpy.random.default_rng(0).normal(size=(400, 6)))
    target = (rows[0] + rows[1] > 0).astype(int)
    train, test = sklearn.model_selection.train_test_split(rows.index.tolist())
    print("split", sum(train[:50]), random_state)
    xgboost.XGBClassifier(n_estimators=10, n_jobs=2).fit(rows, target)
    HistGradientBoostingClassifier(max_iter=10).fit(rows, target)
    numpy.linalg.svd(rows.to_numpy() @ rows.to_numpy().T)
    print("trained")
"""


def test_training_in_forks_of_a_template_with_everything_preloaded(make_harness, eventually):
    harness = make_harness()
    assert harness.run(harness.task("first", SCIENCE)).code == 0
    assert "trained" in harness.log("first")
    wait_until_loaded(harness, eventually, "xgboost")
    (template,) = harness.templates()
    specs = [harness.task(f"a{number}", SCIENCE) for number in range(3)]
    for spec in specs:
        harness.runner.start(spec)
    splits = set()
    for spec in specs:
        assert harness.wait_for_end(spec.key).code == 0
        assert "trained" in harness.log(spec.key)
        splits.add(next(line for line in harness.log(spec.key).splitlines() if line.startswith("split")))
    assert len(splits) == 3
    assert harness.templates() == [template]
    assert {"numpy", "pandas", "sklearn", "xgboost"} <= set(memory(harness)["modules"])
    assert memory(harness)["refused"] == []
