"""Secrets: passwords and keys that are in no image, no input and no log.

A task says which secrets it needs, Flyte hands them to that task alone, as a file or as a variable.
docs/user-guide.md says where the sandbox takes them from; a task whose secret is missing fails when it asks
for it. Never return one.
"""

from hashlib import sha256

from flytekit import Secret, current_context, task, workflow

GROUP = "warehouse"


@task(secret_requests=[Secret(group=GROUP, key="password", mount_requirement=Secret.MountType.FILE)])
def connect(user: str) -> str:
    """As a file, which is the default; what leaves the task is a fingerprint."""
    password = current_context().secrets.get(GROUP, "password")
    return f"{user}:{sha256(password.encode()).hexdigest()[:8]}"


@task(
    secret_requests=[
        Secret(group=GROUP, key="token", mount_requirement=Secret.MountType.ENV_VAR, env_var="TOKEN")
    ]
)
def call() -> int:
    """As a variable; ``env_var`` gives it a name of one's own, too."""
    import os

    token = current_context().secrets.get(GROUP, "token")
    return len(token) if os.environ.get("TOKEN", token) == token else -1


@workflow
def secrets_wf(user: str = "reader") -> tuple[str, int]:
    """Use two secrets.

    :param user: of the warehouse.
    :return: user and fingerprint, and how long the token is.
    """
    return connect(user=user), call()
