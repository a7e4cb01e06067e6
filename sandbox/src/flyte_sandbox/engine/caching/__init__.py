"""Outputs that need not be made again: under which key they are remembered, and looking them up.

When a node asks is ``deciding``'s; what the catalog holds is ``flyte_sandbox.catalog``'s.
"""
