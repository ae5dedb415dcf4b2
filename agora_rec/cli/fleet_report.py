"""The report of `agora-rec fleet` for programs: what was asked for, without secrets, and what came of it."""

import os
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agora_rec import Result, Spec, Storage, Take, Twin, Web
from agora_rec.cli import forms
from agora_rec.cli.buckets import VENDORS
from agora_rec.cli.fleet_progress import Progress, may_run, why


def report_of(progress: Progress, *, began: datetime, ended: datetime, interrupted: bool) -> str:
    """All of it as JSON.

    Args:
        progress: What is known.
        began: When the command began.
        ended: When it came to its end.
        interrupted: Whether somebody wanted it to end before all was over.
    """
    results = progress.results
    return forms.dump(
        {
            "began": forms.moment(began),
            "ended": forms.moment(ended),
            "interrupted": interrupted,
            "totals": {
                "recordings": len(results),
                "states": {state.value: count for state, count in progress.states.items()},
                "takes": sum(len(result.takes) for result in results),
                "files": sum(len(result.files) for result in results),
                "calls": progress.calls,
                "maybe_running": sum(map(may_run, results)),
            },
            "recordings": [_of_result(result) for result in results],
        }
    )


def write(text: str, path: Path) -> None:
    """Put the text in the file's place, whole or not at all.

    Raises:
        OSError: It can't be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _of_result(result: Result) -> dict[str, Any]:
    return {
        "spec": _of_spec(result.spec),
        "state": result.state.value,
        "maybe_running": may_run(result),
        "in_bucket": result.in_bucket,
        "why": why(result) or None,
        "calls": result.calls,
        "files": [file.name for file in result.files],
        "takes": [_of_take(take) for take in result.takes],
        "gaps": [{"since": forms.moment(gap.since), "until": forms.moment(gap.until)} for gap in result.gaps],
        "failures": [
            {"at": forms.moment(each.at), "kind": each.kind.value, "text": each.text}
            for each in result.failures
        ],
    }


def _of_take(take: Take) -> dict[str, Any]:
    return {
        "uid": take.uid,
        "resource_id": take.resource_id,
        "sid": take.sid,
        "started_at": forms.moment(take.started_at),
        "ended_at": forms.moment(take.ended_at),
        "files": [file.name for file in take.files],
    }


def _of_spec(spec: Spec) -> dict[str, Any]:
    """What was asked for, by the names of the files."""
    mode, until = spec.mode, spec.until
    return {
        "key": spec.key,
        "cname": spec.cname,
        "mode": mode.name.value,
        "url": mode.url if isinstance(mode, Web) else None,
        "until": forms.moment(until) if isinstance(until, datetime) else None,
        "seconds": until.total_seconds() if isinstance(until, timedelta) else None,
        **_of_recorder(spec.recorders[0]),
        "resource_expired_hour": spec.resource_expired_hour,
        "replace": None if spec.replacement is None else spec.replacement.most,
        "twins": [_of_recorder(twin) for twin in spec.twins],
        **_of_storage(mode.storage),
    }


def _of_recorder(recorder: Twin) -> dict[str, Any]:
    return {
        "uid": recorder.uid,
        "region": recorder.region,
        "alternate": None if recorder.alternate is None else recorder.alternate.uid,
    }


def _of_storage(storage: Storage) -> dict[str, Any]:
    """By class: one that a newer worker uses may be none of those that the files know."""
    vendor = next((name for name, kind in VENDORS.items() if type(storage) is kind), None)
    region: Any = getattr(storage, "region", None)
    return {
        "vendor": vendor,
        "bucket": storage.bucket,
        "bucket_region": region.name.lower().replace("_", "-") if hasattr(region, "name") else None,
        "endpoint": getattr(storage, "endpoint", None),
        "prefix": None if storage.file_name_prefix is None else "/".join(storage.file_name_prefix),
    }
