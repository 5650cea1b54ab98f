"""`rulegate check-config --registry` on a real registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CONFIG = """
registry_uri: {uri}
model_endpoints:
  - name: rows
    routes:
      - alias: sum
        model_uri: models:/rows/1
        model_request_condition: "any(r['aa'] > 9 for r in request.json['dataframe_records'])"
      - alias: third
        model_uri: models:/rows/1
        model_request_condition: "request.json['dataframe_split']['data'][0][2] == 1"
      - alias: right
        model_uri: models:/rows/latest
        model_request_condition: "request.json['dataframe_split']['data'][0][1] == request.json['inputs']['a'][0]"
      - alias: stage
        model_uri: models:/versioned/Staging
      - alias: local
        model_uri: {local}
        model_request_condition: "request.path == '/local'"
      - alias: run
        model_uri: runs:/{run_id}/versioned
        model_request_condition: "request.path == '/run'"
      - alias: id
        model_uri: models:/{model_id}
        model_request_condition: "request.path == '/id'"
      - alias: none
        model_uri: models:/versioned@nobody
        model_request_condition: "request.path == '/none'"
      - alias: nothing
        model_uri: models:/many/99
        model_request_condition: "request.path == '/nothing'"
"""


def check(folder: Path, config: str, **environment: str) -> tuple[int, list[dict[str, object]]]:
    (folder / "gateway_config.yaml").write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "rulegate", "check-config", "--registry", "--format", "json"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)["files"][0]["diagnostics"]


def test_models_stages_and_columns_are_held_against_the_registry(registry, tmp_path):
    code, found = check(tmp_path, CONFIG.format(**registry))
    assert code == 2
    assert [(one["code"], one["line"]) for one in found] == [
        ("RG353", 8), ("RG353", 11), ("RG352", 16), ("RG351", 27), ("RG351", 30),
    ]  # fmt: skip
    assert found[0]["hint"] == "did you mean `a`?"
    assert found[2]["hint"] == "`models:/versioned@champion` leads to the same version now"


def test_a_registry_that_does_not_answer_is_said_without_a_traceback(registry, tmp_path):
    config = CONFIG.format(**{**registry, "uri": "http://127.0.0.1:9"})
    code, found = check(tmp_path, config, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert code == 2
    assert {one["code"] for one in found if one["severity"] == "error"} == {"RG350"}
