"""Hands the supervisor a socket whose closing takes a million seconds."""

import os
import socket
import struct

from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval

LINGER_FOR_EVER = struct.pack("ii", 1, 1_000_000)


def supervisor():
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        if found.type == socket.SOCK_SEQPACKET:
            return found
    raise LookupError("no supervisor")


def full_socket():
    with socket.create_server(("127.0.0.1", 0)) as server:
        never_read, full = socket.create_connection(server.getsockname()), server.accept()[0]
    full.setblocking(False)
    try:
        while True:
            full.send(bytes(1 << 16))
    except BlockingIOError:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_FOR_EVER)
    return never_read, full


def update_params(**arguments):
    never_read, full = full_socket()
    connection = supervisor()
    for _ in range(2):  # the second is never received, and has to be thrown away with the connection
        socket.send_fds(connection, [b'{"kind":"beat","step":1}'], [full.fileno(), never_read.fileno()])
    full.close()
    never_read.close()
    raise RuntimeError("nobody minded")
