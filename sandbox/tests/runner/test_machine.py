"""What a machine has, and what a container leaves of it."""

from __future__ import annotations

import os

from flyte_sandbox.runner.machine import this_machine


def test_without_a_container_all_of_the_machine_counts(tmp_path):
    found = this_machine(tmp_path, tmp_path)
    assert found.cpu_millis == 1000 * len(os.sched_getaffinity(0))
    assert found.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert found.gpus == 0


def test_a_containers_limits_count(tmp_path):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("1048576\n")
    found = this_machine(tmp_path, tmp_path)
    assert (found.cpu_millis, found.memory_bytes) == (500, 1 << 20)


def test_limits_that_are_none(tmp_path):
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert this_machine(tmp_path, tmp_path) == this_machine(tmp_path / "none", tmp_path)


def test_gpus_are_counted_by_their_devices(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert this_machine(tmp_path, tmp_path).gpus == 2
