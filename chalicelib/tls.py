"""TLS as a client: certificates and names are checked. Whoever may need no TLS imports this when it does."""

import select
import socket
import ssl
from functools import cache

# A socket that does not block would have to wait.
NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


@cache
def context() -> ssl.SSLContext:
    """The process's one context; the authorities are those of the system, or of SSL_CERT_FILE and SSL_CERT_DIR.

    Reading them takes tens of milliseconds, so it is done once, when the first connection is opened.
    """
    return ssl.create_default_context()


def over(sock: socket.socket, name: str, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    """TLS over a connection to a host of this name, or address; `shake` has to follow.

    The session of an earlier connection to it spares a quarter of the work.
    """
    return context().wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False, session=session)


def shake(sock: ssl.SSLSocket) -> int:
    """Goes on with the handshake: which event of `select.poll` it waits for, 0 when it is done. Raises OSError."""
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return select.POLLIN
    except ssl.SSLWantWriteError:
        return select.POLLOUT
    return 0
