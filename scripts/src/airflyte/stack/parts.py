"""What one checkout's stack consists of, made from its settings: components, databases, clients.

Nothing is started or written here.
"""

from __future__ import annotations

import functools
from pathlib import Path

from airflyte import lockfiles, stack_secrets
from airflyte.airflow import processes as airflow_processes
from airflyte.airflow.home import AirflowHome
from airflyte.airflow.rest import AirflowApi
from airflyte.flyte import processes as flyte_processes
from airflyte.flyte.client import FlyteClient
from airflyte.postgres.cluster import COMPONENT as POSTGRES
from airflyte.postgres.cluster import Cluster, find_binaries
from airflyte.postgres.databases import Databases, foreign_databases, own_databases
from airflyte.processes.components import Component
from airflyte.processes.supervisord import Supervisor
from airflyte.settings import Settings
from airflyte.stack_secrets import Secrets

SQLALCHEMY_SCHEME = "postgresql+psycopg2"

STOP_ORDER = (
    (airflow_processes.SCHEDULER, airflow_processes.DAG_PROCESSOR, airflow_processes.TRIGGERER),
    # Only now: the tasks that the scheduler has ended asked the API server why. Flyte records what it ends.
    (airflow_processes.API_SERVER, flyte_processes.SERVER, flyte_processes.S3),
    (POSTGRES,),
)
"""How a stack is stopped, whatever of it is running."""


class Stack:
    """The stack of one checkout.

    :param settings: they decide of what it consists.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.folder
        self.supervisor = Supervisor(self.folder.run, self.folder.logs)

    @property
    def id(self) -> str:
        """The mark of its processes.

        :raises AirflyteError: when no stack was ever started here.
        """
        return self.folder.stack_id

    @property
    def has_airflow(self) -> bool:
        return self.settings.airflow != "none"

    @property
    def has_own_postgres(self) -> bool:
        """Whether PostgreSQL is one of its processes. Without Airflow nothing needs one."""
        return self.has_airflow and not self.settings.database_url

    @property
    def templates(self) -> Path:
        """The folder of the supervisor's templates."""
        return self.settings.checkout / "deploy" / "supervisor"

    @functools.cached_property
    def secrets(self) -> Secrets:
        """Its secrets.

        :raises AirflyteError: when no stack was ever started here.
        """
        return stack_secrets.load(self.folder)

    @functools.cached_property
    def cluster(self) -> Cluster:
        """Its own PostgreSQL."""
        return Cluster(self.folder.postgres, self.settings.ports.postgres, find_binaries())

    @property
    def databases(self) -> Databases:
        """Airflow's and the warehouse."""
        if self.settings.database_url:
            return foreign_databases(self.settings.database_url)
        return own_databases(self.settings.ports.postgres, self.secrets.postgres_password)

    @property
    def airflow_home(self) -> AirflowHome:
        """Airflow's configuration."""
        return AirflowHome(
            folder=self.folder.airflow_home,
            dags=self.settings.checkout / "dags",
            logs=self.folder.logs / "airflow-tasks",
            port=self.settings.ports.airflow,
            user=self.settings.airflow_user,
            parallelism=self.settings.airflow_parallelism,
            database_url=self.databases.airflow.url(SQLALCHEMY_SCHEME),
            secrets=self.secrets,
        )

    @property
    def airflow_version(self) -> str:
        """The Airflow that the environment's lock asks for."""
        lock = self.settings.checkout / "deploy" / "environments" / "airflow.txt"
        return dict(lockfiles.entries(lock))["apache-airflow"]

    def airflow(self) -> AirflowApi:
        """A client of its Airflow."""
        return AirflowApi(
            self.settings.ports.airflow, self.settings.airflow_user, self.secrets.airflow_password
        )

    def flyte(self) -> FlyteClient:
        """A client of its Flyte."""
        return FlyteClient(self.settings.ports.flyte)

    def program(self, environment: str, name: str) -> Path:
        """A program of one of its environments."""
        return self.folder.environments / environment / "bin" / name

    def components(self) -> list[Component]:
        """Its components, in the order in which they are started."""
        return [*self.postgres_components(), *self.airflow_components(), *self.flyte_components()]

    def postgres_components(self) -> list[Component]:
        """PostgreSQL, when it is the stack's own."""
        return [self.cluster.component()] if self.has_own_postgres else []

    def airflow_components(self) -> list[Component]:
        """Airflow's four, unless Airflow is somebody else's."""
        if not self.has_airflow:
            return []
        return airflow_processes.components(
            self.program("airflow", "python"), self.folder.airflow_home, self.settings.ports.airflow
        )

    @property
    def flyte_environments(self) -> dict[str, Path]:
        """Interpreters of Flyte tasks by image."""
        own = {"default": self.program("workflows", "python")}
        return own | flyte_processes.read_environments(self.settings.flyte_environments)

    def flyte_components(self) -> list[Component]:
        """flyte_sandbox and its S3 endpoint."""
        return flyte_processes.components(
            self.program("sandbox", "flyte-sandbox"),
            self.folder.flyte,
            port=self.settings.ports.flyte,
            s3_port=self.settings.ports.s3,
            environments=self.flyte_environments,
            is_strict=self.settings.flyte_images == "strict",
            uv=self.settings.private_uv / "bin" / "uv",
            is_warm=self.settings.flyte_warm,
            resources=self.settings.flyte_resources,
            secrets=self.settings.checkout / secrets if (secrets := self.settings.flyte_secrets) else None,
            task_uid=self.settings.flyte_task_uid,
        )
