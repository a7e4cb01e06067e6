"""airflyte: Airflow and Flyte on one machine, started, watched and stopped by one command.

This package is the stack's command line. It owns environments, processes and state of a checkout; Flyte
itself is in ``flyte_sandbox``, the Airflow provider in ``flyte_provider``.
"""

__version__ = "0.1.0"
