"""First plain pages under the real console's addresses: server-rendered, no framework, data only by RPC."""
