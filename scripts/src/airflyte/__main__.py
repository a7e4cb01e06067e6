"""``python -m airflyte``."""

from __future__ import annotations

import sys

from airflyte.cli import main

sys.exit(main())
