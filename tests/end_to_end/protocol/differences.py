"""The differences that docs/protocol.md lists, as functions from MLflow's answer to a gateway's."""

from __future__ import annotations

import dataclasses
import json
import re

ERROR = 400
"""The first status of failures."""


def failure(answer, status: int, error_code: str, message: str):
    """An answer that tells of a failure, in MLflow's shape."""
    body = json.dumps({"error_code": error_code, "message": message})
    return dataclasses.replace(answer, status=status, content_type="application/json", body=body)


def with_facts(answer, change):
    """The answer with what it tells of a failure changed; any other answer as it is."""
    if answer.status < ERROR or answer.content_type != "application/json":
        return answer
    try:
        facts = json.loads(answer.body)
    except ValueError:
        return answer
    return dataclasses.replace(answer, body=json.dumps(change(facts)))


def with_message(answer, change):
    return with_facts(answer, lambda facts: {**facts, "message": change(facts["message"])})


def crashed(answer) -> bool:
    return (answer.status, answer.body) == (500, "Internal Server Error")


# Each of these takes a case and MLflow's answer to it, as far as the ones before have changed it, and returns what the
# difference makes of it. They are named as in the document.


def no_content_type(case, answer):
    if case.content_type is not None:
        return answer
    known = "['text/csv', 'application/json', 'application/vnd.apache.parquet']"
    return dataclasses.replace(
        answer,
        status=415,
        content_type="text/plain; charset=utf-8",
        body=f"This predictor only supports the following content types: Types: {known}. The request names none.",
    )


def plain_refusal(case, answer):
    return failure(answer, 415, "BAD_REQUEST", answer.body) if answer.status == 415 else answer


RETURN_OR_RAISE = ("returning", "building", "raising")
"""Models that return or raise what MLflow's server cannot tell; before any other, only decoding can fail it."""


def unreadable_body(case, answer):
    if not crashed(answer) or case.model in RETURN_OR_RAISE:
        return answer
    why = "The request cannot be decoded. Error: …"
    if case.name.startswith("deep brackets"):
        why = "Ensure that input is a valid JSON formatted string. Error: 'nested too deeply'"
    facts = {"sqlstate": "KAM00", "error_class": "INVALID_PARAMETER_VALUE"}
    return with_facts(failure(answer, 400, "BAD_REQUEST", f"Invalid input. {why}"), lambda error: error | facts)


def unencodable_failure(case, answer):
    if not crashed(answer) or case.model != "raising":
        return answer
    return failure(answer, 400, "BAD_REQUEST", "Failed to predict data. Error: fields of any type")


def unencodable_result(case, answer):
    if not crashed(answer):
        return answer
    return failure(answer, 500, "INTERNAL_ERROR", "The model returned a result that cannot be encoded as JSON.")


def no_number(case, answer):
    if answer.status != 200:
        return answer
    numbers = json.loads(answer.body, parse_constant=lambda _: None)
    return dataclasses.replace(answer, body=json.dumps(numbers))


def body_limit(case, answer):
    if case.name != "a body over the limit":
        return answer
    return failure(answer, 413, "BAD_REQUEST", "the body is larger than 524288 bytes")


def repeated_columns(case, answer):
    if "the same column again and again" not in case.name:
        return answer
    return not_decoded(answer, "The data names tens of thousands of columns, and the same ones again and again.")


def unnamed_fields(case, answer):
    if case.name != "CSV: thousands of cells too many":
        return answer
    return not_decoded(answer, "The first row has over a thousand fields more than the header.")


def not_decoded(answer, why):
    facts = {"sqlstate": "KAM00", "error_class": "INVALID_PARAMETER_VALUE"}
    return with_facts(failure(answer, 400, "BAD_REQUEST", f"Invalid input. {why}"), lambda error: error | facts)


def timeout(case, answer):
    if answer.body != "Request processing time exceeded limit":
        return answer
    return failure(answer, 504, "DEADLINE_EXCEEDED", "local:waiting@… did not answer in time")


def stream(case, answer):
    if str(case) != "speaking: stream":
        return answer
    said = [{"word": "one", "number": None}, {"word": "two", "number": 0.5}]
    body = "".join(f"data: {data}\n\n" for data in (*map(json.dumps, said), "[DONE]"))
    return dataclasses.replace(answer, content_type="text/event-stream", body=body)


def stack_trace(case, answer):
    return with_facts(answer, lambda facts: facts | ({"stack_trace": "left out"} if "stack_trace" in facts else {}))


def old_releases(case, answer):
    advice = re.compile(r" IMPORTANT: The MLflow Model scoring protocol has changed .*deploy-mlflow-models\.$")
    return with_message(answer, lambda message: advice.sub("", message))


def quoted_data(case, answer):
    def change(message: str) -> str:
        message = message.partition("\nInput: \n")[0]
        message = re.sub(r"(Failed to predict data) '.*'\. \n(Error)", r"\1. \2", message, flags=re.DOTALL)
        message = re.sub(r"(enforce schema of data) '.*' (with schema)", r"\1 \2", message, flags=re.DOTALL)
        message = re.sub(r"(enforce schema of) '.*' (with type)", r"\1 data \2", message, flags=re.DOTALL)
        message = re.sub(r"(enforce schema of data) `.*` (with dtype)", r"\1 \2", message, flags=re.DOTALL)
        message = re.sub(r"(convert data) `.*` (to type)", r"\1 \2", message, flags=re.DOTALL)
        return re.sub(r"(UnicodeDecodeError\('[\w-]+'), b.*(, \d+, \d+, ')", r"\1, …\2", message, flags=re.DOTALL)

    return with_message(answer, change)


def paths(case, answer):
    return with_message(answer, lambda message: message.replace("/srv/secret/place.txt", "place.txt"))


def long_message(case, answer):
    return with_message(answer, lambda message: message if len(message) <= 2000 else message[:1999] + "…")


def more_facts(case, answer):
    return with_facts(answer, lambda facts: {**facts, "code": "…", "request_id": "…"})


DIFFERENCES = (
    no_content_type,
    plain_refusal,
    unreadable_body,
    unencodable_failure,
    unencodable_result,
    no_number,
    body_limit,
    unnamed_fields,
    repeated_columns,
    timeout,
    stream,
    stack_trace,
    old_releases,
    quoted_data,
    paths,
    long_message,
    more_facts,
)


def name_of(difference) -> str:
    return difference.__name__.replace("_", "-")


def expected(case, stock):
    """What a gateway is to answer, and the names of the differences that this takes."""
    names = set()
    for difference in DIFFERENCES:
        before, stock = stock, difference(case, stock)
        if stock != before:
            names.add(name_of(difference))
    return stock, names


def comparable(answer):
    """The answer without what differs from one process, request or run to the next."""

    def change(facts):
        facts = {name: "…" if name in ("code", "request_id") else facts[name] for name in sorted(facts)}
        message = re.sub(OF_SETS, lambda words: sorted_words(words[0], ", "), facts["message"])
        message = re.sub(OF_PAIRS, lambda words: sorted_words(words[0], "), ("), message)
        # What MLflow's server says is that it failed, and not why.
        message = re.sub(r"(?<=cannot be decoded\. Error: )\w+", "…", message)
        return facts | {"message": re.sub(r"@[0-9a-f]{12}", "@…", message)}

    return with_facts(answer, change)


# The order of a set of texts is another in each process.
OF_SETS = r"(?<=[\[{])['\"][^\[\]{}]*['\"](?=[\]}])|(?<=content type parameters: ).*(?=\.)"
OF_PAIRS = r"(?s)(?<=Invalid parameters found: {\().*(?=\)})"


def sorted_words(words: str, between: str) -> str:
    return between.join(sorted(words.split(between)))
