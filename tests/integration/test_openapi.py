"""Test applications of FastAPI with schemathesis, which derives requests from their description in OpenAPI."""

from typing import Annotated

import pytest
from hypothesis import HealthCheck, settings

from exotel_callback import Call, StatusCallback, merge

REASON = "it isn't installed: install the dependency group frameworks"
fastapi = pytest.importorskip("fastapi")
schemathesis = pytest.importorskip("schemathesis", reason=REASON)

# The page on pydantic says why a tolerant parser can't pass these.
TOLERANT = [schemathesis.checks.negative_data_rejection]
OF_DUMPS = [*TOLERANT, schemathesis.checks.positive_data_acceptance]

few = settings(max_examples=5, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])


def application():
    from exotel_callback.adapters.fastapi import OPENAPI, callback

    app = fastapi.FastAPI()
    received = Annotated[StatusCallback, fastapi.Depends(callback())]

    @app.post("/exotel", openapi_extra=OPENAPI)
    def exotel(event: received) -> StatusCallback:
        return event

    @app.post("/merged", responses={400: {"description": "The body isn't UTF-8."}})
    def merged(event: Annotated[StatusCallback, fastapi.Body()]) -> Call:
        return merge(event)

    return app


SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", application())


@SCHEMA.include(path="/exotel").parametrize()
@few
def test_the_adapter(case):
    """An answer of the adapter isn't documented, or it refuses a request that its description allows."""
    case.call_and_validate(excluded_checks=TOLERANT)


@SCHEMA.include(path="/merged").parametrize()
@few
def test_a_dump(case):
    """An answer of a route that takes a dump isn't documented."""
    case.call_and_validate(excluded_checks=OF_DUMPS)
