"""The settings of one sandbox, read by its CLI and handed to the parts as arguments."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

BUCKET = "my-s3-bucket"
"""The real sandbox's bucket; every URI that a client sees starts with ``s3://my-s3-bucket/``."""

DOMAINS = ("development", "staging", "production")
DEFAULT_PROJECT = "flytesnacks"


@dataclass(frozen=True)
class SandboxConfig:
    """What a sandbox needs to know before it starts.

    :param state: the folder that holds everything; created when absent.
    :param port: where gRPC and HTTP answer together; 0 picks a free one.
    :param s3_port: where the S3 endpoint answers, only told to tasks; 0 means there is none.
    :param host: the address to listen on.
    :param public_url: how clients reach ``port``; derived from it when empty.
    :param database_url: an SQLAlchemy URL; empty means SQLite inside ``state``.
    :param environments: interpreters by image name; ``default`` runs every image that nobody knows.
    :param images: what becomes of a task whose image no environment stands for: ``lenient`` runs it in the
        default one and says so, ``strict`` fails it.
    :param uv: told to clients on this machine, which build environments from an ``ImageSpec``; None lets them
        look for one.
    :param warm: fork tasks from a process that has their libraries loaded.
    :param resources: what a task's requests mean. ``clamp``: one that is beyond this machine gets all of it,
        and a note; ``enforce``: it is refused, and a memory limit ends who exceeds it; ``off``: nothing.
    :param slots: how many attempts may run at once, whatever they ask for; 0 leaves it to ``resources``: with
        ``off`` one more than there are cores, else as many as there is room for.
    :param max_nodes: nodes that a workflow may have (the real one: 100).
    :param first_look_seconds: how long GetExecution of a new execution may wait for its end.
    :param first_wait_seconds: the same for a caller that gives it most of a minute, as flytekit's ``wait``.
    :param preload_after_seconds: how long a new template leaves the processor to others before it imports
        what earlier tasks needed.
    :param grace_seconds: between SIGTERM and SIGKILL of a task.
    :param task_env: more variables for every task.
    :param mark: name and value of the variable that every process of this stack carries.
    :param task_uid: whom tasks run as when root runs the sandbox; None chooses a number without an account, 0
        is root. Where it cannot get everywhere it must, tasks run as root, and the parity note says so.
    :param secrets: file of the tasks' secrets, see ``engine.tasks.secrets``; None: ``secrets.toml`` in
        ``state``.
    :param allow_other_users: accept connections from other users of this machine.
    :param allowed_hosts: further names under which HTTP may be addressed.
    :param cors_origins: origins of other pages that may call the HTTP API.
    """

    state: Path
    port: int = 30080
    s3_port: int = 30002
    host: str = "127.0.0.1"
    public_url: str = ""
    database_url: str = ""
    environments: Mapping[str, Path] = field(default_factory=lambda: {"default": Path(sys.executable)})
    images: Literal["lenient", "strict"] = "lenient"
    uv: Path | None = None
    warm: bool = True
    resources: Literal["clamp", "enforce", "off"] = "clamp"
    slots: int = 0
    max_nodes: int = 10_000
    first_look_seconds: float = 0.5
    first_wait_seconds: float = 5.0
    preload_after_seconds: float = 0.0
    grace_seconds: float = 2.0
    task_env: Mapping[str, str] = field(default_factory=dict)
    mark: tuple[str, str] | None = None
    task_uid: int | None = None
    secrets: Path | None = None
    allow_other_users: bool = False
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    @property
    def buckets(self) -> Path:
        """The folder whose sub-folders are the buckets."""
        return self.state / "buckets"

    @property
    def attempts(self) -> Path:
        """One folder per attempt of a task: what it was given, its log, how it ended."""
        return self.state / "attempts"

    @property
    def task_users(self) -> Path:
        """A file that tells whom the tasks of each environment run as, and why as root."""
        return self.state / "task-users.json"

    @property
    def templates(self) -> Path:
        """One folder per environment: its template process's files."""
        return self.state / "templates"

    @property
    def built_environments(self) -> Path:
        """Where ``ImageSpec`` environments are; see ``environments``."""
        return self.state / "environments"
