"""One request to one model by MLflow's scoring protocol: parse, predict, encode.

Parsing, schema enforcement and encoding are MLflow's own functions, called in the order in which its scoring server
calls them (``mlflow.pyfunc.scoring_server.invocations``), so that a client gets the same answer from both. The steps
are apart here so that each kind of failure can be told from the others, and no message carries the request's data.
"""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Generator
from io import BytesIO, StringIO
from typing import Any, NamedTuple

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc import PyFuncModel, scoring_server
from mlflow.pyfunc.scoring_server import _decode_json_input, _parse_json_data, parse_csv_input
from mlflow.utils.proto_json_utils import (
    MlflowInvalidInputException,
    NumpyEncoder,
    _get_jsonable_obj,
    dataframe_from_parsed_json,
)

from rulegate.serving.errors import PredictionFailed, ResultNotEncodable, UnsupportedContentType
from rulegate.serving.mlflow.column_names import csv_rows, split_names, too_many_repeats, too_many_unnamed
from rulegate.serving.mlflow.redaction import NO_TRACE, TRACE, for_client, for_log, without_paths
from rulegate.serving.protocol import CSV, JSON, PARQUET, check_content_type

# Functions of MLflow's that hold a request against what a model takes: what they raise, or have others raise, is the
# request's fault.
_CHECKS = frozenset(
    {
        "_convert_dataframe_to_example_format",
        "_convert_input",
        "_convert_llm_input_data",
        "_enforce_params_schema",
        "_enforce_schema",
        "_validate_model_input",
        "_validate_prediction_input",
    }
)
# And these do so in their own code, before they call the model.
_CHECK_THEMSELVES = frozenset({"wrapper", "_predict_stream"})

_UNNAMED = "The first row has over a thousand fields more than the header."
_REPEATS = "The data names tens of thousands of columns, and the same ones again and again."

# They are told apart from the others.
_NOT_FIELDS = frozenset({"error_code", "message"})

# Made once: to make one costs more than to encode a small answer.
_ENCODER = NumpyEncoder(allow_nan=False)


class Parsed(NamedTuple):
    """A decoded request.

    Attributes:
        data: What the model is given: a data frame, an array, a dict of arrays, or the client's own JSON.
        params: The parameters of the prediction, if the request has any.
        wrapped: Whether the answer goes under the key ``predictions``; not so for requests in the shape of LLM APIs.
    """

    data: Any
    params: Any
    wrapped: bool


def score(model: PyFuncModel, body: bytes, content_type: str) -> bytes:
    """The encoded answer of ``model`` to one request.

    Raises:
        PredictionFailed: If the request is wrong or the model raised.
    """
    parsed = parse(model, body, content_type)
    return encode(predict(model, parsed), wrapped=parsed.wrapped)


def parse(model: PyFuncModel, body: bytes | dict[str, Any], content_type: str) -> Parsed:
    """Decodes a request, by the model's signature where it has one.

    A body of JSON may be given parsed; its ``params``, if any, are then taken out of it.

    Raises:
        UnsupportedContentType: If the protocol does not know the content type.
        PredictionFailed: If the body is malformed.
    """
    media_type = check_content_type(content_type)
    if media_type == PARQUET and not hasattr(scoring_server, "parse_parquet_input"):
        # MLflow 3 brought it; a model's own environment may have an older one.
        raise UnsupportedContentType("This model's version of MLflow reads no parquet.", error_code="BAD_REQUEST")
    schema = model.metadata.get_input_schema()
    try:
        if media_type == JSON or isinstance(body, dict):
            # Decoded here by MLflow's function, which it would do twice.
            decoded = _decode_json_input(body)
            if too_many_repeats(split_names(decoded)):
                raise _malformed(_REPEATS)
            json_input = _parse_json_data(decoded, model.metadata, schema)
            return Parsed(json_input.data, json_input.params, not json_input.is_unified_llm_input)
        if media_type == CSV:
            text = body.decode("utf-8")
            rows = csv_rows(text)
            if rows and too_many_repeats(rows[0]):
                raise _malformed(_REPEATS)
            if too_many_unnamed(rows):
                raise _malformed(_UNNAMED)
            return Parsed(parse_csv_input(StringIO(text), schema), None, wrapped=True)
        return Parsed(scoring_server.parse_parquet_input(BytesIO(body)), None, wrapped=True)
    except PredictionFailed:
        raise
    except MlflowException as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            error.message = _without_bytes(error.message, error.__cause__)
        raise _refused(error) from None
    except UnicodeDecodeError as error:
        message = f"Ensure that input is a valid UTF-8 encoded string. Error: '{error!r}'"
        raise _malformed(_without_bytes(message, error)) from None
    except RecursionError:
        raise _malformed("Ensure that input is a valid JSON formatted string. Error: 'nested too deeply'") from None
    except Exception as error:  # noqa: BLE001 - whatever decoding raises, it is the body that made it
        raise _malformed(f"The request cannot be decoded. Error: {type(error).__name__}") from None


def predict(model: PyFuncModel, parsed: Parsed) -> Any:
    """What the model returns.

    Raises:
        PredictionFailed: If the data does not fit the model's signature, or the model raised.
    """
    try:
        return model.predict(parsed.data, params=parsed.params)
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        raise _raised(error) from None


def can_stream(model: PyFuncModel) -> bool:
    """Whether the model was saved with a ``predict_stream``."""
    return bool(model.metadata.flavors["python_function"].get("streamable"))


def asks_for_stream(body: bytes, content_type: str) -> bool:
    """Whether the request has ``"stream": true`` beside its data; what is wrong with it is no matter here."""
    try:
        request = json.loads(body) if check_content_type(content_type) == JSON else None
    except (PredictionFailed, ValueError, RecursionError):
        return False
    return isinstance(request, dict) and request.get("stream") is True


def stream(model: PyFuncModel, body: bytes, content_type: str) -> Generator[bytes]:
    """What the model says to one request, bit by bit, as server-sent events; to be closed.

    Raises:
        PredictionFailed: If the request is wrong, or the model raised, be it after some events.
    """
    parsed = parse(model, body, content_type)
    with contextlib.closing(model.predict_stream(parsed.data, params=parsed.params)) as said:
        while True:
            try:
                event = next(said)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - a model may raise anything
                raise _raised(error) from None
            yield b"data: " + encode(event, wrapped=False) + b"\n\n"


def encode(result: Any, *, wrapped: bool) -> bytes:
    """The answer's JSON. NaN and infinities, which JSON does not have, become null.

    Raises:
        ResultNotEncodable: If the result holds what JSON cannot carry.
    """
    try:
        predictions = _get_jsonable_obj(result, pandas_orient="records")
        answer = {"predictions": predictions} if wrapped else predictions
        try:
            return str(_ENCODER.encode(answer)).encode()
        except ValueError:
            # Only the encoder knows how to reach every number in such a result, so it writes and the parser replaces.
            written = json.dumps(answer, cls=NumpyEncoder)
            return json.dumps(json.loads(written, parse_constant=lambda _: None)).encode()
    except Exception as error:  # noqa: BLE001 - a model may return anything
        raise ResultNotEncodable(
            "The model returned a result that cannot be encoded as JSON.",
            error_code="INTERNAL_ERROR",
            detail=_trace(error),
        ) from None


def _raised(error: Exception) -> PredictionFailed:
    """What the client is told when the model, or MLflow before it, raised ``error``."""
    refused = _told(error)
    refused.by_model = not _is_of_the_request(error)
    return refused


def _is_of_the_request(error: BaseException) -> bool:
    """Whether MLflow raised it while it held the request against the model, which then has not seen it."""
    name = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
        if module != __name__ and not module.startswith(("mlflow.pyfunc", "mlflow.models")):
            return False
        if name in _CHECKS:
            return True
    return name in _CHECK_THEMSELVES


def _told(error: Exception) -> PredictionFailed:
    if isinstance(error, MlflowException):
        error.message = f"Failed to predict data. Error: {error.message}"
        # With any other code it tells the client what is wrong with the request: no news for who reads the log.
        return _refused(error, _trace(error) if error.error_code == "INTERNAL_ERROR" else "")
    message = (
        "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is"
        " compatible with the model for inference."
    )
    return _refused(MlflowException(message, error_code=BAD_REQUEST, **{TRACE: NO_TRACE}), _trace(error))


def rehearse() -> None:
    """Takes rows through decoding and encoding, without a model.

    What pandas and Arrow set up for their first data frame is then there once, for all processes that are forked.
    """
    frame = dataframe_from_parsed_json(
        {"columns": ["text", "number"], "data": [["a", 0.5], ["b", 1.5]]}, pandas_orient="split", schema=None
    )
    encode(frame, wrapped=True)


def _malformed(message: str) -> PredictionFailed:
    return _refused(MlflowInvalidInputException(message))


def _without_bytes(message: str, error: UnicodeDecodeError) -> str:
    return message.replace(repr(error.object), "…")


def _refused(error: MlflowException, detail: str = "") -> PredictionFailed:
    """What the client is told of an error that MLflow's server would write out as it is."""
    try:
        written = json.loads(error.serialize_as_json())
    except (TypeError, ValueError):
        # A model may put into its exception what JSON does not have.
        written = {}
    fields = {
        name: without_paths(value) if isinstance(value, str) else value
        for name, value in written.items()
        if name not in _NOT_FIELDS
    }
    if TRACE in fields:
        fields[TRACE] = NO_TRACE
    return PredictionFailed(for_client(error.message), error_code=error.error_code, detail=detail, fields=fields)


def _trace(error: BaseException) -> str:
    return for_log("".join(traceback.format_exception(error)))
