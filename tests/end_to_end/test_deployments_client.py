"""The client of `mlflow.deployments` is pointed at a gateway and finds what it needs."""

from __future__ import annotations

import pytest
from mlflow.deployments import get_deploy_client
from mlflow.exceptions import MlflowException


@pytest.fixture(scope="module")
def gateway(start, registry, helpers):
    models = {"obedient": "models:/obedient/1", "numbers": "models:/versioned/2"}
    return start(helpers.one_endpoint_a_model(registry["uri"], models))


@pytest.fixture(scope="module")
def client(gateway):
    return get_deploy_client(gateway.url)


def test_it_lists_the_endpoints_in_the_order_of_the_configuration(client, gateway):
    listed = client.list_endpoints()
    assert [endpoint.name for endpoint in listed] == ["obedient", "numbers"]
    assert listed[1].model_dump() == {
        "name": "numbers",
        "endpoint_type": "mlflow/scoring",
        "model": {"name": "numbers", "provider": "rulegate"},
        "endpoint_url": f"{gateway.url}/endpoints/numbers/invocations",
        "limit": None,
    }


def test_it_finds_one_endpoint(client):
    assert client.get_endpoint("numbers") == client.list_endpoints()[1]


def test_an_endpoint_that_is_not_there(client):
    with pytest.raises(Exception, match="404") as caught:
        client.get_endpoint("nobody")
    assert "RG401" in str(caught.value)


def test_it_predicts(client):
    inputs = {"dataframe_split": {"columns": ["text"], "data": [["x"]]}}
    assert client.predict(endpoint="numbers", inputs=inputs) == {"predictions": [2]}


def test_it_reads_why_a_request_failed(client):
    inputs = {"dataframe_split": {"columns": ["text"], "data": [["x"]]}}
    with pytest.raises((MlflowException, OSError), match="missing inputs"):
        client.predict(endpoint="obedient", inputs=inputs)
