"""Who we are to Flyte: where tokens come from, how long they last, and how they travel with each RPC.

:mod:`.sources` gets tokens, :mod:`.discovery` asks Flyte how it wants them, :mod:`.cache` keeps one per
connection and process, :mod:`.interceptors` puts it into RPCs. No token is ever logged.
"""
