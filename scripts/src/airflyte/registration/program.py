"""Register everything under a source root with a Flyte; run by its path, by an interpreter that has flytekit:

    python program.py workflows/ --endpoint localhost:30080

JSON lines on standard output (see ``report``), sentences on standard error; 0 when everything is registered
and active, 1 when not. Does nothing, quickly, when the server has this version already.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if __name__ == "__main__":
    # Last in the path: user code and its libraries come first.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from airflyte.errors import AirflyteError
from airflyte.registration import archive, compiler, endpoint, launch_plan_inputs, presence, sources
from airflyte.registration.input_files import read_input_files
from airflyte.registration.plan import Plan, load_plan, save_plan
from airflyte.registration.report import Report

if TYPE_CHECKING:
    from flytekit.configuration import ImageConfig, SerializationSettings

    from airflyte.registration.registrar import Registrar


def main(arguments: Sequence[str] | None = None) -> int:
    """Register, or say in one sentence why not.

    :return: the exit code.
    """
    args = _parse(arguments)
    report = Report(_take_over_stdout(), sys.stderr, args.project, args.domain)
    try:
        Registration(args, report).run()
    except AirflyteError as error:
        report.fail(error)
        return 1
    return 0


class Registration:
    """One run of this program.

    :param args: the command line.
    """

    def __init__(self, args: argparse.Namespace, report: Report) -> None:
        self.args = args
        self.report = report
        self.root: Path = args.source.resolve()
        self.endpoint = endpoint.choose_endpoint(args.endpoint, args.config, os.environ)
        self.sources = sources.find_sources(self.root)
        self.input_files = read_input_files(self.root, self.sources)
        self.version: str = args.version or self._compute_version()

    def run(self) -> None:
        """Register what is not registered yet."""
        endpoint.bypass_proxy(self.endpoint)
        endpoint.tell_flytekit(self.endpoint)
        if not self._is_known_and_registered():
            self._compile_and_register()
        self.report.done()

    def _is_known_and_registered(self) -> bool:
        """The quick way out, without flytekit: compiled before, and the server has it."""
        if self.args.force or self.args.plan_file is None or not self.endpoint.is_plain:
            return False
        plan = load_plan(self.args.plan_file, self.version)
        if plan is None:
            return False
        if presence.is_registered(plan, self.endpoint, self.args.project, self.args.domain):
            self._report_existing(plan)
            return True
        return False

    def _compile_and_register(self) -> None:
        self.report.say(f"Importing the workflows in {self.root}")
        modules = sources.name_modules(self.root, self.sources)
        compiler.import_modules(self.root, modules, self._settings(archive_uri=None))
        # Compiled once without an address, so that a mistake shows before anything is sent.
        specs = compiler.serialize(self.root, self._settings(archive_uri=None))
        launch_plan_inputs.set_defaults(specs, dict.fromkeys(self.input_files, "s3://checked/before/upload"))
        launch_plan_inputs.check_addresses(specs)
        plan = Plan(self.version, tuple(specs))
        self._register(plan)
        if self.args.plan_file:
            save_plan(self.args.plan_file, plan)

    def _register(self, plan: Plan) -> None:
        from airflyte.registration.registrar import Registrar

        self.report.say(f"Asking {self.endpoint} for version {self.version}")
        registrar = Registrar(self.endpoint, self.args.project, self.args.domain)
        if not self.args.force and presence.is_active(plan, registrar.list_active_versions()):
            self._report_existing(plan)
            return
        specs = compiler.serialize(self.root, self._settings(self._upload_archive(registrar)))
        launch_plan_inputs.set_defaults(
            specs, {file: registrar.upload(file.path) for file in self.input_files}
        )
        self.report.say(f"Registering {len(specs)} entities in version {self.version}")
        self.report.plan(self.version, len(specs))
        registrar.register(plan, specs, self.report)

    def _upload_archive(self, registrar: Registrar) -> str:
        self.report.say(f"Uploading {len(self.sources) + len(self.input_files)} files")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"fast-{self.version}.tar.gz")
            archive.write_archive(self.root, self.sources, path)
            return registrar.upload(path)

    def _report_existing(self, plan: Plan) -> None:
        self.report.plan(plan.version, len(plan.entities))
        for entity in plan.entities:
            self.report.entity(entity, is_created=False)

    def _compute_version(self) -> str:
        more = {
            **{
                f"input file {file.workflow} {file.input}": file.path.read_bytes()
                for file in self.input_files
            },
            "image": self._image_name().encode(),
            "lock": self.args.lock.read_bytes() if self.args.lock else b"",
        }
        return sources.compute_version(self.root, self.sources, more)

    def _image_name(self) -> str:
        """What decides the image of tasks, without importing flytekit for its name."""
        default = f"python {sys.version_info[:2]}, flytekit {metadata.version('flytekit')}"
        return str(self.args.image or os.environ.get("FLYTE_INTERNAL_IMAGE") or default)

    def _settings(self, archive_uri: str | None) -> SerializationSettings:
        from flytekit.configuration import FastSerializationSettings, SerializationSettings

        return SerializationSettings(
            project=self.args.project,
            domain=self.args.domain,
            version=self.version,
            image_config=self._image_config(),
            source_root=str(self.root),
            fast_serialization_settings=FastSerializationSettings(
                enabled=True, destination_dir=".", distribution_location=archive_uri
            ),
        )

    def _image_config(self) -> ImageConfig:
        from flytekit.configuration import Image, ImageConfig
        from flytekit.configuration.default_images import DefaultImages

        name = self.args.image or DefaultImages.default_image()
        if self.endpoint.config:
            return ImageConfig.auto(str(self.endpoint.config), img_name=name)
        return ImageConfig.create_from(Image.look_up_image_info("default", name))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Register everything under a source root with a Flyte.")
    parser.add_argument("source", type=Path, help="the folder above the packages with workflows")
    parser.add_argument("--project", default="flytesnacks")
    parser.add_argument("--domain", default="development")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--endpoint", metavar="HOST:PORT", help="a Flyte without TLS and login")
    where.add_argument("--config", type=Path, help="a configuration file of flytectl or pyflyte")
    parser.add_argument("--image", help="the image of tasks that name none (default: flytekit's own)")
    parser.add_argument("--lock", type=Path, help="the lock of the tasks' environment, a part of the version")
    parser.add_argument("--version", help="a version of your own instead of one made from the content")
    parser.add_argument("--plan-file", type=Path, help="remembers what a version consists of")
    parser.add_argument("--force", action="store_true", help="upload and register also what is there")
    return parser.parse_args(arguments)


def _take_over_stdout() -> TextIO:
    """Standard output for our JSON alone; whatever user code prints goes to standard error."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = open(sys.stdout.fileno(), "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    return events


if __name__ == "__main__":
    sys.exit(main())
