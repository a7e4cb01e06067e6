"""Servers, templates and tasks killed for real: nothing is lost, nothing runs twice."""
