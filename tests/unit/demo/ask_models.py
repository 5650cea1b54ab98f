"""Loads the demo's models as a plain MLflow environment would, without rulegate, and prints what they say as JSON.

Standard input: ``{"registry_uri": …, "texts": [...], "bodies": [...]}``.
"""

import json
import sys

sys.modules["rulegate"] = None  # type: ignore[assignment]  # importing it from here on is an ImportError

import mlflow  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow.pyfunc import scoring_server  # noqa: E402

question = json.load(sys.stdin)
mlflow.set_tracking_uri(question["registry_uri"])
mlflow.set_registry_uri(question["registry_uri"])
client = mlflow.MlflowClient()

answers = {}
for name in ("sentiment-model-fast", "sentiment-model-accurate"):
    model = mlflow.pyfunc.load_model(f"models:/{name}/production")
    schema = model.metadata.get_input_schema()
    champion = client.get_model_version_by_alias(name, "champion")
    bodies = []
    for body in question["bodies"]:
        try:
            answer = scoring_server.invocations(json.dumps(body), "application/json", model, schema)
            bodies.append(json.loads(answer.response))
        except mlflow.MlflowException as error:
            bodies.append({"error": error.message})
    answers[name] = {
        "versions": [int(version.version) for version in client.search_model_versions(f"name = '{name}'")],
        "champion": int(champion.version),
        "stage": champion.current_stage,
        "metrics": client.get_run(champion.run_id).data.metrics,
        "inputs": schema.to_dict(),
        "outputs": model.metadata.get_output_schema().input_names(),
        "example": model.input_example["text"].tolist(),
        "texts": model.predict(pd.DataFrame({"text": question["texts"]})),
        "bodies": bodies,
    }
json.dump(answers, sys.stdout)
