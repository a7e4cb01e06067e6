"""One template process as the server sees it: started or found again, reached through a socket."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flyte_sandbox.runner.template import processes, short_paths
from flyte_sandbox.runner.template.config import Config
from flyte_sandbox.runner.template.connections import Connection

_PROGRAM = Path(__file__).parent / "template"
_CONFIG = "config.json"
FOLDER_PREFIX = "process-"
_BACKLOG = 16
_LARGEST_LOG = 1 << 20


@cache
def program_version() -> str:
    """Changes with any of the template's files."""
    digest = hashlib.sha256()
    for path in sorted(_PROGRAM.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class TemplateSettings:
    """What the templates of one environment have in common.

    :param folder: of the environment: log, memory, HOME, and one folder per template.
    :param base: the variables that a template starts with.
    :param task_uid: whom attempts run as; None: as their template.
    """

    environment: str
    interpreter: Path
    scripts: Path
    folder: Path
    base: Mapping[str, str]
    warm: bool
    grace_seconds: float
    linger_seconds: float
    preload_after_seconds: float
    task_uid: int | None = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def fits(self, config: Config) -> bool:
        """Whether a template that an earlier server started is what this one would start."""
        mine = (str(self.scripts), self.warm, program_version())
        return mine == (config.bin, config.warm, config.version)


class TemplateProcess:
    """
    :ivar is_found: an earlier server started it.
    :ivar pid: known from its hello.
    :ivar is_ready: it has said hello.
    :ivar is_retiring: it takes no more orders.
    :ivar running: keys of the attempts that it had when it said hello.
    """

    def __init__(
        self, config: Config, connection: Connection, process: subprocess.Popen[bytes] | None
    ) -> None:
        self.config = config
        self.connection = connection
        self.process = process
        self.is_found = process is None
        self.pid = 0
        self.is_ready = False
        self.is_retiring = False
        self.is_told_to_retire = False
        self.running: frozenset[str] = frozenset()

    @classmethod
    def spawn(cls, settings: TemplateSettings) -> TemplateProcess:
        """:raises OSError: the interpreter cannot be run."""
        config = _write_config(settings)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(config.socket)
            listener.listen(_BACKLOG)
            try:
                process = _run(settings, config, listener)
            except OSError:
                _remove_files(config)
                raise
            return cls(config, _connect(config), process)

    @classmethod
    def find(cls, folder: Path) -> TemplateProcess | None:
        """The template that an earlier server left in this folder; if it is gone, the folder goes too."""
        try:
            config = Config.read(str(folder / _CONFIG))
        except (OSError, ValueError, TypeError):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        try:
            return cls(config, _connect(config), None)
        except OSError:
            _remove_files(config)
            return None

    @property
    def environment(self) -> str:
        return self.config.environment

    @property
    def is_usable(self) -> bool:
        return self.is_ready and not self.is_retiring

    def order(self, order: str, **details: Any) -> None:
        self.connection.send({"order": order, **details})

    def retire(self) -> None:
        """Let it end with its last attempt. One that is still loading has none, and would not listen soon."""
        self.is_retiring = self.is_told_to_retire = True
        if self.process is not None and not self.is_ready:
            self.process.kill()
        else:
            self.order("retire")

    def kill(self) -> None:
        """For one that does not listen any more. Its attempts live on."""
        if self.pid:
            processes.send({self.pid}, signal.SIGKILL)

    def leave(self) -> None:
        """Close the connection and let it live; it ends by itself."""
        self.connection.close()
        if self.process is not None:
            self.process.returncode = 0  # else Popen complains that its child outlives it, which is the point

    def has_exited(self) -> bool:
        """Reaps it when it was started by this server."""
        return self.process is None or self.process.poll() is not None

    def clean_up(self) -> None:
        """Remove its files, in case it was killed before it could do so."""
        _remove_files(self.config)


def _remove_files(config: Config) -> None:
    Path(config.socket).unlink(missing_ok=True)
    shutil.rmtree(config.folder, ignore_errors=True)


def _write_config(settings: TemplateSettings) -> Config:
    name = secrets.token_hex(4)
    folder = settings.folder / f"{FOLDER_PREFIX}{name}"
    folder.mkdir(mode=0o700)
    config = Config(
        environment=settings.environment,
        folder=str(folder),
        socket=short_paths.socket_path(str(folder), name),
        bin=str(settings.scripts),
        warm=settings.warm,
        memory=str(settings.folder / "modules.json"),
        grace_seconds=settings.grace_seconds,
        linger_seconds=settings.linger_seconds,
        preload_after_seconds=settings.preload_after_seconds,
        version=program_version(),
    )
    if Path(config.socket).parent != folder:
        short_paths.make_root()
    config.write(str(folder / _CONFIG))
    return config


def _run(settings: TemplateSettings, config: Config, listener: socket.socket) -> subprocess.Popen[bytes]:
    """In a session of its own and away from the current folder, because it outlives this server."""
    descriptor = listener.fileno()
    program = [
        str(settings.interpreter),
        str(_PROGRAM / "main.py"),
        f"{config.folder}/{_CONFIG}",
        str(descriptor),
    ]
    if settings.log.exists() and settings.log.stat().st_size > _LARGEST_LOG:
        settings.log.replace(settings.log.with_suffix(".old"))
    with settings.log.open("ab") as log:
        return subprocess.Popen(
            program,
            env={
                **settings.base,
                "TMPDIR": config.folder,
            },  # flytekit makes folders there when it is imported
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(descriptor,),
            start_new_session=True,
        )


def _connect(config: Config) -> Connection:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(config.socket)
    except OSError:
        sock.close()
        raise
    return Connection(sock)
