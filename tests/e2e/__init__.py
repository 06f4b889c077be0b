"""The service as its clients see it: real sockets, written from the protocol page alone."""
