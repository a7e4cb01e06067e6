"""Arguments of ``flyte-sandbox`` and its exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from flyte_sandbox import __version__
from flyte_sandbox.errors import StartupError


def main(arguments: Sequence[str] | None = None) -> int:
    """:return: the exit code; 1 for a refusal that was said in one sentence."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    if not words:
        parser.print_help()
        return 2
    parsed = parser.parse_args(words)
    # What was typed, to tell it from defaults.
    parsed.given = {word.partition("=")[0] for word in words}
    try:
        return int(parsed.run(parsed))
    except StartupError as exc:
        print(f"flyte-sandbox: {exc}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as exc:
        # Beside flytekit the package may be there for the plugin alone, without what the server needs.
        print(f"flyte-sandbox: {sys.executable} has no {exc.name}, which this needs.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("flyte-sandbox: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flyte-sandbox", description="An embedded Flyte for one machine.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add(verbs, "serve", "answer in the foreground until SIGTERM or Ctrl-C", _serve, _server_options)
    _add(verbs, "s3", "the S3 endpoint over the sandbox's buckets, in the foreground", _s3, _s3_options)
    _add(verbs, "up", "start both in the background and wait until they answer", _up, _up_options)
    _add(verbs, "down", "end both and everything that they started", _down, _down_options)
    _add(verbs, "status", "what runs, and where it answers", _status, _status_options)
    _add(verbs, "logs", "print the server's log, or the S3 endpoint's", _logs, _logs_options)
    _add(verbs, "environments", "those built from an ImageSpec", _environments, _environments_options)
    return parser


def _add(verbs: argparse._SubParsersAction, name: str, text: str, run: object, options: object) -> None:  # type: ignore[type-arg]
    verb = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
    verb.set_defaults(run=run)
    options(verb)  # type: ignore[operator]


# Each verb's module is imported only when it is asked for: `status` should not load a gRPC server.


def _serve(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.serve import serve

    return serve(parsed)


def _s3(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.serve import serve_s3

    return serve_s3(parsed)


def _up(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.background import up

    return up(parsed)


def _down(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.background import down

    return down(parsed)


def _status(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.card import status

    return status(parsed)


def _logs(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.background import logs

    return logs(parsed)


def _environments(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.cli.built import environments

    return environments(parsed)


def _state_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state", type=Path, default=Path(".flyte-sandbox"), help="folder that holds everything"
    )


def _server_options(parser: argparse.ArgumentParser) -> None:
    _state_option(parser)
    parser.add_argument("--port", type=int, default=30080, help="gRPC and HTTP (default 30080; 0: any)")
    parser.add_argument(
        "--s3-port", type=int, default=30002, help="the S3 endpoint's (default 30002; 0: none)"
    )
    parser.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="beyond loopback: anyone may run code"
    )
    parser.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="IMAGE=PYTHON",
        help="interpreter for tasks of an image; 'default' for every image that nobody knows",
    )
    parser.add_argument("--python", type=Path, help="the same as --environment default=PYTHON")
    parser.add_argument("--strict-images", action="store_true", help="fail tasks of images that nobody knows")
    parser.add_argument("--uv", type=Path, help="what clients build environments of an ImageSpec with")
    parser.add_argument("--database-url", default="", help="an SQLAlchemy URL (default: SQLite in the state)")
    parser.add_argument("--cold", action="store_true", help="a fresh process for every attempt of a task")
    parser.add_argument(
        "--preload-after",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="leave a booting machine alone so long",
    )
    parser.add_argument(
        "--resources",
        choices=["clamp", "enforce", "off"],
        default="clamp",
        help="requests beyond this machine: get all of it, are refused, or are not read (default: clamp)",
    )
    parser.add_argument(
        "--secrets",
        type=Path,
        metavar="FILE",
        help="the tasks' secrets, as the README says (default: secrets.toml in the state folder)",
    )
    parser.add_argument("--slots", type=int, default=0, help="attempts at once (default: as many as fit)")
    parser.add_argument(
        "--skippable-clock", action="store_true", help="for tests: the time can be moved on, see testing.skip"
    )
    _access_options(parser)


def _access_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--allow-other-users", action="store_true", help="let in this machine's other users")
    parser.add_argument("--allowed-host", action="append", default=[], help="further name for HTTP")
    parser.add_argument(
        "--task-uid",
        type=int,
        metavar="UID",
        help="whom tasks run as when root starts this (default: a number without an account; 0: root)",
    )


def _s3_options(parser: argparse.ArgumentParser) -> None:
    _state_option(parser)
    parser.add_argument("--port", type=int, default=30002)
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS")
    _access_options(parser)


def _up_options(parser: argparse.ArgumentParser) -> None:
    _server_options(parser)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for readiness")


def _down_options(parser: argparse.ArgumentParser) -> None:
    _state_option(parser)
    parser.add_argument("--wait", action="store_true", help="first let running executions end")


def _status_options(parser: argparse.ArgumentParser) -> None:
    _state_option(parser)
    parser.add_argument("--json", action="store_true", help="for scripts")


def _environments_options(parser: argparse.ArgumentParser) -> None:
    _state_option(parser)
    parser.add_argument("--remove", action="append", default=[], metavar="NAME", help="one, or an image")
    parser.add_argument("--prune", action="store_true", help="remove half built ones, and those of no image")


def _logs_options(parser: argparse.ArgumentParser) -> None:
    _state_option(parser)
    parser.add_argument("part", nargs="?", choices=["serve", "s3"], default="serve", help="default: serve")
    parser.add_argument("-n", "--lines", type=int, default=100)
    parser.add_argument("-f", "--follow", action="store_true")
