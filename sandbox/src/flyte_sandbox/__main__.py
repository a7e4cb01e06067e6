"""``python -m flyte_sandbox`` is ``flyte-sandbox``."""

import sys

from flyte_sandbox.cli import main

sys.exit(main())
