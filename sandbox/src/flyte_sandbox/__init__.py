"""An embedded, wire-compatible Flyte v1 control plane and engine for one machine."""

__version__ = "0.1.0"

FLYTE_VERSION = "v1.16.8"
"""The Flyte release whose behaviour is mirrored."""
