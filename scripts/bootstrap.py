"""The first thing that make runs: checks the Python it got, then lets the package find or make the rest.

Old syntax on purpose, so that even an old Python says what is needed instead of showing a syntax error.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST = (3, 8)


def main():
    if sys.version_info < OLDEST:
        for better in ("python3.12", "python3.11"):
            try:  # noqa: SIM105 - an old Python has no contextlib.suppress
                os.execvp(better, [better, os.path.abspath(__file__)] + sys.argv[1:])  # noqa: RUF005, S606
            except OSError:
                pass
        sys.stderr.write(
            "airflyte: {} is Python {}.{}, too old even to begin; the stack needs CPython 3.11 or 3.12 "
            "(on Debian and Ubuntu: sudo apt-get install -y python3).\n".format(
                sys.executable, *sys.version_info[:2]
            )
        )
        return 1
    sys.path[0] = os.path.join(HERE, "src")
    from pathlib import Path

    from airflyte import first_start

    return first_start.main(Path(HERE).parent, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
