"""The page of `deblurbench rate`, and what it asks for. It imports FastAPI: see `server.require_web` first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse

from deblurbench.apps.web.rating import Rating
from deblurbench.apps.web.server import new_app
from deblurbench.errors import DeblurbenchError, one_line
from deblurbench.records.votes import CHOICES, LEFT, RIGHT

NAME = r"^\w[\w .-]{0,39}$"  # no name that a spreadsheet would take for a formula
Rater = Annotated[str, Query(pattern=NAME)]
MOST = 10**9  # no results have so many questions
Number = Annotated[int, Query(ge=0, le=MOST)]
Side = Annotated[str, Query(pattern=f"^({LEFT}|{RIGHT})$")]


def only_from_here(request: Request) -> None:
    """Refuse what a page of somebody else's sends: it cannot send JSON unasked, nor hide where it comes from."""
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host')}"
    if request.headers.get("content-type", "").split(";")[0] != "application/json" or origin not in (None, own):
        raise HTTPException(403, "votes are taken from this page alone")


@contextmanager
def of_a_question() -> Iterator[None]:
    """Answer "not found" where the number is that of no question."""
    try:
        yield
    except IndexError as error:
        raise HTTPException(404, "there is no such question") from error


def rating_app(rating: Rating) -> FastAPI:
    """The next question, its two pictures, and a place for the vote; nothing that it says names a model."""
    app = new_app("deblurbench rate")
    page = (files("deblurbench.apps.web") / "pages" / "rate.html").read_text(encoding="utf-8")

    @app.get("/")
    def show() -> HTMLResponse:
        return HTMLResponse(page, headers={"X-Frame-Options": "DENY"})

    @app.get("/question")
    def question(rater: Rater) -> dict[str, Any]:
        return rating.next_question(rater)

    @app.get("/picture")
    def picture(rater: Rater, number: Number, side: Side) -> Response:
        with of_a_question():
            data = rating.picture(rater, number, side)
        return Response(data, media_type="image/png", headers={"Cache-Control": "no-store"})

    @app.post("/vote", dependencies=[Depends(only_from_here)])
    def vote(
        rater: Annotated[str, Body(pattern=NAME)],
        number: Annotated[int, Body(ge=0, le=MOST, strict=True)],
        choice: Annotated[str, Body(pattern=f"^({'|'.join(CHOICES)})$")],
    ) -> dict[str, Any]:
        with of_a_question():
            counted = rating.vote(rater, number, choice)
        return {"counted": counted, **rating.next_question(rater)}

    @app.exception_handler(RequestValidationError)
    def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without what was sent, which may hold what JSON cannot: not a number, half a character.
        return JSONResponse({"detail": [{"loc": one["loc"], "msg": one["msg"]} for one in error.errors()]}, 422)

    @app.exception_handler(DeblurbenchError)
    def damaged(_: Request, error: DeblurbenchError) -> JSONResponse:
        return JSONResponse({"detail": one_line(error)}, 409)

    return app
