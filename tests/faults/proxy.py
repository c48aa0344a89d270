"""A door in front of a broker that can be shut: what is under way stays under way until it is opened again."""

import contextlib
import socket
import threading

CHUNK = 65536


class Proxy:
    """Forward TCP connections to a port of this machine.

    While it is cut, nothing passes and nothing is refused: bytes wait, as they do in a network that lost its way, and
    arrive when it has found it again.

    Args:
        target: the port behind it; may be set before anybody connects.
    """

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(64)
        self.port: int = self._socket.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Let nothing pass."""
        self._open.clear()

    def heal(self) -> None:
        """Let everything pass, also what came meanwhile."""
        self._open.set()

    def close(self) -> None:
        """Close every connection."""
        self.heal()
        for end in (self._socket, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._open.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self._ends += [near, far]
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(CHUNK):
                self._open.wait()
                other.sendall(data)
        self._open.wait()
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
