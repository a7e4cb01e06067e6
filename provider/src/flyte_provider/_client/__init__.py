"""Talking to Flyte: channels, RPCs, literals. Loaded when a task runs, never when a Dag file is parsed.

Modules here may import grpc and flyteidl at their top; nothing outside this package may import it at its own
top.
"""
