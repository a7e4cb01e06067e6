"""A whole Airflow 2.11 of a test's own, in an environment beside the tests'."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from .airflow import Airflow

_COMPONENTS = {
    "webserver": ["webserver", "--workers", "1"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
# Whoever can reach the port may do everything.
_WEBSERVER_CONFIG = 'AUTH_ROLE_PUBLIC = "Admin"\n'


class Airflow2(Airflow):
    """Processes of one Airflow home, as :class:`Airflow`.

    :param python: the interpreter that has Airflow 2.11
    """

    api = "/api/v1"
    health = "/health"
    any_date: ClassVar[dict[str, Any]] = {}

    def __init__(self, home: Path, dags: Path, more: dict[str, str], python: Path) -> None:
        super().__init__(home, dags, more, _COMPONENTS, python)
        (home / "webserver_config.py").write_text(_WEBSERVER_CONFIG)
        self._env |= {
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
            "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(self.port),
            "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "15",
            "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "2",
        }

    def _credentials(self) -> dict[str, str]:
        return {}
