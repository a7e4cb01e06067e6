"""The rules of the control plane, on a real database and without a server."""
