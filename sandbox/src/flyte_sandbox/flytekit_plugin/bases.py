"""Environments that others begin as: what is in them, and how that gets into a new one.

Packages are installed anew in the same versions (uv links its cache's files, which costs no space); editable
ones, which no index has, are taken over as they are.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_LOOK = """
import importlib.metadata, json, sysconfig
pinned, editable = [], []
for each in importlib.metadata.distributions():
    direct = json.loads(each.read_text("direct_url.json") or "{}")
    if direct.get("dir_info", {}).get("editable"):
        editable += [str(each.locate_file(path)) for path in each.files or [] if ".." not in path.parts]
    elif "url" in direct:
        revision = direct.get("vcs_info", {})
        commit = "@" + revision["commit_id"] if revision else ""
        pinned.append(each.metadata["Name"] + " @ " + revision.get("vcs", "")
                      + ("+" if revision else "") + direct["url"] + commit)
    else:
        pinned.append(each.metadata["Name"] + "==" + each.version)
print(json.dumps({"packages": sysconfig.get_path("purelib"), "pinned": sorted(set(pinned)),
                  "editable": sorted(editable)}))
"""


@dataclass(frozen=True)
class Base:
    """What an environment begins with.

    :param pinned: its packages, one requirement each.
    :param editable: the files that make packages in other folders importable.
    :param packages: the folder in which they lie.
    :param files: those of the image that it stands for, if there are any.
    """

    interpreter: Path
    packages: Path
    pinned: list[str] = field(default_factory=list)
    editable: list[Path] = field(default_factory=list)
    files: Path | None = None


def read_base(interpreter: Path, files: Path | None = None) -> Base:
    """Look into an environment.

    :raises RuntimeError: its interpreter does not run.
    """
    done = subprocess.run([interpreter, "-I", "-c", _LOOK], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The base environment {interpreter} does not run: {done.stderr.strip()}")
    said = json.loads(done.stdout)
    return Base(
        interpreter=interpreter,
        packages=Path(said["packages"]),
        pinned=said["pinned"],
        editable=[Path(path) for path in said["editable"]],
        files=files,
    )


def copy_editable(base: Base, interpreter: Path) -> None:
    """:param interpreter: of the new environment."""
    target = read_base(interpreter).packages
    for path in base.editable:
        with contextlib.suppress(ValueError, FileNotFoundError):  # scripts lie elsewhere and are not needed
            copy = target / path.relative_to(base.packages)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
