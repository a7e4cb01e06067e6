"""Stands in for the package of this name in Airflow's repository, which is not released: system tests import
from it there and here alike.
"""
