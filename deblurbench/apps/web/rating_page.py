"""The page and the routes of `deblurbench rate`. Imports FastAPI: call `server.require_web` first."""

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

NAME = r"^\w[\w .-]{0,39}$"  # a spreadsheet takes none of these for a formula
Rater = Annotated[str, Query(pattern=NAME)]
LARGEST_NUMBER = 10**9  # of a question; no results have so many
Number = Annotated[int, Query(ge=0, le=LARGEST_NUMBER)]
Side = Annotated[str, Query(pattern=f"^({LEFT}|{RIGHT})$")]


def require_same_origin(request: Request) -> None:
    """Refuse requests of other pages, which cannot send JSON without a preflight, nor hide their origin."""
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host')}"
    if request.headers.get("content-type", "").split(";")[0] != "application/json" or origin not in (None, own):
        raise HTTPException(403, "votes are taken from this page alone")


@contextmanager
def not_found_without_question() -> Iterator[None]:
    """Answer "not found" for a number without a question."""
    try:
        yield
    except IndexError as error:
        raise HTTPException(404, "there is no such question") from error


def rating_app(rating: Rating) -> FastAPI:
    """Create the application: the next question, where to look, its two pictures, and the vote. No response names a model."""
    app = new_app("deblurbench rate")
    page = (files("deblurbench.apps.web") / "pages" / "rate.html").read_text(encoding="utf-8")

    @app.get("/")
    def show() -> HTMLResponse:
        return HTMLResponse(page, headers={"X-Frame-Options": "DENY"})

    @app.get("/question")
    def question(rater: Rater) -> dict[str, Any]:
        return rating.next_question(rater)

    @app.get("/view")
    def view(rater: Rater, number: Number) -> dict[str, int]:
        with not_found_without_question():
            return rating.first_view(rater, number)

    @app.get("/picture")
    def picture(rater: Rater, number: Number, side: Side) -> Response:
        with not_found_without_question():
            data = rating.picture(rater, number, side)
        return Response(data, media_type="image/png", headers={"Cache-Control": "no-store"})

    @app.post("/vote", dependencies=[Depends(require_same_origin)])
    def vote(
        rater: Annotated[str, Body(pattern=NAME)],
        number: Annotated[int, Body(ge=0, le=LARGEST_NUMBER, strict=True)],
        choice: Annotated[str, Body(pattern=f"^({'|'.join(CHOICES)})$")],
    ) -> dict[str, Any]:
        with not_found_without_question():
            counted = rating.vote(rater, number, choice)
        return {"counted": counted, **rating.next_question(rater)}

    @app.exception_handler(RequestValidationError)
    def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without the input, which may hold values that JSON cannot: NaN, lone surrogates.
        return JSONResponse({"detail": [{"loc": one["loc"], "msg": one["msg"]} for one in error.errors()]}, 422)

    @app.exception_handler(DeblurbenchError)
    def damaged(_: Request, error: DeblurbenchError) -> JSONResponse:
        return JSONResponse({"detail": one_line(error)}, 409)

    return app
