"""`agora-rec list`, `explain`, `query` and `stop`: what is in the workers' store, and calls by hand.

`list` and `explain` only read, and need no account. `query` and `stop` go through the store as any worker
does, so that all learn what comes of them; or, for a recording that is in no store, with its bare ids.
"""

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

import click
from attrs import frozen

from agora_rec import (
    AgoraRecError,
    AlreadyStopping,
    Checkpoint,
    CloudRecording,
    IllegalTransition,
    InvalidRequest,
    ModeName,
    NoRecordedData,
    Outcome,
    QueryAnswer,
    Recording,
    State,
    StopRequest,
    UploadingStatus,
    UploadStatusUnknown,
)
from agora_rec.cli import forms
from agora_rec.cli.record import MAY_RUN, tell_outcome
from agora_rec.errors.text import escaped, shown
from agora_rec.recording.explaining import explain
from agora_rec.store import SharedStore, Stored

DONE: Final = 0
NOT_DONE: Final = 1

_SIDS_SHOWN: Final = 64
_STATES: Final = {UploadingStatus.UPLOADED: State.UPLOADED, UploadingStatus.BACKUPED: State.BACKUPED}


@frozen(kw_only=True)
class BareIds:
    """A recording that is in no store."""

    resource_id: str
    sid: str
    mode: ModeName
    cname: str = ""
    uid: int = 0


async def list_unfinished(store: SharedStore, *, as_json: bool) -> int:
    """Tell what has begun and not ended."""
    async with store, aclosing(store.unfinished()) as found:
        checkpoints = [stored.checkpoint async for stored in found]
        return _tell_list(checkpoints, as_json=as_json)


def _tell_list(checkpoints: list[Checkpoint], *, as_json: bool) -> int:
    if as_json:
        click.echo(forms.dump([forms.of_checkpoint(each) for each in checkpoints]))
        return DONE
    for each in checkpoints:
        click.echo(_line(each))
    if not checkpoints:
        click.echo("nothing is unfinished")
    return DONE


def _line(checkpoint: Checkpoint) -> str:
    standing = checkpoint.standing
    at = forms.since(checkpoint)
    since = "" if at is None else f"since {at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    key = "no key" if checkpoint.key is None else f"key {shown(checkpoint.key)}"
    sid = "no sid yet" if standing.sid is None else f"sid {escaped(standing.sid, _SIDS_SHOWN)}"
    return f"{standing.state.value:9} {since}  {shown(checkpoint.cname)} uid {checkpoint.uid}  {key}  {sid}"


async def explain_one(store: SharedStore, name: str, *, as_json: bool) -> int:
    """Tell why a recording stands where it stands."""
    async with store:
        stored = await look_up(store, name)
        if stored is None:
            return _not_known(name)
        explanation = explain(stored.checkpoint, at=datetime.now(UTC))
        click.echo(forms.dump(forms.of_explanation(explanation)) if as_json else str(explanation))
        return DONE


async def query_one(cloud: CloudRecording, store: SharedStore, name: str, *, as_json: bool) -> int:
    """Ask the service about a recording of the store."""
    async with cloud:
        recording = await _find(cloud, store, name)
        if recording is None:
            return _not_known(name)
        try:
            return _tell_query(await recording.query(), as_json=as_json)
        except IllegalTransition as error:
            click.echo(f"{recording.state}: {error}", err=True)
            return NOT_DONE


async def query_ids(cloud: CloudRecording, ids: BareIds, *, as_json: bool) -> int:
    """Ask the service about a recording that is in no store."""
    async with cloud:
        return _tell_query(await cloud.api.query(ids.mode, ids.resource_id, ids.sid), as_json=as_json)


def _tell_query(answer: QueryAnswer, *, as_json: bool) -> int:
    if as_json:
        click.echo(forms.dump(forms.of_query(answer)))
        return DONE
    status = answer.status
    click.echo("no status" if status is None else f"status {int(status)} ({status.name.lower()})")
    for file in answer.files:
        click.echo(escaped(file.name))
    return DONE


async def stop_one(cloud: CloudRecording, store: SharedStore, name: str, *, as_json: bool) -> int:
    """Have a recording of the store ended, whatever its state."""
    async with cloud:
        recording = await _find(cloud, store, name)
        if recording is None:
            return _not_known(name)
        try:
            return _tell_outcome(await recording.ensure_stopped(), as_json=as_json)
        except AgoraRecError as error:
            return _may_run(error)


async def stop_ids(cloud: CloudRecording, ids: BareIds, *, as_json: bool) -> int:
    """Stop a recording that is in no store."""
    async with cloud:
        try:
            outcome = await _stopped(cloud, ids)
        except InvalidRequest:  # nothing was sent
            raise
        except AgoraRecError as error:
            return _may_run(error)
        return _tell_outcome(outcome, as_json=as_json)


async def _stopped(cloud: CloudRecording, ids: BareIds) -> Outcome:
    """What a stop has come to; that it is stopping or has stopped already is no failure."""
    request = StopRequest(cname=ids.cname, uid=ids.uid)
    try:
        answer = await cloud.api.stop(ids.mode, ids.resource_id, ids.sid, request)
    except (AlreadyStopping, UploadStatusUnknown):
        return Outcome(state=State.STOPPING)
    except NoRecordedData:
        return Outcome(state=State.UPLOADED, no_data=True)
    state = _STATES.get(answer.uploading_status or UploadingStatus.UNKNOWN, State.STOPPING)
    in_bucket = None if state is State.STOPPING or not answer.files else state is State.UPLOADED
    return Outcome(state=state, files=answer.files, in_bucket=in_bucket)


def _tell_outcome(outcome: Outcome, *, as_json: bool) -> int:
    if as_json:
        click.echo(forms.dump(forms.of_outcome(outcome)))
        return DONE
    for file in outcome.files:
        click.echo(escaped(file.name))
    click.echo(tell_outcome(outcome))
    return DONE


def _may_run(error: AgoraRecError) -> int:
    click.echo(f"{type(error).__name__}: {error}\nit may still be recorded", err=True)
    return MAY_RUN


def _not_known(name: str) -> int:
    click.echo(f"the store knows no recording with the key or the sid {shown(name)}", err=True)
    return NOT_DONE


async def look_up(store: SharedStore, name: str) -> Stored | None:
    """The recording with that key, or else with that sid."""
    return await store.load_by_key(name) or await store.load_by_sid(name)


async def _find(cloud: CloudRecording, store: SharedStore, name: str) -> Recording | None:
    stored = await look_up(store, name)
    return None if stored is None else cloud.attach(stored.checkpoint)
