"""The requests of the differential test: which model gets which body."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

JSON = "application/json"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True)
class Case:
    """One request to one model; no content type where it is None."""

    model: str
    name: str
    body: bytes
    content_type: str | None = JSON

    def __str__(self) -> str:
        return f"{self.model}: {self.name}"


def cases() -> list[Case]:
    return [
        Case("waiting", "for ever", json.dumps(split(["x"], [1])).encode()),
        *forms(),
        *malformed(),
        *content_types(),
        *csv(),
        *parquet(),
        *scikit_learn(),
        *column_types(),
        *columns(),
        *nested(),
        *tensors(),
        *params(),
        *hints(),
        *results(),
        *failures(),
        *llm(),
        # Last, since they keep MLflow's server busy.
        *wide(),
    ]


def of(model: str, bodies: dict[str, Any], content_type: str | None = JSON) -> Iterator[Case]:
    """Cases of one model; a body that is no text or bytes is written as JSON."""
    for name, body in bodies.items():
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        yield Case(model, name, text.encode() if isinstance(text, str) else text, content_type)


def split(columns: list[Any], *rows: list[Any], **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": list(rows), **more}}


def forms() -> Iterator[Case]:
    """Every form of JSON, given to a model that tells what arrived."""
    yield from of(
        "bare",
        {
            "split": split(["a", "b"], [1, "x"], [2, "y"]),
            "split without columns": {"dataframe_split": {"data": [[1, 2.5], [3, 4]]}},
            "split with an index": split(["a"], [1], [2], index=["p", "q"]),
            "split with an index of another length": split(["a"], [1], [2], index=[1]),
            "split without data": {"dataframe_split": {"columns": ["a"]}},
            "split with a key too many": split(["a"], [1], name="n"),
            "split with rows of other lengths": split(["a", "b"], [1], [2, 3]),
            "split with rows too long": split(["a"], [1, 2]),
            "split without rows": split(["a"]),
            "split of nothing": {"dataframe_split": {}},
            "split that is a list": {"dataframe_split": [[1]]},
            "split that is null": {"dataframe_split": None},
            "split with one column twice": split(["a", "a"], [1, 2]),
            "split with numbers as columns": split([0, 1], [1, 2]),
            "split with null": split(["a", "b"], [None, None], [1, "x"]),
            "split with mixed types": split(["a"], [1], ["x"], [None], [2.5], [True], [[1]], [{"k": 1}]),
            "split with data as a dict": {"dataframe_split": {"data": {"a": [1, 2]}}},
            "split with a scalar as data": {"dataframe_split": {"data": 1}},
            "records": {"dataframe_records": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
            "records of other keys": {"dataframe_records": [{"a": 1}, {"b": 2}]},
            "records in another order": {"dataframe_records": [{"a": 1, "b": 2}, {"b": 3, "a": 4}]},
            "records of nothing": {"dataframe_records": []},
            "records of lists": {"dataframe_records": [[1, 2], [3, 4]]},
            "records of scalars": {"dataframe_records": [1, 2]},
            "records of mixed things": {"dataframe_records": [{"a": 1}, [2]]},
            "records that are a dict": {"dataframe_records": {"a": [1]}},
            "records that are a text": {"dataframe_records": "text"},
            "records that are null": {"dataframe_records": None},
            "instances": {"instances": [[1, 2], [3, 4]]},
            "instances of records": {"instances": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
            "instances of unequal records": {"instances": [{"a": 1, "b": 2}, {"a": 3}]},
            "instances of scalars": {"instances": [1, 2.5, True]},
            "instances of texts": {"instances": ["a", "bc"]},
            "instances of nothing": {"instances": []},
            "instances that are a dict": {"instances": {"a": [1, 2], "b": [3, 4]}},
            "instances of unequal lengths": {"instances": {"a": [1, 2], "b": [3]}},
            "instances that are ragged": {"instances": [[1], [2, 3]]},
            "instances that are a scalar": {"instances": 5},
            "instances that are null": {"instances": None},
            "inputs": {"inputs": [[1, 2], [3, 4]]},
            "inputs that are a dict": {"inputs": {"a": [1, 2], "b": ["x", "y"]}},
            "inputs of records": {"inputs": [{"a": 1}, {"a": 2}]},
            "inputs of scalars": {"inputs": [1, "a", None]},
            "inputs that are a text": {"inputs": "text"},
            "inputs that are a number": {"inputs": 2.5},
            "inputs that are null": {"inputs": None},
            "inputs that are true": {"inputs": True},
            "inputs of nothing": {"inputs": []},
            "inputs that are an empty dict": {"inputs": {}},
            "inputs that are ragged": {"inputs": {"a": [[1], [2, 3]]}},
            "deep inputs": {"inputs": [[[[1], [2]], [[3], [4]]]]},
            "a key beside": {"inputs": [1], "signature_name": "serving_default"},
            "another key beside": {"dataframe_split": {"data": [[1]]}, "colour": "red"},
            "large integers": {"inputs": [2**63 - 1, -(2**63)]},
            "larger integers": {"inputs": [2**63, 2**64]},
            "a far larger integer": '{"inputs": [' + "9" * 400 + "]}",
            "an integer too large to read": '{"inputs": [' + "9" * 5000 + "]}",
            "a float too large": '{"inputs": [1e400, -1e400]}',
            "a float too small": '{"inputs": [1e-400, -0.0]}',
            "floats to the last digit": '{"inputs": [0.1, 0.30000000000000004, 1e16, 123456789.123456789]}',
            "nan": '{"dataframe_split": {"columns": ["a"], "data": [[NaN], [Infinity], [-Infinity], [1]]}}',
            "nan among inputs": '{"inputs": [NaN, 1]}',
            "a key twice": '{"inputs": [1], "inputs": [2]}',
            "a column twice in a record": '{"dataframe_records": [{"a": 1, "a": 2}]}',
            "escapes": '{"inputs": ["\\u00e9 \\ud83d\\ude00 \\n \\/"]}',
            "letters beyond ASCII": '{"inputs": ["é 漢 😀"]}',
            "half a surrogate pair": '{"inputs": ["\\ud83d"]}',
            "white space around": ' \n\t{ "inputs" : [ 1 ] }\r\n ',
            "params without a schema": {"inputs": [1], "params": {"a": 1}},
            "params that are null": {"inputs": [1], "params": None},
            "params that are a list": {"inputs": [1], "params": [1]},
            "params that are a text": {"inputs": [1], "params": "text"},
            "a body over the limit": {"inputs": ["x" * 600_000]},
            "a large body": {"inputs": ["x" * 500_000]},
        },
    )


def malformed() -> Iterator[Case]:
    text = '{"inputs": ["é"]}'
    yield from of(
        "bare",
        {
            "nothing": "",
            "white space": "  ",
            "an empty object": "{}",
            "a list": "[[1, 2]]",
            "a number": "1",
            "a text": '"text"',
            "null": "null",
            "true": "true",
            "no form": {"data": [[1]]},
            "two forms": {"inputs": [1], "instances": [1]},
            "three forms": {"inputs": [1], "dataframe_split": {}, "dataframe_records": []},
            "params alone": {"params": {}},
            "an open bracket": '{"inputs": [1',
            "a trailing comma": '{"inputs": [1,]}',
            "single quotes": "{'inputs': [1]}",
            "text after the end": '{"inputs": [1]} x',
            "a comment": '{"inputs": [1]} // x',
            "a control character": '{"inputs": ["\x01"]}',
            "a key without quotes": "{inputs: [1]}",
            "python literals": '{"inputs": [None, True]}',
            "not UTF-8": b'{"inputs": ["\xff"]}',
            "latin-1": text.encode("latin-1"),
            "a byte order mark": text.encode("utf-8-sig"),
            "UTF-16": text.encode("utf-16"),
            "UTF-16, big end first": text.encode("utf-16-be"),
            "UTF-32": text.encode("utf-32"),
            "half of UTF-16": text.encode("utf-16")[:-1],
            "an end that is missing": '{"inputs": ["bystander"',
            "an end that is not UTF-8": b'{"inputs": ["bystander"], "\xff": 1}',
            "a zero byte": b'{"inputs": [1]}\x00',
            "binary": bytes(range(256)),
            "deep brackets": "[" * 100_000,
            "deep brackets that close": '{"inputs": ' + "[" * 5000 + "]" * 5000 + "}",
            "CSV": "a,b\n1,2\n",
        },
    )


def content_types() -> Iterator[Case]:
    body = json.dumps({"inputs": [1]}).encode()
    for content_type in (
        None,
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json ; charset=utf-8 ",
        'application/json; charset="utf-8"',
        "application/json; charset=latin-1",
        "application/json; charset=utf8",
        "application/json; charset=",
        "application/json; charset",
        "application/json; Charset=latin-1",
        "application/json;",
        "application/json; version=2",
        "application/json; charset=utf-8; version=2",
        "application/json; charset=utf-8; charset=latin-1",
        "application/json-numpy-split",
        "Application/JSON",
        "application/vnd.api+json",
        "text/plain",
        "text/json",
        "*/*",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        ";",
        "json",
    ):
        yield Case("bare", f"content type {content_type}", body, content_type)


def wide() -> Iterator[Case]:
    count = 31_700  # a little more than is always decoded
    yield from of("bare", {"CSV: the same column again and again": f"{'x,' * count}x\n{'1,' * count}1\n"}, CSV)
    yield from of("bare", {"CSV: thousands of cells too many": f"x\n{'1,' * 1001}1\n"}, CSV)
    yield from of("bare", {"CSV: a thousand cells too many": f"x\n{'1,' * 1000}1\n"}, CSV)
    yield from of("sentiment", {"the same column again and again": split(["text"] * count, ["fine"] * count)})


def csv() -> Iterator[Case]:
    bodies = {
        "rows": "a,b\n1,x\n2,y\n",
        "quotes": 'a,b\n"1,5","x ""y"" z"\n"line\nfeed",\n',
        "a header alone": "a,b\n",
        "nothing": "",
        "a line feed": "\n",
        "carriage returns": "a,b\r\n1,2\r\n",
        "a missing cell": "a,b\n1\n",
        "a cell too many": "a,b\n1,2,3\n4,5\n",
        "cells too many in a later row": "a,b\n1,2\n1,2,3\n",
        "an open quote": 'a,b\n"1,2\n',
        "missing values": "a,b\nNA,\nnan,None\n",
        "an index": ",a\n0,1\n1,2\n",
        "one column twice": "a,a\n1,2\n",
        "dates": "a,b\n2024-01-02,2024-01-02T03:04:05\n",
        "a byte order mark": "\ufeffa,b\n1,2\n",
        "letters beyond ASCII": "é,b\n漢,😀\n",
        "not UTF-8": b"a,b\n\xff,2\n",
        "a zero byte": "a,b\n1\x00,2\n",
        "semicolons": "a;b\n1;2\n",
        "white space": " a , b \n 1 , 2 \n",
        "JSON": '{"inputs": [1]}',
        "large integers": f"a,b\n{2**63},{2**70}\n",
    }
    yield from of("bare", {f"CSV: {name}": body for name, body in bodies.items()}, CSV)
    yield from of("bare", {"CSV with a charset": "a\n1\n"}, "text/csv; charset=utf-8")
    typed = {
        "all columns": "boolean,integer,long,float,double,string,binary,datetime\ntrue,1,2,1.5,2.5,s,eA==,2024-01-02\n",
        "a word for a number": "boolean,integer,long,float,double,string,binary,datetime\nx,x,x,x,x,s,s,s\n",
        "columns missing": "long,string\n1,x\n",
        "a column too many": "boolean,integer,long,float,double,string,binary,datetime,more\nTrue,1,2,1,2,s,s,2024,1\n",
        "in another order": "string,boolean,datetime,integer,binary,long,float,double\ns,True,2024-01-02,1,s,2,1,2\n",
    }
    yield from of("columns", {f"CSV: {name}": body for name, body in typed.items()}, CSV)
    yield from of("sentiment", {"CSV": "text\nfine great\nbad\n", "CSV of numbers": "text\n1\n2\n"}, CSV)
    yield from of("classifier", {"CSV": "a,b\n1.5,2\n30,1\n", "CSV with words": "a,b\nx,y\n"}, CSV)
    yield from of("regressor", {"CSV": "a,b\n1.5,2\n", "CSV without rows": "a,b\n"}, CSV)
    yield from of("tensor", {"CSV": "0,1\n1,2\n"}, CSV)
    yield from of("hint-texts", {"CSV": "a\nx\n", "CSV of two columns": "a,b\nx,y\n"}, CSV)


def parquet() -> Iterator[Case]:
    frame = pd.DataFrame({"a": [1.5, 2.0], "b": [1, 2]})
    times = pd.DataFrame({"t": pd.to_datetime(["2024-01-02", None]), "s": ["x", None], "l": [[1], [2, 3]]})
    good = written(frame)
    bodies = {
        "rows": good,
        "times, texts and lists": written(times),
        "an index": written(frame.set_index("b")),
        "no rows": written(frame.head(0)),
        "nothing": b"",
        "no parquet": b"PAR1 is how it begins",
        "cut short": good[: len(good) // 2],
        "damaged": good.replace(b"pandas", b"sadnap"),
    }
    yield from of("bare", {f"parquet: {name}": body for name, body in bodies.items()}, PARQUET)
    yield from of("classifier", {"parquet": good, "parquet without a column": written(frame[["a"]])}, PARQUET)
    yield from of("columns", {"parquet": good}, PARQUET)


def written(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def scikit_learn() -> Iterator[Case]:
    bodies = {
        "split": split(["a", "b"], [1.5, 2], [30, 1]),
        "split in another order": split(["b", "a"], [2, 1.5]),
        "records": {"dataframe_records": [{"a": 1.5, "b": 2}, {"b": 1, "a": 30}]},
        "instances": {"instances": [{"a": 1.5, "b": 2}]},
        "inputs": {"inputs": {"a": [1.5, 3], "b": [2, 1]}},
        "inputs as rows": {"inputs": [[1.5, 2]]},
        "integers for doubles": split(["a", "b"], [1, 2]),
        "floats for longs": split(["a", "b"], [1.5, 2.0]),
        "broken floats for longs": split(["a", "b"], [1.5, 2.5]),
        "numbers as texts": split(["a", "b"], ["1.5", "2"]),
        "words": split(["a", "b"], ["x", "confidential"]),
        "a word": split(["a", "b", "c"], [1.5, 2, "bystander"], ["word", 2, "bystander"]),
        "a column missing and words": split(["a", "c"], [1.5, "bystander"]),
        "null": split(["a", "b"], [None, 2]),
        "null for a long": split(["a", "b"], [1.5, None]),
        "booleans": split(["a", "b"], [True, False]),
        "a column missing": split(["a"], [1.5]),
        "a column too many": split(["a", "b", "c"], [1.5, 2, 3]),
        "no columns": {"dataframe_split": {"data": [[1.5, 2]]}},
        "no rows": split(["a", "b"]),
        "nan": '{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, 1]]}}',
        "params": {**split(["a", "b"], [1.5, 2]), "params": {"a": 1}},
        "a large integer": split(["a", "b"], [1.5, 2**63]),
    }
    for model in ("classifier", "probabilities", "regressor"):
        yield from of(model, bodies)
    texts = {
        "split": split(["text"], ["fine great"], ["poor"]),
        "records": {"dataframe_records": [{"text": "bad"}]},
        "instances": {"instances": ["fine", "awful"]},
        "inputs": {"inputs": ["fine"]},
        "one input": {"inputs": "fine"},
        "inputs by name": {"inputs": {"text": ["fine", "bad"]}},
        "no columns": {"dataframe_split": {"data": [["fine"]]}},
        "another column": split(["words"], ["bystander"]),
        "a number": split(["text"], [1]),
        "numbers and texts": split(["text"], [1], ["fine"]),
        "null": split(["text"], [None]),
        "letters beyond ASCII": split(["text"], ["é 漢 😀"]),
        "a list": split(["text"], [["fine"]]),
        "an object": split(["text"], [{"a": "fine"}]),
    }
    yield from of("sentiment", texts)


def column_types() -> Iterator[Case]:
    """Every kind of value for a column of every type."""
    values = {
        "true": True,
        "one": 1,
        "a negative": -3,
        "past 32 bits": 2**31,
        "past 64 bits": 2**63,
        "a whole float": 2.0,
        "a broken float": 2.5,
        "a text": "text",
        "a number as text": "12",
        "base64": base64.b64encode(b"\x00\xffbytes").decode(),
        "a date": "2024-01-02",
        "a time": "2024-01-02T03:04:05.678901+02:00",
        "null": None,
        "a list": [1, 2],
        "an object": {"k": 1},
    }
    for name in ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime"):
        yield from of(f"column-{name}", {value: split(["x"], [values[value]]) for value in values})
    for name in ("boolean", "long", "double", "string", "binary", "datetime"):
        for value in ("true", "a whole float", "a text", "a date", "null"):
            yield from of(f"column-{name}", {f"input: {value}": {"inputs": [values[value]]}})
    yield from of(
        "column-datetime", {"two zones": split(["x"], ["2024-01-02T03:04:05+02:00"], ["2024-01-02T03:04:05Z"])}
    )


def columns() -> Iterator[Case]:
    row = {
        "boolean": True,
        "integer": 1,
        "long": 2,
        "float": 0.1,
        "double": 0.1,
        "string": "s",
        "binary": base64.b64encode(b"bytes").decode(),
        "datetime": "2024-01-02T03:04:05",
    }
    optional = {"long?": 3, "double?": 1.5, "string?": "t", "datetime?": "2024-01-02"}
    yield from of(
        "columns",
        {
            "all required": {"dataframe_records": [row]},
            "all": {"dataframe_records": [row | optional]},
            "some optional": {"dataframe_records": [row | {"long?": 3}, row]},
            "optional ones null": {"dataframe_records": [row | dict.fromkeys(optional)]},
            "a column too many": {"dataframe_records": [row | {"more": 1}]},
            "columns missing": {"dataframe_records": [{"long": 2}]},
            "nulls": {"dataframe_records": [dict.fromkeys(row)]},
            "inputs": {"inputs": {name: [value] for name, value in row.items()}},
            "inputs of scalars": {"inputs": row},
            "inputs of records": {"inputs": [row]},
            "instances": {"instances": [row, row]},
            "instances with optional ones": {"instances": [row | optional]},
            "no columns": {"dataframe_split": {"data": [list(row.values())]}},
            "a wrong type": {"dataframe_records": [row | {"long": "confidential", "string": "bystander"}]},
        },
    )
    yield from of(
        "optional",
        {
            "both": split(["x", "y"], [1.5, "a"]),
            "one": split(["y"], ["a"]),
            "the other": split(["x"], [1.5]),
            "null": split(["x", "y"], [None, "a"]),
            "inputs": {"inputs": {"y": ["a"]}},
            "inputs of unequal lengths": {"inputs": {"x": [1.5, 2.5], "y": ["a"]}},
            "instances of unequal lengths": {"instances": {"x": [1.5, 2.5], "y": ["a"]}},
        },
    )
    yield from of(
        "unnamed-columns",
        {
            "split": split(["p", "q"], [1, "a"]),
            "no columns": {"dataframe_split": {"data": [[1, "a"]]}},
            "too few": {"dataframe_split": {"data": [[1]]}},
            "too many": {"dataframe_split": {"data": [[1, "a", 2]]}},
            "inputs": {"inputs": [[1, "a"]]},
            "inputs by name": {"inputs": {"a": 1}},
        },
    )
    yield from of(
        "unnamed-column",
        {
            "inputs": {"inputs": [1, 2]},
            "one input": {"inputs": 1},
            "a float": {"inputs": [1.5]},
            "a text": {"inputs": "text"},
            "instances": {"instances": [1, 2]},
            "inputs by name": {"inputs": {"a": [1]}},
            "split": {"dataframe_split": {"data": [[1], [2]]}},
        },
    )


def nested() -> Iterator[Case]:
    row = {"numbers": [1, 2], "thing": {"name": "n", "size": 1}, "groups": {"g": ["a"]}, "anything": [1, {"k": None}]}
    yield from of(
        "nested",
        {
            "records": {"dataframe_records": [row]},
            "without the optional": {"dataframe_records": [{"numbers": [], "thing": {"name": "n"}}]},
            "a list of texts": {"dataframe_records": [row | {"numbers": ["confidential"], "anything": "bystander"}]},
            "no list": {"dataframe_records": [row | {"numbers": 1}]},
            "a field missing": {"dataframe_records": [row | {"thing": {"size": 1.5}}]},
            "a field too many": {"dataframe_records": [row | {"thing": {"name": "n", "more": "confidential"}}]},
            "a wrong field": {"dataframe_records": [row | {"thing": {"name": 1}}]},
            "no object": {"dataframe_records": [row | {"thing": "confidential"}]},
            "null": {"dataframe_records": [row | {"groups": None, "anything": None}]},
            "required null": {"dataframe_records": [row | {"thing": None}]},
            "a wrong map": {"dataframe_records": [row | {"groups": {"g": "a"}}]},
            "no map": {"dataframe_records": [row | {"groups": ["confidential"]}]},
            "anything": {"dataframe_records": [row | {"anything": 1}]},
            "inputs": {"inputs": [row]},
            "inputs by name": {"inputs": {name: [value] for name, value in row.items()}},
            "one input": {"inputs": row},
            "instances": {"instances": [row]},
        },
    )


def tensors() -> Iterator[Case]:
    yield from of(
        "tensor",
        {
            "inputs": {"inputs": [[1, 2], [3.5, 4]]},
            "instances": {"instances": [[1, 2]]},
            "split": {"dataframe_split": {"data": [[1, 2]]}},
            "records": {"dataframe_records": [{"a": 1, "b": 2}]},
            "another shape": {"inputs": [[1, 2, 3]]},
            "a flat list": {"inputs": [1, 2]},
            "ragged": {"inputs": [[1, 2], [3]]},
            "texts": {"inputs": [["confidential", "b"]]},
            "by name": {"inputs": {"a": [[1, 2]]}},
            "a scalar": {"inputs": 1},
            "nothing": {"inputs": []},
            "null": {"inputs": [[None, 1]]},
            "nan": '{"inputs": [[NaN, Infinity]]}',
        },
    )
    yield from of(
        "tensor-3d",
        {
            "inputs": {"inputs": [[[1, 2], [3, 4]]]},
            "floats": {"inputs": [[[1.5, 2], [3, 4]]]},
            "another shape": {"inputs": [[[1, 2]]]},
            "instances": {"instances": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]},
            "split": {"dataframe_split": {"data": [[1, 2, 3, 4]]}},
        },
    )
    yield from of(
        "tensors",
        {
            "inputs": {"inputs": {"a": [[1, 2]], "b": [1]}},
            "instances": {"instances": [{"a": [1, 2], "b": 1}, {"a": [3, 4], "b": 2}]},
            "one missing": {"inputs": {"a": [[1, 2]]}},
            "one too many": {"inputs": {"a": [[1, 2]], "b": [1], "c": [1]}},
            "another shape": {"inputs": {"a": [[1]], "b": [1]}},
            "unequal lengths": {"inputs": {"a": [[1, 2], [3, 4]], "b": [1]}},
            "unequal instances": {"instances": {"a": [[1, 2], [3, 4]], "b": [1]}},
            "floats for integers": {"inputs": {"a": [[1, 2]], "b": [1.5]}},
            "split": split(["a", "b"], [[1, 2], 1]),
            "records": {"dataframe_records": [{"a": [1, 2], "b": 1}]},
            "a list": {"inputs": [[1, 2]]},
        },
    )
    yield from of(
        "tensor-of-texts", {"inputs": {"inputs": ["a", "é"]}, "numbers": {"inputs": [1]}, "a text": {"inputs": "a"}}
    )


def params() -> Iterator[Case]:
    body = split(["text"], ["x"])
    given: dict[str, Any] = {
        "none": {},
        "null": None,
        "all": {
            "boolean": False,
            "integer": 3,
            "long": 4,
            "float": 2.5,
            "double": 3,
            "string": "t",
            "datetime": "2024-05-06T07:08:09",
            "list": [5],
            "maybe": "m",
        },
        "unknown": {"unknown": 1, "string": "t"},
        "a text for a boolean": {"boolean": "true"},
        "a number for a boolean": {"boolean": 1},
        "a text for an integer": {"integer": "3"},
        "a float for an integer": {"integer": 2.5},
        "a whole float for a long": {"long": 2.0},
        "a long for an integer": {"integer": 2**40},
        "an integer for a float": {"float": 3},
        "a text for a double": {"double": "confidential"},
        "a number for a text": {"string": 3},
        "null for a text": {"string": None},
        "null for maybe": {"maybe": None},
        "no date": {"datetime": "confidential"},
        "a number for a date": {"datetime": 3},
        "no list": {"list": 3},
        "a list of texts": {"list": ["3"]},
        "an empty list": {"list": []},
        "a list for a text": {"string": ["t"]},
        "an object for a text": {"string": {"a": 1}},
        "a list": ["string"],
        "a text": "string",
        "a number": 3,
        "an empty list alone": [],
    }
    yield from of("params", {f"params: {name}": {**body, "params": value} for name, value in given.items()})
    yield from of(
        "params", {"no params": body, "params of an LLM": {"prompt": "x", "string": "t", "long": 7, "more": 1}}
    )
    yield from of("params", {"params of an LLM of a wrong type": {"prompt": "x", "string": 3}})
    yield from of("without-params", {"params": {**body, "params": {"string": "t"}}, "no params": body})
    yield from of("without-params", {"wrong params": {**body, "params": {"string": 3}}})


def hints() -> Iterator[Case]:
    yield from of(
        "hint-texts",
        {
            "inputs": {"inputs": ["a", "b"]},
            "numbers": {"inputs": [1, "confidential"]},
            "a text": {"inputs": "a"},
            "an object": {"inputs": {"a": "b"}},
            "null": {"inputs": None},
            "nothing": {"inputs": []},
            "split": split(["a"], ["x"]),
            "instances": {"instances": ["a"]},
            "inputs and split": {"inputs": ["a"], **split(["a"], ["x"])},
            "no form": {"data": []},
            "params": {"inputs": ["a"], "params": {"p": 1}},
            "LLM": {"input": ["a"]},
            "prompt": {"prompt": "a"},
        },
    )
    yield from of(
        "hint-objects",
        {
            "inputs": {"inputs": [{"item": "a", "count": 2, "price": 1.5}]},
            "defaults": {"inputs": [{"item": "a"}]},
            "a field missing": {"inputs": [{"count": 1}]},
            "a field too many": {"inputs": [{"item": "a", "colour": "confidential"}]},
            "a wrong field": {"inputs": [{"item": "a", "count": "confidential"}]},
            "a number as text": {"inputs": [{"item": "a", "count": "3"}]},
            "one": {"inputs": {"item": "a"}},
            "a text": {"inputs": ["confidential"]},
            "split": split(["item"], ["a"]),
        },
    )
    yield from of(
        "hint-dicts",
        {
            "inputs": {"inputs": [{"a": [1.5, 2.5]}, {}]},
            "integers": {"inputs": [{"a": [1]}]},
            "texts": {"inputs": [{"a": ["confidential"]}]},
            "no lists": {"inputs": [{"a": 1.5}]},
        },
    )


RESULTS = (
    "none", "text", "surrogate", "integer", "large integer", "float", "whole float", "boolean", "list", "tuple", "dict",
    "dict of ndarrays", "integer keys", "numpy keys", "tuple keys", "nested", "empty list", "empty dict", "series",
    "nameless series", "series with an index", "data frame", "data frame of datetimes", "data frame of categories",
    "data frame of nullable integers", "data frame of lists", "empty data frame", "double columns", "ndarray",
    "2-d ndarray", "3-d ndarray", "0-d ndarray", "float32 ndarray", "ndarray of texts", "ndarray of bytes",
    "nested ndarray of bytes", "ndarray of objects", "nested ndarray of objects", "ndarray of datetimes",
    "nested ndarray of datetimes", "ndarray of nanoseconds", "complex ndarray", "numpy integer", "numpy float",
    "numpy boolean", "numpy text", "numpy datetime", "numpy nanoseconds", "bytes", "bytearray", "timestamp",
    "no timestamp", "datetime", "date", "pydantic model", "list of pydantic models", "nan", "nan alone",
    "nan in a data frame", "nan in an ndarray", "nan in an object", "nan as a key", "set", "decimal", "dataclass",
    "missing", "timedelta", "function", "iterator", "circular",
)  # fmt: skip


def results() -> Iterator[Case]:
    """Every type of result, and some of them as the answer to a request in the shape of LLM APIs."""
    yield from of("returning", {f"result: {name}": split(["what"], [name]) for name in RESULTS})
    for name in ("text", "dict", "none", "data frame", "nan", "set", "2-d ndarray", "pydantic model"):
        yield from of("returning", {f"LLM result: {name}": {"prompt": name}})


def failures() -> Iterator[Case]:
    codes = (
        "INTERNAL_ERROR", "BAD_REQUEST", "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "PERMISSION_DENIED",
        "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "NOT_IMPLEMENTED", "CANCELLED", "ABORTED", "RESOURCE_CONFLICT",
        "ALREADY_EXISTS", "RESOURCE_ALREADY_EXISTS", "NOT_FOUND", "ENDPOINT_NOT_FOUND", "DATA_LOSS", "INVALID_STATE",
        "MAX_LIST_SIZE_EXCEEDED", "QUOTA_EXCEEDED",
    )  # fmt: skip
    what = [
        *(f"mlflow:{code}" for code in codes),
        "mlflow number:123456",
        "mlflow fields:",
        "rest:NOT_FOUND",
        "rest:404",
        "rest:unknown",
        "builtin:KeyError",
        "builtin:ValueError",
        "builtin:MemoryError",
        "recursion:",
        "rude:",
        "path:",
        "long:",
        "not JSON:",
    ]
    yield from of("raising", {each: split(["what"], [each]) for each in what})


def llm() -> Iterator[Case]:
    message = {"role": "user", "content": "good morning"}
    bodies = {
        "messages": {"messages": [message]},
        "messages and more": {"messages": [message], "temperature": 0.5, "max_tokens": 7},
        "messages that are none": {"messages": "text"},
        "no messages": {"messages": []},
        "messages with a wrong field": {"messages": [message], "temperature": "confidential"},
        "a message without a role": {"messages": [{"content": "x"}]},
        "prompt": {"prompt": "x"},
        "split": {"dataframe_split": {"columns": ["messages"], "data": [[[message]]]}},
        "inputs": {"inputs": {"messages": [message]}},
        "stream": {"messages": [message], "stream": False},
    }
    yield from of("chatting", bodies)
    yield from of("speaking", {"stream": {"prompt": "one two", "stream": True}, "no stream": {"prompt": "one two"}})
    for model, key in (("responding", "input"), ("agreeing", "messages")):
        yield from of(
            model,
            {
                "one message": {key: [message]},
                "messages": {key: [message, {"role": "assistant", "content": "yes"}, message]},
                "a text": {key: "good morning"},
                "nothing": {key: []},
                "null": {key: None},
                "a message without a role": {key: [{"content": "x"}]},
                "of a wrong type": {key: [{"role": "user", "content": 1}]},
                "more": {key: [message], "custom_inputs": {"a": [1]}, "temperature": 0.5, "context": {"user_id": "u"}},
                "more of a wrong type": {
                    key: [message],
                    "custom_inputs": "confidential",
                    "temperature": "confidential",
                },
                "what nobody knows": {key: [message], "colour": "red"},
                "another shape": {"prompt": "x"},
                "inputs": {"inputs": {key: [message]}},
                "records": {"dataframe_records": [{key: [message]}]},
                "split": split([key], [[message]]),
            },
        )
    yield from of(
        "bare",
        {
            **{f"LLM: {name}": body for name, body in bodies.items()},
            "LLM: input": {"input": ["a", "b"]},
            "LLM: input and a form": {"input": "a", "inputs": [1]},
            "LLM: params": {"input": "a", "params": {"b": 1}},
            "LLM: null": {"input": None},
        },
    )
    yield from of("columns", {"LLM: prompt": {"prompt": "x"}})
    yield from of("classifier", {"LLM: prompt": {"prompt": "x"}, "LLM: columns beside": {"input": 1, "a": 1.5, "b": 2}})
    yield from of("sentiment", {"LLM: input": {"input": "fine", "text": "fine"}})
