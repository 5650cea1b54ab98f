"""What the admin port tells of the configuration and of the models, as what ``json.dumps`` takes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from rulegate.config.load import shown_text
from rulegate.diagnostics import Diagnostic
from rulegate.diagnostics.json_report import as_objects
from rulegate.live import Attempt, Refusal, Result, Status
from rulegate.serving.figures import BATCH_SIZES, PoolFigures, ResidentFigures, VersionCounts


def config(status: Status) -> dict[str, Any]:
    """The running configuration, and why what stands in the file is not it."""
    return {**_running(status), "text": shown_text(status.config)}


def reload(attempt: Attempt) -> dict[str, Any]:
    """What came of an attempt to reload; a refusal has the fields of an error too."""
    facts = {"result": attempt.result.value, "keys": list(attempt.keys), **_running(attempt.status)}
    refusal = attempt.status.refusal
    if attempt.result is Result.REFUSED and refusal is not None:
        path = attempt.status.config.path
        facts |= {"error_code": "INVALID_PARAMETER_VALUE", "message": _without_folder(refusal.message, path)}
    return facts


def models(figures: PoolFigures) -> dict[str, Any]:
    """What is in memory, and what has happened to each version since the gateway started."""
    return {
        "memory_bytes": figures.memory_bytes,
        "memory_limit_bytes": figures.memory_limit_bytes,
        "capacity": figures.capacity,
        "in_flight": dict(figures.in_flight),
        "loaded": [_resident(resident) for resident in figures.residents],
        "versions": {reference: _counts(counts) for reference, counts in figures.counts.items()},
    }


def _running(status: Status) -> dict[str, Any]:
    path = status.config.path
    return {
        "file": None if path is None else path.name,
        "sha256": status.sha256,
        "loaded_at": _moment(status.loaded_at_s),
        "changed": status.changed,
        "refused": status.refused,
        "waiting": list(status.waiting),
        "refusal": None if status.refusal is None else _refusal(status.refusal, path),
    }


def _refusal(refusal: Refusal, path: Path | None) -> dict[str, Any]:
    return {
        "at": _moment(refusal.at_s),
        "message": _without_folder(refusal.message, path),
        "diagnostics": _diagnostics(refusal.diagnostics),
    }


def _diagnostics(diagnostics: tuple[Diagnostic, ...]) -> list[dict[str, Any]]:
    return [found | {"file": Path(found["file"]).name} for found in as_objects(diagnostics)]


def _without_folder(message: str, path: Path | None) -> str:
    return message if path is None else message.replace(str(path), path.name)


def _resident(resident: ResidentFigures) -> dict[str, Any]:
    return {
        "model": resident.reference,
        "model_uris": list(resident.model_uris),
        "state": resident.state.value,
        "processes": len(resident.pids),
        "memory_bytes": resident.memory_bytes,
        "in_flight": resident.in_flight,
        "waiting": resident.waiting,
        "load_s": resident.load_s,
        "idle_s": resident.idle_s,
    }


def _counts(counts: VersionCounts) -> dict[str, Any]:
    return {
        "loads": counts.loads,
        "load_s": counts.load_s,
        "failed_loads": counts.failed_loads,
        "unloads": {why.value: count for why, count in counts.unloads.items()},
        "deaths": counts.deaths,
        "restarts": counts.restarts,
        "batches": {str(size): count for size, count in zip(BATCH_SIZES, counts.batches, strict=True) if count},
        "batched_requests": counts.batched_requests,
    }


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
