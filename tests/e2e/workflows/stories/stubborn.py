"""A task as one meets it in real life: it ignores SIGTERM, and so do the children that it has let go."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from flytekit import task, workflow

CHILDREN = 3
_CHILD = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


@task
def hold_on(folder: str) -> None:
    """Run until somebody kills it, unless it was here before."""
    pids = Path(folder, "pids")
    if pids.exists():
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    children = [
        # A session of its own each, and an environment without any mark: neither tells where it belongs.
        subprocess.Popen(
            [sys.executable, "-c", _CHILD], start_new_session=True, stdout=subprocess.PIPE, text=True, env={}
        )
        for _ in range(CHILDREN)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()  # it ignores signals from here on
    pids.write_text("\n".join(str(child.pid) for child in children))
    while True:
        time.sleep(60)


@workflow
def stubborn_wf(folder: str) -> None:
    """One task that does not want to end.

    :param folder: gets the file ``pids`` once the task and its children ignore signals.
    """
    hold_on(folder=folder)
