"""Serving a local page."""

from __future__ import annotations

import importlib.util
import socket
from typing import TYPE_CHECKING

from deblurbench.errors import UsageError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

LOOPBACK = "127.0.0.1"
HOSTS = [LOOPBACK, "localhost"]  # whoever asks for another name was sent here by somebody else's page


def require_web() -> None:
    """Raise UsageError where the extra `web` is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn")):
        raise UsageError("local pages need FastAPI and uvicorn; run: pip install 'deblurbench[web]'")


def new_app(title: str) -> FastAPI:
    """An application that answers only to this machine's own names."""
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    return app


def open_port(port: int) -> socket.socket:
    """A socket that listens on loopback alone; port 0 takes a free one. Raises UsageError where it is taken."""
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
    """What serves `app`, with `run(sockets=[...])`, until it is interrupted."""
    import uvicorn

    return uvicorn.Server(uvicorn.Config(app, log_level="warning"))
