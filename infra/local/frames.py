"""WebSocket frames (RFC 6455): what a client sends, within API Gateway's limits, and what a server sends."""

from __future__ import annotations

MAX_FRAME = 32 * 1024
MAX_MESSAGE = 128 * 1024
MAX_CONTROL = 125
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
# The bits of a frame's first two bytes.
FIN, RESERVED, OPCODE = 0x80, 0x70, 0x0F
MASKED, LENGTH = 0x80, 0x7F
MASK_BYTES = 4
PROTOCOL_ERROR, TOO_BIG = 1002, 1009


class Malformed(Exception):
    """What came is no frame of a client, and nothing after it can be read."""


class Reader:
    """Makes whole messages of the pieces in which a client's frames arrive.

    At the first frame over a limit, or that is none, `violation` becomes the code to close with. After too big a one it
    goes on with control frames, so that the connection can still be closed in order; after anything else with nothing.
    """

    def __init__(self) -> None:
        self.violation: int | None = None
        self._left = b""  # the beginning of a frame
        self._skip = 0  # bytes of a refused frame that are still to come
        self._opcode = CONTINUATION  # of the message that has begun and not ended, if there is one
        self._parts: list[bytes] = []
        self._size = 0  # bytes of those parts

    def read(self, piece: bytes) -> list[tuple[int, bytes]]:
        """Opcode and payload of each message that `piece` completes; a control frame is one."""
        messages: list[tuple[int, bytes]] = []
        if self.violation == PROTOCOL_ERROR:
            return messages
        if self._skip:
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            piece = piece[skipped:]
        data = self._left + piece if self._left else piece
        position, end = 0, len(data)
        while end - position >= 2:
            first, second = data[position], data[position + 1]
            begin, size = position + 2, second & LENGTH
            if size > MAX_CONTROL:
                extended = 2 if size == 126 else 8
                size = int.from_bytes(data[begin : begin + extended])
                begin += extended
            begin += MASK_BYTES
            if begin > end:
                break
            try:
                taken = self._takes(first, second, size)
            except Malformed:
                self.violation, position = PROTOCOL_ERROR, end
                break
            if begin + size > end and taken:
                break
            position = begin + size
            if not taken:
                self._skip = max(0, position - end)
                continue
            payload = unmask(data[begin:position], data[begin - MASK_BYTES : begin])
            if message := self._whole(first, payload):
                messages.append(message)
        self._left = data[position:]
        return messages

    def _takes(self, first: int, second: int, size: int) -> bool:
        """Whether a frame is one to read; else it is skipped. Raises Malformed."""
        opcode = first & OPCODE
        if first & RESERVED or not second & MASKED:
            raise Malformed
        if opcode >= CLOSE:
            if opcode > PONG or not first & FIN or size > MAX_CONTROL:
                raise Malformed
            return True
        if self.violation:
            return False
        if opcode > BINARY or (opcode == CONTINUATION) == (self._opcode == CONTINUATION):
            raise Malformed
        if size > MAX_FRAME or self._size + size > MAX_MESSAGE:
            self.violation = TOO_BIG
            return False
        return True

    def _whole(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        """The message that a frame is, or is the end of."""
        opcode = first & OPCODE
        if opcode >= CLOSE or (first & FIN and opcode != CONTINUATION):
            return opcode, payload
        self._opcode = opcode or self._opcode
        self._parts.append(payload)
        self._size += len(payload)
        if not first & FIN:
            return None
        message = self._opcode, b"".join(self._parts)
        self._opcode, self._parts, self._size = CONTINUATION, [], 0
        return message


def is_close_code(code: int) -> bool:
    """Whether a client may close with it (RFC 6455, 7.4)."""
    return (1000 <= code <= 1014 and code not in {1004, 1005, 1006}) or 3000 <= code <= 4999


def unmask(payload: bytes, mask: bytes) -> bytes:
    """`payload` as it was before the client masked it."""
    size = len(payload)
    key = (mask * (size // MASK_BYTES + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


def server_frame(opcode: int, payload: bytes) -> bytes:
    """A whole message as one frame of a server, which masks nothing."""
    size = len(payload)
    if size <= MAX_CONTROL:
        return bytes((FIN | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((FIN | opcode, 126)) + size.to_bytes(2) + payload
    return bytes((FIN | opcode, 127)) + size.to_bytes(8) + payload
