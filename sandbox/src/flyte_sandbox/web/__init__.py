"""HTTP on the public port: API gateway, signed data, first pages; and the port itself."""
