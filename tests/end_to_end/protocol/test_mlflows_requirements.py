"""What MLflow's own tests require of a scoring server's answers holds for a gateway's."""

from __future__ import annotations

import json

import pytest

# MLflow says much about type hints when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore")

ONE_FORM = "The input must be a JSON dictionary with exactly one of the input fields"
CSV = "text/csv"


@pytest.fixture(scope="module")
def ask(servers):
    """The answer of a model to a body, which is written as JSON if it is no text."""

    def ask(model, body, content_type="application/json"):
        text = body if isinstance(body, str) else json.dumps(body)
        return servers.gateway.post(text, f"/endpoints/{model}/invocations", content_type=content_type)

    return ask


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("this is,,,, not valid json", "Ensure that input is a valid JSON formatted string"),
        (1, ONE_FORM),
        ("1", ONE_FORM),
        ([1], ONE_FORM),
        ({"not": "a serialized dataframe"}, ONE_FORM),
        ({"dataframe_records": [], "dataframe_split": {"data": []}}, ONE_FORM),
        ({"dataframe_split": [{"a": 1}]}, "Dataframe split format must be a dictionary. Got list"),
        ({"dataframe_records": {"data": [[1]]}}, "Dataframe records format must be a list of records. Got dictionary."),
        (
            {"dataframe_split": {"index": [1, 2], "data": [[1], [2], [3]]}},
            "Provided dataframe_split field is not a valid dataframe representation",
        ),
    ],
)
def test_a_malformed_body_is_told_from_others(ask, body, message):
    answer = ask("regressor", body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BAD_REQUEST")
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [({"dataframe_split": {"columns": [0], "data": [[n] for n in range(10)]}}, "application/json"), ("", CSV)],
    ids=["columns that the model does not take", "an empty CSV"],
)
def test_where_mlflow_shows_a_stack_trace_there_is_something(ask, body, content_type):
    told = ask("regressor", body, content_type).json()
    assert told["error_code"] == "BAD_REQUEST"
    assert told["message"]
    assert told["stack_trace"] == "left out"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8"])
@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [{"0": 5.1, "1": 3.5}]},
        {"dataframe_split": {"index": [0], "columns": [0, 1], "data": [[5.1, 3.5]]}},
        {"instances": [[5.1, 3.5]]},
        {"inputs": [[5.1, 3.5]]},
    ],
    ids=lambda body: "".join(body),
)
def test_every_form_of_a_good_body_is_answered(ask, body, content_type):
    answer = ask("regressor", body, content_type)
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 1


@pytest.mark.parametrize("content_type", ["not_a_supported_content_type", "application/json; something=something"])
def test_an_unknown_content_type_is_unsupported(ask, content_type):
    assert ask("regressor", {"instances": [[1, 2]]}, content_type).status_code == 415


ROW = {
    "boolean": True,
    "integer": 1,
    "long": 1,
    "float": 3.14,
    "double": 3.14,
    "string": "a",
    "binary": "AQID",
    "datetime": "2021-01-01T00:00:00",
}
DTYPES = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "str",
    "binary": "object",
    "datetime": "datetime64[ns]",
}


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": [*reversed(ROW)], "data": [[*reversed(ROW.values())]] * 3}},
        {"dataframe_records": [ROW] * 3},
    ],
    ids=["split", "records"],
)
def test_columns_have_the_types_and_the_order_of_the_signature(ask, body):
    described = ask("columns", body).json()["predictions"]["input"]["DataFrame"]
    assert [(name.split()[-1].strip("'"), dtype) for name, dtype, _ in described] == [*DTYPES.items()]


def test_parameters_are_checked_and_those_that_the_model_does_not_know_are_ignored(ask):
    good = {"dataframe_split": {"columns": ["text"], "data": [["x"]]}}
    assert ask("params", good, "application/json; charset=UTF-8").status_code == 200
    assert ask("params", {**good, "params": {"invalid_param": "value"}}).status_code == 200
    answer = ask("params", {**good, "params": {"datetime": "invalid_value1"}})
    assert answer.status_code == 400
    failed = "Failed to convert value `invalid_value1` from type `<class 'str'>` to `DataType.datetime`"
    assert failed in answer.json()["message"]


MESSAGES = [{"role": "user", "content": "hello!"}]


def test_the_shape_of_llm_apis_goes_to_the_model_as_it_is_where_there_is_no_signature(ask):
    body = {"messages": MESSAGES, "max_tokens": 20, "temperature": 0.5}
    described = ask("bare", body).json()
    assert [name for name, _ in described["input"]["dict"]] == [
        "str 'messages'",
        "str 'max_tokens'",
        "str 'temperature'",
    ]
    assert described["params"] == {"dict": []}


def test_parameters_beside_the_shape_of_llm_apis_go_to_the_parameters_of_the_signature(ask):
    """Those that are not given have their defaults, and what neither part of the signature knows is dropped."""
    described = ask("chat-like", {"messages": MESSAGES, "temperature": 0.25, "max_tokens": 20, "more": 1}).json()
    columns = described["input"].get("dict") or described["input"]["DataFrame"]
    assert [column[0] for column in columns] == ["str 'messages'"]
    given = dict(described["params"]["dict"])
    assert given == {
        "str 'temperature'": "float 0.25",
        "str 'max_tokens'": "int 20",
        "str 'top_p'": "float 0.9",
    }


def test_a_chat_model_gets_its_messages_and_parameters(ask):
    answer = ask("chatting", {"messages": MESSAGES, "max_tokens": 100, "temperature": 0.5}).json()
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "1 hello! 0.5 100"}


def test_a_responses_agent_and_a_chat_agent_answer_in_their_own_shape(ask):
    answer = ask("responding", {"input": MESSAGES, "custom_inputs": {"a": 1}}).json()
    assert answer["output"][0]["content"][0]["text"] == "1 {'a': 1} None"
    assert answer["custom_outputs"] == {"a": 1}
    answer = ask("agreeing", {"messages": MESSAGES}).json()
    assert answer["messages"][0]["content"] == "hello! None None"


@pytest.fixture(scope="module")
def client(models, start, helpers):
    """MLflow's client of scoring servers, pointed at a gateway with one model."""
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    gateway = start(helpers.one_endpoint_a_model("sqlite:///nobody-asks-it.db", {"only": str(models / "regressor")}))
    host, port = gateway.url.removeprefix("http://").split(":")
    return ScoringServerClient(host, int(port))


def test_mlflows_own_client_finds_a_server_of_its_own_version(client):
    import mlflow

    client.wait_server_ready()
    assert client.get_version() == mlflow.__version__


@pytest.mark.parametrize(
    ("rows", "form"),
    [(3, "frame"), (1, "frame"), (3, "array")],
)
def test_mlflows_own_client_is_answered(models, client, rows, form):
    import mlflow.pyfunc
    import pandas as pd

    frame = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [1, 2, 3]}).head(rows)
    data = frame.to_numpy() if form == "array" else frame
    predicted = client.invoke(data).get_predictions()
    expected = mlflow.pyfunc.load_model(str(models / "regressor")).predict(data)
    assert predicted.iloc[:, 0].tolist() == pytest.approx(expected.tolist())
    with pytest.raises(Exception, match="error code 400"):
        client.invoke(pd.DataFrame({"a": ["x"]}))
