"""Airflow as part of the stack: its configuration, its four processes, its database's migration, and its
REST API.
"""
