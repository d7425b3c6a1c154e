"""Bounds on clients that take their time: none may hold a connection for nothing.

A request's head must be there within `HEAD_SECONDS` of the connection, or of the reply before it;
its body within `BODY_SECONDS`. What lasts longer is closed. `MAX_CONNECTIONS` at once leave file
descriptors for the database, the broker and the model at the usual limit of 1024.
"""

from __future__ import annotations

HEAD_SECONDS = 30.0
BODY_SECONDS = 10.0
#: The same for the one request with a body of megabytes.
LARGE_BODY_SECONDS = 60.0
#: How long the rest of a body is taken in whose reply is sent already.
LINGERING_SECONDS = 2.0
MAX_CONNECTIONS = 800

_BODY = b'{"error": {"code": "too_many_connections", "message": "come back in a moment"}}'
TURNED_AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\nRetry-After: 5\r\nConnection: close\r\n\r\n%b"
) % (len(_BODY), _BODY)
