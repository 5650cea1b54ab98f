"""Which columns of a model's input a condition reads shows in its text."""

from __future__ import annotations

import pytest

from rulegate.condition import compile_condition


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("request.json['dataframe_records'][0]['amount'] > 9", ["amount"]),
        ("request.json['dataframe_records'][-1].get('amount', 0) > 9", ["amount"]),
        ("request.json()['instances'][0]['text'] == 'a'", ["text"]),
        ("request.get_json().get('inputs')['text'][0] == 'a'", ["text"]),
        ("request.json['inputs'][0]['text'] == 'a'", ["text"]),
        ("any(r['amount'] > 9 and r['vip'] for r in request.json['dataframe_records'] if r['on'])",
         ["amount", "vip", "on"]),
        ("any('limit' in r for r in request.json['dataframe_records'])", ["limit"]),
        ("any(any(c == r['x'] for c in r['names']) for r in request.json['instances'])", ["x", "names"]),
        ("'amount' in request.json['dataframe_split']['columns']", ["amount"]),
        ("'amount' not in request.json['inputs']", ["amount"]),
        ("request.json['dataframe_split']['data'][0][2] == 1", [2]),
        ("any(row[1] > 3 for row in request.json['dataframe_split']['data'])", [1]),
        ("request.json['dataframe_split']['data'][0][0].startswith('Domain specific text')", [0]),
    ],
)  # fmt: skip
def test_columns_named_by_literals_are_found_in_the_order_of_the_text(text: str, names: list[str | int]):
    condition = compile_condition(text)
    found = condition.columns()
    assert [column.name for column in found] == names
    for column in found:
        assert text[column.span.start : column.span.end] == repr(column.name)


@pytest.mark.parametrize(
    "text",
    [
        "request.json['customer']['age'] > 30",
        "request.headers['amount'] == 'a'",
        "request.json['dataframe_records'][0]['a' + 'b'] == 1",
        "request.json['dataframe_split']['index'][0] == 1",
        "request.json['inputs'][0] == 'a'",
        "any(r > 9 for r, s in request.json['dataframe_records'])",
        "any(any(r['x'] for r in request.json['other']) for r in request.json['dataframe_records'])",
        "'amount' in request.json",
        "len(request.json['instances']) > 10",
    ],
)
def test_what_is_no_column_of_the_scoring_format_is_none(text: str):
    assert compile_condition(text).columns() == ()


def test_conditions_of_one_shape_have_their_own_columns():
    texts = [f"request.json['dataframe_records'][0]['column{number}'] == 'a'" for number in range(3)]
    conditions = [compile_condition(text) for text in texts]
    assert [condition.columns()[0].name for condition in conditions] == ["column0", "column1", "column2"]
