"""Models and requests that are drawn by lot, so that answers are compared that nobody has thought of.

All that is drawn depends on the seed alone: the process that saves the models and the one that asks them draw the same.
"""

from __future__ import annotations

import base64
import io
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.append(str(Path(__file__).parent))

from cases import CSV, JSON, PARQUET, Case

MODELS = 8
"""How many signatures are drawn."""

HINTS = (
    "list[str]",
    "list[int]",
    "list[float]",
    "list[bool]",
    "list[bytes]",
    "list[datetime.datetime]",
    "list[list[str]]",
    "list[dict[str, int]]",
    "list[dict[str, list[float]]]",
    "list[Any]",
    "list[str | int]",
    "list[Item]",
    "str",
    "dict[str, str]",
    "pd.DataFrame",
    "np.ndarray",
)
"""What models that are written with a type hint take."""

SCALARS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
DTYPES = ("float32", "float64", "int8", "int32", "int64", "uint8", "bool", "str", "object", "datetime64[ns]", "float16")
NAMES = ("a", "b", "c", "x y", "é", "", "0", "input", "prompt", "params", "漢", "A", "index", "a.b", "'q'", '"')
TEXTS = (
    "",
    "a",
    "Ab c",
    "1",
    "1.5",
    "true",
    "None",
    "nan",
    "2024-01-02",
    "é漢😀",
    "\ud83d",
    "\x00",
    'a,b\n"c"\'',
    "eA==",
)
NUMBERS = (
    0, 1, -1, 2, 7, 127, 128, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30,
    0.0, -0.0, 0.5, 1.0, 2.5, 1e-9, 0.1, 1e16, 1e22, 1e300, 3.4e39, 5e-324, float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
TIMES = (
    "2024-01-02", "2024-01-02T03:04:05", "2024-01-02 03:04:05.678901234", "2024-01-02T03:04:05+02:00", "01/02/2024",
    "13/02/2024", "2024", "1600-01-01", "9999-12-31", "20240102", "12:30",
)  # fmt: skip

Draw = random.Random
Type = dict[str, Any]


# Signatures, in the JSON that MLflow writes into a model.


def signatures(seed: int) -> dict[str, dict[str, Any]]:
    """By the model's name, its signature: ``inputs`` and ``params``."""
    draw = random.Random(f"signatures {seed}")
    return {f"drawn-{number}": _signature(draw) for number in range(MODELS)}


def _signature(draw: Draw) -> dict[str, Any]:
    inputs = _tensors(draw) if draw.random() < 0.3 else _columns(draw)
    params = [_param(draw, name) for name in draw.sample(NAMES, draw.choice((0, 0, 1, 3)))]
    return {"inputs": inputs, "params": params}


def _columns(draw: Draw) -> list[Type]:
    names = draw.sample(NAMES, draw.randint(1, 5))
    if draw.random() < 0.15:
        return [_type(draw) | {"required": True} for _ in names]
    columns = [_type(draw) | {"name": name, "required": draw.random() < 0.7} for name in names]
    # MLflow wants one column that is required.
    columns[0]["required"] = True
    return columns


def _type(draw: Draw, depth: int = 0) -> Type:
    if depth > 2 or draw.random() < 0.7:
        return {"type": draw.choice(SCALARS)}
    match draw.choice(("array", "object", "map", "any")):
        case "array":
            return {"type": "array", "items": _type(draw, depth + 1)}
        case "map":
            return {"type": "map", "values": _type(draw, depth + 1)}
        case "object":
            fields = draw.sample(("k", "l", "é"), draw.randint(1, 3))
            return {
                "type": "object",
                "properties": {name: _type(draw, depth + 1) | {"required": draw.random() < 0.6} for name in fields},
            }
    return {"type": "any"} if depth == 0 else {"type": "string"}


def _tensors(draw: Draw) -> list[Type]:
    def tensor(**name: str) -> Type:
        shape = [-1, *(draw.choice((1, 2, 3, -1)) for _ in range(draw.randint(0, 2)))]
        return {"type": "tensor", "tensor-spec": {"dtype": draw.choice(DTYPES), "shape": shape}, **name}

    if draw.random() < 0.5:
        return [tensor()]
    return [tensor(name=name) for name in draw.sample(NAMES, draw.randint(1, 3))]


def _param(draw: Draw, name: str) -> Type:
    kind = draw.choice([scalar for scalar in SCALARS if scalar != "binary"])
    default = {
        "boolean": True,
        "integer": 3,
        "long": 4,
        "float": 0.5,
        "double": 1.5,
        "string": "s",
        "datetime": "2024-01-02T00:00:00",
    }[kind]
    if draw.random() < 0.3:
        return {"name": name, "type": kind, "default": [default], "shape": [-1]}
    return {"name": name, "type": kind, "default": default, "shape": None}


# Values, most of which fit.


def anything(draw: Draw, depth: int = 0) -> Any:
    """Any JSON."""
    if depth < 3 and draw.random() < 0.3:
        if draw.random() < 0.5:
            return [anything(draw, depth + 1) for _ in range(draw.randint(0, 3))]
        return {draw.choice(NAMES): anything(draw, depth + 1) for _ in range(draw.randint(0, 3))}
    return draw.choice((draw.choice(TEXTS), draw.choice(NUMBERS), draw.choice(TIMES), None, True, False))


def fitting(draw: Draw, kind: Type, wrong: float) -> Any:
    """A value of a type of a signature; with the chance ``wrong``, something else."""
    if draw.random() < wrong:
        return anything(draw)
    match kind["type"]:
        case "boolean":
            return draw.random() < 0.5
        case "integer":
            return draw.randint(-5, 5)
        case "long":
            return draw.choice((draw.randint(-5, 5), draw.randint(-(2**62), 2**62)))
        case "float" | "double":
            return draw.choice((draw.uniform(-9, 9), draw.randint(-5, 5), 0.1))
        case "string":
            return draw.choice(TEXTS)
        case "binary":
            return base64.b64encode(draw.randbytes(draw.randint(0, 9))).decode()
        case "datetime":
            return draw.choice(TIMES[:4])
        case "array":
            return [fitting(draw, kind["items"], wrong) for _ in range(draw.randint(0, 3))]
        case "map":
            return {draw.choice(NAMES): fitting(draw, kind["values"], wrong) for _ in range(draw.randint(0, 3))}
        case "object":
            fields = {
                name: fitting(draw, field, wrong)
                for name, field in kind["properties"].items()
                if field["required"] or draw.random() < 0.5
            }
            return fields | ({"more": anything(draw)} if draw.random() < wrong else {})
        case "tensor":
            return _array(draw, kind["tensor-spec"], wrong)
    return anything(draw)


def _array(draw: Draw, spec: dict[str, Any], wrong: float) -> Any:
    size = draw.randint(1, 3)
    shape = [size if length == -1 or draw.random() < wrong / 2 else length for length in spec["shape"]]

    def cell() -> Any:
        if draw.random() < wrong / 2:
            return anything(draw, 2)
        match spec["dtype"]:
            case "bool":
                return draw.random() < 0.5
            case "str" | "object":
                return draw.choice(TEXTS)
            case "datetime64[ns]":
                return draw.choice(TIMES[:3])
            case dtype if "int" in dtype:
                return draw.randint(0, 9)
        return draw.uniform(-9, 9)

    def fill(lengths: list[int]) -> Any:
        return [fill(lengths[1:]) for _ in range(lengths[0])] if lengths else cell()

    return fill(shape)


# Requests.


def requests_for(name: str, signature: dict[str, Any] | None, draw: Draw, count: int) -> list[Case]:
    """Requests to a model that tells what arrived."""
    writers: list[tuple[float, Callable[[], tuple[bytes, str | None]]]] = [
        (0.78, lambda: (_bytes(draw, _json(draw, signature)), JSON)),
        (0.12, lambda: (_csv(draw, signature), CSV)),
        (0.06, lambda: (_parquet(draw, signature), PARQUET)),
        (0.04, lambda: (_bytes(draw, _json(draw, signature)), _content_type(draw))),
    ]
    weights, choices = zip(*writers, strict=True)
    return [Case(name, f"drawn {number}", *draw.choices(choices, weights)[0]()) for number in range(count)]


def _json(draw: Draw, signature: dict[str, Any] | None) -> Any:
    wrong = draw.choice((0, 0, 0.05, 0.3))
    if draw.random() < 0.04:
        return anything(draw)
    inputs = signature["inputs"] if signature else _columns(draw)
    forms = ["dataframe_split", "dataframe_records", "instances", "inputs", "llm"]
    body: dict[str, Any] = {}
    for form in draw.sample(forms, 1 if draw.random() < 0.95 else 2):
        body |= _form(draw, form, inputs, wrong)
    params = signature["params"] if signature else []
    if draw.random() < 0.4:
        given = {param["name"]: _param_value(draw, param, wrong) for param in params if draw.random() < 0.7}
        if draw.random() < 0.2:
            given[draw.choice(NAMES)] = anything(draw)
        body["params"] = given if draw.random() > wrong else anything(draw)
    if draw.random() < wrong / 2:
        body[draw.choice(("signature_name", "stream", "colour", "data"))] = anything(draw)
    return body


def _param_value(draw: Draw, param: Type, wrong: float) -> Any:
    value = fitting(draw, {"type": param["type"]}, wrong)
    return [value] if param["shape"] and draw.random() > wrong else value


def _form(draw: Draw, form: str, inputs: list[Type], wrong: float) -> dict[str, Any]:
    rows = draw.choice((0, 1, 1, 1, 2, 3))
    present = [kind for kind in inputs if kind.get("required", True) or draw.random() < 0.5]
    if draw.random() < wrong and present:
        present.remove(draw.choice(present))
    if draw.random() < wrong:
        present.append({"type": "string", "name": draw.choice(NAMES)})
    if draw.random() < 0.3:
        draw.shuffle(present)
    names = [kind.get("name", number) for number, kind in enumerate(present)]

    def cell(kind: Type) -> Any:
        if kind["type"] == "tensor" and draw.random() > wrong:
            inner = kind["tensor-spec"] | {"shape": kind["tensor-spec"]["shape"][1:]}
            return _array(draw, inner, wrong)
        return fitting(draw, kind, wrong)

    def row() -> list[Any]:
        cells = [cell(kind) for kind in present]
        return cells[: draw.randint(0, len(cells))] if draw.random() < wrong / 3 else cells

    def record() -> dict[str, Any]:
        record = dict(zip(map(str, names), row(), strict=False))
        return dict(draw.sample(list(record.items()), len(record))) if draw.random() < 0.2 else record

    match form:
        case "dataframe_split":
            data: dict[str, Any] = {"columns": names, "data": [row() for _ in range(rows)]}
            if draw.random() < 0.2:
                data["index"] = [draw.choice((number, draw.choice(TEXTS))) for number in range(rows)]
            if draw.random() < 0.2:
                del data["columns"]
            if draw.random() < wrong / 3:
                data[draw.choice(("name", "data", "columns"))] = anything(draw)
            return {form: data}
        case "dataframe_records":
            return {form: [record() for _ in range(rows)]}
        case "llm":
            key = draw.choice(("messages", "prompt", "input"))
            return {key: anything(draw), **record()}
    # The forms of TensorFlow.
    match draw.randint(0, 4):
        case 0 if len(present) == 1 or draw.random() < wrong:
            kind = present[0] if present else {"type": "string"}
            if kind["type"] == "tensor":
                return {form: fitting(draw, kind, wrong)}
            return {form: draw.choice((fitting(draw, kind, wrong), [fitting(draw, kind, wrong) for _ in range(rows)]))}
        case 1:
            return {form: [row() for _ in range(rows)]}
        case 2:
            return {form: [record() for _ in range(rows)]}
        case 3:
            return {form: record()}
    columns = [
        fitting(draw, kind, wrong) if kind["type"] == "tensor" else [fitting(draw, kind, wrong) for _ in range(rows)]
        for kind in present
    ]
    return {form: dict(zip(map(str, names), columns, strict=True))}


def _bytes(draw: Draw, value: Any) -> bytes:
    """The JSON, as clients might write it, and now and then broken."""
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=draw.choice((None, None, 1)))
    body = text.encode("utf-8", "surrogatepass")
    match draw.randint(0, 60):
        case 0:
            return body[: draw.randint(0, len(body))]
        case 1:
            return b"\xef\xbb\xbf" + body
        case 2:
            return text.encode(draw.choice(("utf-16", "utf-16-le", "utf-32", "latin-1")), "replace")
        case 3:
            place = draw.randint(0, len(body))
            return body[:place] + draw.randbytes(1) + body[place:]
        case 4 if body.startswith(b"{") and len(body) > 2:
            # Every key twice, the first time with another value.
            return b"{" + json.dumps(anything(draw)).encode().join([b'"inputs": ', b", "]) + body[1:]
        case 5:
            return body + draw.choice((b"\n", b" x", b"\x00", b"{}", b","))
    return body


def _csv(draw: Draw, signature: dict[str, Any] | None) -> bytes:
    inputs = signature["inputs"] if signature else _columns(draw)
    names = [str(kind.get("name", number)) for number, kind in enumerate(inputs)]
    if draw.random() < 0.3:
        names[draw.randrange(len(names))] = draw.choice(NAMES)
    wrong = draw.choice((0, 0, 0.2))

    def cell(kind: Type) -> str:
        value = fitting(draw, kind, wrong)
        text = value if isinstance(value, str) else json.dumps(value)
        quoted = '"' + text.replace('"', '""') + '"'
        return quoted if any(mark in text for mark in ',"\n') and draw.random() > wrong else text

    def line() -> list[str]:
        cells = [cell(kind) for kind in inputs]
        if draw.random() < 0.1:
            return cells[: draw.randint(0, len(cells))]
        return cells + (["more"] if draw.random() < 0.05 else [])

    rows = [names, *(line() for _ in range(draw.randint(0, 3)))]
    end = draw.choice(("\n", "\n", "\r\n", "\r"))
    text = end.join(draw.choice((",", ",", ",", ";", ", ")).join(row) for row in rows) + draw.choice((end, "", end * 2))
    body = text.encode("utf-8", draw.choice(("replace", "surrogatepass")))
    return draw.choice((b"", b"", b"", b"", b"\xef\xbb\xbf", b"\n")) + body


def _parquet(draw: Draw, signature: dict[str, Any] | None) -> bytes:
    inputs = signature["inputs"] if signature else _columns(draw)
    size = draw.randint(0, 3)
    columns = {
        str(kind.get("name", number)): [fitting(draw, kind, 0) for _ in range(size)]
        for number, kind in enumerate(inputs)
    }
    buffer = io.BytesIO()
    try:
        pd.DataFrame(columns).to_parquet(buffer)
    except Exception:
        return draw.randbytes(30)
    body = buffer.getvalue()
    if draw.random() < 0.2:
        place = draw.randrange(len(body))
        return body[:place] + draw.randbytes(1) + body[place + draw.randint(0, 2) :]
    return body


def _content_type(draw: Draw) -> str | None:
    parts = [draw.choice((JSON, CSV, PARQUET, "text/plain", "Application/json", "application/json ", ""))]
    parts += draw.choices(("charset=utf-8", "charset=UTF-8", "Charset=x", " charset=latin-1", "a=b", "", "=", "q"), k=2)
    return draw.choice((None, ";".join(parts), ";".join(parts[:2]), f"{JSON};charset=utf-8"))


# Type hints.


def hinted(hint: str, draw: Draw, count: int) -> list[Case]:
    """Requests to a model with a type hint; what fits is drawn often, and what fits another hint now and then."""
    name = hint_model(hint)
    found = []
    for number in range(count):
        one = [_for_hint(draw, hint if draw.random() < 0.8 else draw.choice(HINTS)) for _ in range(draw.randint(0, 3))]
        value = one if draw.random() < 0.9 else anything(draw)
        if not hint.startswith("list") and draw.random() < 0.7:
            value = one[0] if one else None
        body: Any = {"inputs": value}
        if draw.random() < 0.1:
            body = {draw.choice(("instances", "dataframe_records", "input", "prompt")): value}
        if draw.random() < 0.1:
            body["params"] = anything(draw)
        found.append(Case(name, f"drawn {number}", _bytes(draw, body)))
    return found


def hint_model(hint: str) -> str:
    return f"hinted-{HINTS.index(hint)}"


def _for_hint(draw: Draw, hint: str) -> Any:
    texts, numbers = list(TEXTS), list(NUMBERS)
    match hint:
        case "list[str]" | "str" | "list[str | int]":
            return draw.choice([*texts, 1, None])
        case "list[int]" | "list[float]":
            return draw.choice(numbers)
        case "list[bool]":
            return draw.choice((True, False, 0, 1, "true"))
        case "list[bytes]":
            return draw.choice(("eA==", "x", "é"))
        case "list[datetime.datetime]":
            return draw.choice(TIMES)
        case "list[list[str]]":
            return draw.sample(texts, 2)
        case "list[dict[str, int]]" | "dict[str, str]":
            return {draw.choice(NAMES): draw.choice([*numbers, "x"]) for _ in range(2)}
        case "list[dict[str, list[float]]]":
            return {draw.choice(NAMES): draw.sample(numbers, 2)}
        case "list[Item]":
            item = {"name": "n", "count": 1, "tags": ["t"], "when": "2024-01-02", "inner": {"x": 1.5}, "either": "e"}
            for field in draw.sample(sorted(item), draw.randint(0, 4)):
                if draw.random() < 0.5:
                    del item[field]
                else:
                    item[field] = anything(draw, 2)
            return item
    return anything(draw)


# Results: what a model is to return, as a recipe.


def results(draw: Draw, count: int) -> list[Case]:
    """Requests that tell a model what to return."""
    found = []
    for number in range(count):
        recipe = json.dumps(_recipe(draw))
        whole = {"prompt": recipe} if draw.random() < 0.4 else {"dataframe_records": [{"recipe": recipe}]}
        found.append(Case("building", f"drawn {number}", json.dumps(whole).encode()))
    return found


def _recipe(draw: Draw, depth: int = 0) -> list[Any]:
    kinds = [
        "json", "array", "object array", "scalar", "times", "bytes", "texts", "byte array", "series", "frame", "stamp",
        "date", "model", "odd", "numpy text",
    ]  # fmt: skip
    if depth < 3:
        kinds += ["list", "dict", "tuple", "list", "dict"]
    number = draw.choice([n for n in NUMBERS if isinstance(n, float)])
    match draw.choice(kinds):
        case "json":
            return ["json", anything(draw)]
        case "array" | "scalar" as kind:
            dtype = draw.choice(("float64", "float32", "float16", "int8", "uint64", "int64", "bool", "complex128"))
            shape = draw.choice(((2,), (1, 2), (2, 1, 1), (0,), (), (0, 2)))
            values = [draw.choice((0, 1, 2.5, number, -3)) for _ in range(2)]
            return [kind, dtype, list(shape), values]
        case "times":
            dtype = f"datetime64[{draw.choice(('ns', 'us', 's', 'D', 'M'))}]"
            return ["times", dtype, [draw.choice(("2024-01-02T03:04:05.678", "1969-12-31", "NaT")) for _ in range(2)]]
        case "bytes":
            return ["bytes", base64.b64encode(draw.randbytes(draw.randint(0, 80))).decode()]
        case "texts" | "byte array" | "numpy text" as kind:
            return [kind, draw.sample(["a", "bc", "é", "", "😀"], 2)]
        case "series":
            return ["series", _cells(draw), draw.choice((None, "s", 0)), draw.choice((None, ["p", "q"]))]
        case "frame":
            columns = draw.sample(("a", "é", "", "0", "x"), draw.randint(0, 3))
            return [
                "frame",
                {name: _cells(draw) for name in columns},
                draw.choice((None, None, ["p", "q"], ["p", "p"])),
            ]
        case "stamp" | "date" as kind:
            return [kind, draw.choice(("2024-01-02T03:04:05.678901", "1969-12-31"))]
        case "model":
            return ["model", number, draw.choice((None, "x"))]
        case "odd":
            return [
                "odd",
                draw.choice(("set", "decimal", "timedelta", "NA", "NaT", "object", "path", "enum", "sparse")),
            ]
        case "object array":
            return ["object array", [_recipe(draw, 3) for _ in range(2)]]
        case "dict":
            keys = draw.sample((["json", "k"], ["json", 1], ["json", None], ["json", 2.5], ["json", True]), 2)
            if draw.random() < 0.1:
                keys[0] = ["scalar", "int64", [], [1, 2]]
            return ["dict", [[key, _recipe(draw, depth + 1)] for key in keys]]
        case kind:
            return [kind, [_recipe(draw, depth + 1) for _ in range(draw.randint(0, 2))]]


def _cells(draw: Draw) -> list[Any]:
    kinds = ("float64", "float32", "int64", "Int64", "object", "str", "bool", "boolean", "category", "times")
    kind = draw.choice(kinds)
    match kind:
        case "float64" | "float32":
            return [kind, [draw.choice((0.1, 1, float("nan"), float("inf"))) for _ in range(2)]]
        case "Int64" | "boolean":
            return [kind, [draw.choice((1, 0, None)) for _ in range(2)]]
        case "int64" | "bool":
            return [kind, [draw.choice((1, 0)) for _ in range(2)]]
        case "times":
            return [draw.choice(("datetime64[ns]", "datetime64[ns, UTC]")), ["2024-01-02", None]]
        case "object":
            return [kind, [draw.choice((1, "a", None, [1, 2], {"k": float("nan")}, True)) for _ in range(2)]]
    return [kind, [draw.choice(("a", "é", None)) for _ in range(2)]]


# Models of scikit-learn whose requests might merge.

DENSE = ("dense-linear", "dense-logistic", "dense-network", "dense-forest", "dense-bayes", "dense-components")
"""Names of models of four numbers, which answer with numbers."""


def dense(model: str, draw: Draw, count: int) -> list[Case]:
    """Requests of one row or a few, of numbers that are not round."""
    found = []
    for number in range(count):
        rows = [[draw.gauss() for _ in range(4)] for _ in range(draw.choice((1, 1, 1, 2, 5)))]
        body = {"dataframe_split": {"columns": ["a", "b", "c", "d"], "data": rows}}
        found.append(Case(model, f"drawn {number}", json.dumps(body).encode()))
    return found


def drawn(seed: int, each: int) -> list[Case]:
    """Requests to all models: so many to each, and more to the one that returns what it is told to."""
    draw = random.Random(f"requests {seed}")
    cases = [case for name, known in signatures(seed).items() for case in requests_for(name, known, draw, each)]
    cases += requests_for("bare", None, draw, 2 * each)
    for hint in HINTS:
        cases += hinted(hint, draw, each // 3)
    cases += results(draw, 4 * each)
    return cases
