"""AIRFLOW_HOME of the stack: ``airflow.cfg`` with what differs from Airflow's defaults, and the password
file.

Both are written anew by every ``up`` and readable by their owner only, since they hold secrets. A file, and
not environment variables, so that ``AIRFLOW_HOME`` alone makes ``airflow`` in any shell work on this stack,
and so that no secret enters the environment of the processes that Airflow's tasks start.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from airflyte.processes.supervisord import write_private
from airflyte.stack_secrets import Secrets

PASSWORDS_NAME = "passwords.json"
CONFIG_NAME = "airflow.cfg"

Config = Mapping[str, Mapping[str, object]]


@dataclasses.dataclass(frozen=True)
class AirflowHome:
    """What Airflow's configuration depends on.

    :param folder: AIRFLOW_HOME.
    :param database_url: SQLAlchemy's address of the metadata database.
    :param logs: the folder of the Dag tasks' logs.
    """

    folder: Path
    dags: Path
    logs: Path
    port: int
    user: str
    parallelism: int
    database_url: str
    secrets: Secrets

    @property
    def base_url(self) -> str:
        """The address that people open."""
        return f"http://localhost:{self.port}"

    def write(self) -> None:
        """Write configuration and password file."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        write_private(self.folder / PASSWORDS_NAME, json.dumps({self.user: self.secrets.airflow_password}))
        write_private(self.folder / CONFIG_NAME, _as_text(self.config()))

    def config(self) -> Config:
        """Section, option, value: only what differs from Airflow's defaults."""
        return {
            "core": self._core(),
            "database": {"sql_alchemy_conn": self.database_url},
            "api": {
                "host": "127.0.0.1",
                "port": self.port,
                "base_url": self.base_url,
                "workers": 1,
                "secret_key": self.secrets.api_secret_key,
            },
            "api_auth": {"jwt_secret": self.secrets.jwt_secret},
            # A Dag file that is new or has changed is seen within seconds; the default is five minutes.
            # Unchanged files are read as seldom as ever: each reading costs a process and a line of log.
            "dag_processor": {"refresh_interval": 5, "bundle_refresh_check_interval": 2},
            # After a kill -9, tasks of the dead scheduler are picked up in a minute, not in five.
            "scheduler": {"orphaned_tasks_check_interval": 20, "task_instance_heartbeat_timeout": 60},
            # After a restart the triggerer takes over what the one before waited for, once that counts as
            # dead. Told to stop, a triggerer takes ten seconds, so ours is killed and says no goodbye.
            "triggerer": {"triggerer_health_check_threshold": 15},
            # Airflow sometimes notices the end of a task's process only after this many seconds. A deferred
            # task that goes on before that is failed by the scheduler, so the default of 5 is too long.
            "workers": {"min_heartbeat_interval": 1},
            # Few slots: whatever only waits for Flyte waits in the triggerer.
            "operators": {"default_deferrable": True},
            "logging": {
                "base_log_folder": self.logs,
                "dag_processor_child_process_log_directory": self.logs / "dag-processor",
                "colored_console_log": False,
            },
            "flyte": {"name_namespace": self.secrets.name_namespace},
        }

    def _core(self) -> dict[str, object]:
        return {
            "dags_folder": self.dags,
            "executor": "LocalExecutor",
            "parallelism": self.parallelism,
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "min_serialized_dag_update_interval": 5,
            "test_connection": "Enabled",
            "fernet_key": self.secrets.fernet_key,
            "simple_auth_manager_users": f"{self.user}:admin",
            "simple_auth_manager_passwords_file": self.folder / PASSWORDS_NAME,
            # By number: "localhost" may mean ::1, where nobody listens.
            "execution_api_server_url": f"http://127.0.0.1:{self.port}/execution/",
        }


def _as_text(config: Config) -> str:
    lines = ["# Written by airflyte up; changes are lost. Settings of the stack are in airflyte.toml."]
    for section, options in config.items():
        lines += ["", f"[{section}]"]
        # Airflow reads the file with interpolation, so a percent sign is written twice.
        lines += [f"{name} = {str(value).replace('%', '%%')}" for name, value in options.items()]
    return "\n".join(lines) + "\n"
