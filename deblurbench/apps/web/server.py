"""The server of local pages."""

from __future__ import annotations

import importlib.util
import socket
from typing import TYPE_CHECKING

from deblurbench.errors import UsageError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

LOOPBACK = "127.0.0.1"
HOSTS = [LOOPBACK, "localhost"]  # requests for other host names come from other pages (DNS rebinding)


def require_web() -> None:
    """Raise UsageError if the extra `web` is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn")):
        raise UsageError("local pages need FastAPI and uvicorn; run: pip install 'deblurbench[web]'")


def new_app(title: str) -> FastAPI:
    """Create an application that answers only requests for HOSTS."""
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    return app


def open_port(port: int) -> socket.socket:
    """Open a socket that listens on loopback alone; 0 takes any free port. Raises UsageError if the port is taken."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UsageError(f"--port {port}: cannot be used ({error.strerror}); give another one, or 0 for any") from error
    return listening


def new_server(app: FastAPI) -> uvicorn.Server:
    """Create a server of `app`; its `run(sockets=[...])` serves until it is interrupted."""
    import uvicorn

    return uvicorn.Server(uvicorn.Config(app, log_level="warning"))
