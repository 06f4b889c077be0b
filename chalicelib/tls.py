"""TLS as a client: certificates and names are checked. Whoever may need no TLS imports this when it does."""

import ssl
from functools import cache

# What a socket that does not block says when it has to wait first: until it can be read, or written.
READ_FIRST = (BlockingIOError, ssl.SSLWantReadError)
WRITE_FIRST = ssl.SSLWantWriteError


@cache
def context() -> ssl.SSLContext:
    """The process's one context; the authorities are those of the system, or of SSL_CERT_FILE and SSL_CERT_DIR.

    Reading them takes tens of milliseconds, so it is done once, when the first connection is opened.
    """
    return ssl.create_default_context()
