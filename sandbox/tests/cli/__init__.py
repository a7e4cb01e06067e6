"""The command ``flyte-sandbox`` as a user types it."""
