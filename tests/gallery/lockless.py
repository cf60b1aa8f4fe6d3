"""A process in which the system refuses to lock parts of files, as on a share without locks: Linux on x86-64."""

from __future__ import annotations

import ctypes
import errno
import struct

FCNTL, F_SETLK, F_SETLKW, F_OFD_SETLK = 72, 6, 7, 37
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # a word of the call; jump; the answer
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def refuse_locks(number: int = errno.ENOLCK) -> None:
    """From now on, for this process and what it starts."""
    steps = [
        (LOAD, 0, 0, 0),  # which system call
        (EQUAL, 0, 5, FCNTL),
        (LOAD, 0, 0, 24),  # its second argument
        (EQUAL, 2, 0, F_SETLK),
        (EQUAL, 1, 0, F_SETLKW),
        (EQUAL, 0, 1, F_OFD_SETLK),
        (RETURN, 0, 0, REFUSE | number),
        (RETURN, 0, 0, ALLOW),
    ]
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(program)
    filters = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SECCOMP, FILTER, filters, 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp")
