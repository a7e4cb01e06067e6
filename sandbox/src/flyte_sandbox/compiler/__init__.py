"""Checks what is registered and turns it into the closures that the engine runs.

Pure: flyteidl messages in, flyteidl messages out, arguments are never changed; no database, clock or I/O.
Looking things up, storing and answering "already exists" is left to ``admin``.
"""
