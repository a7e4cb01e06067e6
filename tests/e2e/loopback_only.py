"""Brings loopback up in a network namespace that is new and empty, then becomes a command.

    unshare --net python3 loopback_only.py COMMAND …

Debian's smallest installation has no ``ip``.
"""

import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS = 0x8914  # linux/sockios.h
IFF_UP = 0x1  # linux/if.h

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is what we want
