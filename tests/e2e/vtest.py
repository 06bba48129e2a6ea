# vtest, as little of it as it takes to be a client that misbehaves. Numbers are docs/vtest.md's.
import struct

CREATE_RENDERER, PROTOCOL_VERSION, CONTEXT_INIT, SUBMIT_CMD2 = 8, 11, 17, 24
VENUS_CAPSET = 4


def message(command, *words):
    return struct.pack(f"<II{len(words)}I", len(words), command, *words)


def start_venus(connection):
    """Brings a new connection to where Venus streams may be submitted."""
    name = b"misbehaving\0"
    connection.sendall(struct.pack("<II", len(name), CREATE_RENDERER) + name)
    connection.sendall(message(PROTOCOL_VERSION, 4))
    reply = connection.recv(12, 0x100)  # MSG_WAITALL
    assert struct.unpack("<III", reply)[1] == PROTOCOL_VERSION, f"An unexpected reply: {reply}"
    connection.sendall(message(CONTEXT_INIT, VENUS_CAPSET))


def submission(words):
    """One batch without syncs, on timeline 0."""
    flags_ring_index, stride = 1, 8
    batch = [flags_ring_index, 1 + stride, len(words), 0, 0, 0, 0, 0]
    return message(SUBMIT_CMD2, 1, *batch, *words)
