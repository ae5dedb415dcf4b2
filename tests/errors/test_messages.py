"""What the messages say: what happened, what it means, what to do; and what they never do."""

import inspect
import re

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agora_rec import CauseName, Certainty, CloudRecording, Evidence, errors
from agora_rec.errors import (
    AgoraRecError,
    ApiError,
    Attempt,
    Refusal,
    Subject,
    Violation,
    from_refusal,
    from_unreadable,
)
from agora_rec.errors.table import OTHERWISE, TABLE
from agora_rec.errors.text import escaped, sentence, shown, shown_or_none
from agora_rec.vocabulary import AttemptOutcome, Command, OperationName, State, UploadingStatus
from tests.errors import documented
from tests.errors.documented import Documented
from tests.errors.samples import AT, ATTEMPTS, CAUSES, SAID, SAMPLES, a_cause, attempt, subject
from tests.support.reference import load

ROWS = [*TABLE.values(), OTHERWISE]
WIRE_NAME = re.compile(r"\b[a-z]+[A-Z]")
HOSTILE = ["x" * 100_000, "\x1b[2J" * 500, "line\r\nINFO forged\n" * 50, "\u202egnp.exe\ud800\x00\u2028" * 99]


def refuse(case: Documented) -> ApiError:
    refusal = Refusal(status=case.status, code=case.code, reason=case.reason)
    return from_refusal(subject(case.operation), refusal)


@pytest.mark.parametrize("case", documented.everything(), ids=str)
def test_a_message_names_the_call_what_was_said_what_it_means_and_what_to_do(case: Documented) -> None:
    error = refuse(case)
    message = str(error)
    assert message.startswith(f"{case.operation.value} (cname 'class-42', uid 880011, ")
    assert f"HTTP {case.status}" in message
    assert case.code is None or f", code {case.code}, " in message
    assert (f"'{case.reason}'" if case.reason else "no reason given") in message
    assert sentence(error.meaning) in message
    assert sentence(error.hint) in message
    assert "\n" not in message


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.meaning)
def test_every_row_says_what_it_means_and_what_to_do_in_our_own_names(row: errors.Row) -> None:
    for text in (row.meaning, row.then):
        assert len(text) >= len("check the account")
        assert text == escaped(text)
        assert not text.endswith(".")
        assert not WIRE_NAME.search(text)
    assert row.meaning != row.then


def test_a_404_lists_the_documented_causes() -> None:
    error = from_refusal(subject(OperationName.QUERY), Refusal(status=404, code=404))
    assert isinstance(error, errors.WorkerNotFound)
    reference = load("errors")["causes_of_404_soon_after_start"]
    words = ["idle", "storage", "token", "uid", "resource ID", "high availability", "web"]
    assert len(error.causes) == len(reference) == len(words)
    for number, (word, cause, documented_cause) in enumerate(
        zip(words, error.causes, reference, strict=True), 1
    ):
        assert word in cause
        assert word in documented_cause
        assert f"({number}) {cause}" in str(error)
        assert not WIRE_NAME.search(cause)


def test_other_404s_list_no_causes() -> None:
    for refusal in (Refusal(status=404, reason="no Route matched"), Refusal(status=404, code=501)):
        assert "causes" not in str(from_refusal(subject(), refusal))


@pytest.mark.parametrize("reason", HOSTILE, ids=["long", "escapes", "lines", "directions"])
def test_a_hostile_answer_is_kept_whole_and_shown_short_and_escaped(reason: str) -> None:
    refusal = Refusal(status=400, code=10**40, reason=reason, sid=reason, resource_id=reason)
    error = from_refusal(Subject(operation=OperationName.STOP, cname=reason), refusal)
    assert (error.reason, error.sid, error.resource_id) == (reason, reason, reason)
    for text in (str(error), repr(error), repr(refusal), repr(error.subject)):
        assert text.isprintable()
        assert len(text) < 2000


@pytest.mark.parametrize("text", HOSTILE, ids=["long", "escapes", "lines", "directions"])
def test_no_other_error_lets_a_hostile_text_through(text: str) -> None:
    about = Subject(operation=OperationName.START, cname=text, uid=5, resource_id=text, sid=text)
    attempts = 99 * (Attempt(host=text, outcome=AttemptOutcome.UNANSWERED, seconds=1.0, at=AT, detail=text),)
    hostile: list[AgoraRecError] = [
        errors.IllegalTransition(Command.START, State.RECORDING, text),
        errors.Superseded(Command.START, State.STARTING, text, attempts=attempts),
        errors.SecretsRequired(text),
        errors.StartUnconfirmed(about, attempts=attempts, cause=text),
        errors.RecordingGone(about, cause=text),
        errors.WaitTimedOut(about, waited_for=text, state=State.STARTING, seconds=1.0),
        errors.StoreConflict(key=text, expected=None, found=1),
        errors.StoreUnavailable(text),
        errors.LeaseLost(key=text),
        errors.NotificationRejected(errors.RejectionReason.BAD_SIGNATURE, text),
        errors.NotAcknowledged(text),
        errors.TransportError(about, attempts=attempts),
        errors.UploadStatusUnknown(about, status=206, uploading_status=UploadingStatus(text)),
        from_unreadable(about, 200, text, attempts),
    ]
    for error in hostile:
        assert str(error).isprintable()
        assert len(str(error)) < 4000


def test_a_hostile_field_of_a_request_stays_on_its_line() -> None:
    error = errors.InvalidRequest(tuple(Violation(text, text, text) for text in HOSTILE))
    lines = str(error).splitlines()
    assert len(lines) == 1 + len(HOSTILE)
    assert all(line.isprintable() for line in lines)
    assert len(str(error)) < 4000


@given(text=st.text(), limit=st.integers(min_value=0, max_value=300))
def test_escaped_text_prints_and_is_bounded(text: str, limit: int) -> None:
    short = escaped(text, limit)
    assert short == "" or short.isprintable()
    assert len(short) <= limit + len("...")
    if text.isprintable() and len(text) <= limit:
        assert short == text


def test_a_shortened_text_says_how_long_it_was() -> None:
    assert shown("abc", 3) == "'abc'"
    assert shown("abcd", 3) == "'abc...' (4 characters)"
    assert shown("a\nb", 3) == "'a\\n...' (3 characters)"
    assert shown_or_none(None) == "None"
    assert shown_or_none("None") == "'None'"


def test_a_phrase_becomes_a_sentence_once() -> None:
    assert sentence("") == ""
    assert sentence("go on") == "Go on."
    assert sentence("Go on.") == "Go on."


@pytest.mark.parametrize("command", Command)
@pytest.mark.parametrize("state", State)
def test_an_illegal_command_is_told_with_its_state_and_the_legal_way(command: Command, state: State) -> None:
    message = str(errors.IllegalTransition(command, state))
    assert message.startswith(f"{command.value} is not legal in state {state.name}; nothing was sent. ")
    assert f"{command.value} is legal " in message.lower()
    assert "not for web" in str(errors.IllegalTransition(command, state, "not for web")).lower()


def test_a_superseded_command_tells_its_attempts() -> None:
    nothing_sent = errors.Superseded(Command.UPDATE, State.RECORDING)
    assert "gave way to a stop" in str(nothing_sent)
    assert "Nothing was sent." in str(nothing_sent)
    assert str(ATTEMPTS[0]) in str(errors.Superseded(Command.UPDATE, State.RECORDING, attempts=ATTEMPTS))


def test_an_invalid_request_lists_every_field() -> None:
    both = str(SAMPLES[errors.InvalidRequest])
    assert both.splitlines() == [
        "2 wrong fields; nothing was sent. Correct what follows:",
        "  uid = 0: 1 or more",
        "  cname = '': not empty",
    ]
    assert str(errors.InvalidRequest((Violation("uid", "0", "1 or more"),))).startswith("1 wrong field;")


def test_an_unconfirmed_start_says_what_may_run_until_when_and_how_to_find_out() -> None:
    message = str(SAMPLES[errors.StartUnconfirmed])
    assert "may be running until 2026-07-01 12:00:00+00:00 (cname 'class-42', uid 880011," in message
    assert "The answer was cut." in message
    assert "2 attempts: " in message
    assert "same start again" in message
    unknown = str(errors.StartUnconfirmed(subject(), attempts=()))
    assert "may be running (cname" in unknown


def test_the_other_errors_say_what_to_do() -> None:
    advice = {
        errors.SecretsRequired: "Give mode= and token= to attach()",
        errors.RecordingGone: "start anew with another uid",
        errors.WaitTimedOut: "wait again, query() it, or ensure_stopped()",
        errors.StoreConflict: "look at the recording's state and decide anew.",
        errors.StoreUnavailable: "see to the store's server, and call again.",
        errors.StoreTooNew: "give it a store of its own.",
        errors.LeaseLost: "What it reports is in the store.",
        errors.NotificationRejected: "Give the body as the bytes that came",
        errors.NotAcknowledged: "the service sends it again",
        errors.TransportError: "Look at the network and the hosts' names, then call again.",
    }
    for error, words in advice.items():
        assert words in str(SAMPLES[error])


LISTED = [
    "The service has said:",
    "  recorder started: event 40, status 0 at 12:00:00",
    "  session exit: event 11, exit status 1 at 12:00:09",
    "What explains it, most likely first:",
    "  1. certain: storage misconfigured: event 1, module 1, code 32 at 12:00:00",
    "     It means that. To do: do this.",
    "  2. likely: not confirmed in time: event 1, module 1, code 32 at 12:00:00",
    "     It means that. To do: do this.",
    "  3. possible: nobody was there: event 1, module 1, code 32 at 12:00:00",
    "     It means that. To do: do this.",
]


@pytest.mark.parametrize("kind", [errors.RecordingGone, errors.WaitTimedOut])
def test_the_errors_of_a_wait_list_what_was_said_and_the_causes_in_order(kind: type[AgoraRecError]) -> None:
    assert str(SAMPLES[kind]).splitlines()[1:] == LISTED


def test_where_no_event_came_that_is_said() -> None:
    gone = errors.RecordingGone(subject(), causes=CAUSES)
    nothing = "No event has come in; wrong parameters are told by events only, which need a webhook."
    assert str(gone).splitlines()[1:] == [nothing, *LISTED[3:]]
    of_its_files = errors.RecordingGone(subject(), causes=CAUSES, evidence=("event 33",))
    assert str(of_its_files).splitlines()[1:] == LISTED[3:]
    only_said = errors.RecordingGone(subject(), said=SAID)
    assert str(only_said).splitlines()[1:] == LISTED[:3]


def test_of_many_events_the_last_are_listed_and_of_many_causes_the_first() -> None:
    said = tuple(f"event {number}" for number in range(20))
    causes = tuple(a_cause(name, Certainty.LIKELY) for name in list(CauseName)[:11])
    lines = str(errors.RecordingGone(subject(), said=said, causes=causes)).splitlines()[1:]
    assert lines[0] == "The service has said (the last 10 of 20 events):"
    assert lines[1:11] == [f"  {each}" for each in said[-10:]]
    assert [line.split(".")[0] for line in lines[12:28:2]] == [f"  {number}" for number in range(1, 9)]
    assert lines[28:] == ["  and 3 more: see its causes."]


@pytest.mark.parametrize("text", HOSTILE, ids=["long", "escapes", "lines", "directions"])
def test_hostile_events_and_causes_stay_on_their_lines(text: str) -> None:
    evil = tuple(
        evolve(a_cause(name, Certainty.SAID, text, text), evidence=(Evidence(what=text),))
        for name in list(CauseName)[:20]
    )
    error = errors.RecordingGone(subject(), said=20 * (text,), causes=evil)
    lines = str(error).splitlines()
    assert len(lines) == 1 + 1 + 10 + 1 + 2 * 8 + 1
    assert all(line.isprintable() for line in lines)
    assert len(str(error)) < 12_000


@pytest.mark.parametrize("reason", errors.RejectionReason)
def test_a_rejected_notification_says_why_in_a_word_and_in_a_sentence(reason: errors.RejectionReason) -> None:
    message = str(errors.NotificationRejected(reason, "it is odd"))
    assert message.startswith(f"The notification was rejected: {reason.value}. It is odd. ")
    assert len(message) > len(str(errors.NotificationRejected(reason)))


def test_a_timeout_tells_what_is_known() -> None:
    message = str(SAMPLES[errors.WaitTimedOut])
    assert message.startswith("No upload within 90.5 s (cname 'class-42'")
    assert "the state is STOPPING, known: 1 files, 1 events." in message


def test_a_transport_error_of_a_start_warns_of_what_may_run() -> None:
    lost = errors.TransportError(subject(OperationName.START), attempts=ATTEMPTS)
    assert "A recording may be running" in str(lost)
    assert "1 attempt: api.example.org unanswered 'ReadTimeout' in 10.0 s." in str(
        errors.TransportError(subject(), attempts=(attempt(),))
    )
    never_sent = str(errors.TransportError(Subject(operation=OperationName.NCS_IP), attempts=()))
    assert never_sent.startswith("ncs_ip: no usable answer. No attempt was made. ")


def test_of_many_attempts_only_the_last_are_told() -> None:
    message = str(errors.TransportError(subject(), attempts=tuple(attempt() for _ in range(20))))
    assert "20 attempts, the last: " in message
    assert message.count("api.example.org") == 6


def test_an_answer_tells_its_attempts_when_there_was_more_than_the_one() -> None:
    refusal = Refusal(status=504, code=62)
    one = from_refusal(subject(), refusal, ATTEMPTS[:1])
    two = one.with_attempts(ATTEMPTS)
    assert "attempt" not in str(from_refusal(subject(), refusal, ATTEMPTS[:1]))
    assert "2 attempts: api.example.org refused HTTP 504 code 62 'ReadTimeout' in 10.0 s; " in str(two)


def test_a_resource_that_expired_here_says_that_nothing_was_sent() -> None:
    error = errors.ResourceExpired(subject(OperationName.START))
    assert error.status is None
    assert "): nothing was sent. The resource ID is older than five minutes. Acquire and start anew" in str(
        error
    )


def test_an_unknown_upload_tells_its_status_and_files() -> None:
    from_stop = from_refusal(subject(), Refusal(status=206, uploading_status=UploadingStatus.UNKNOWN))
    assert "HTTP 206, no reason given, uploading status 'unknown'. " in str(from_stop)
    waited = errors.UploadStatusUnknown(subject(), files=("a", "b"))
    assert "no event said where the files are. " in str(waited)
    assert str(waited).endswith("Files known: 2.")
    assert "Wait for the events 31" in str(waited)


def test_advice_names_only_options_that_there_are() -> None:
    named = set(re.findall(r"(\w+)=", str(errors.SecretsRequired("x"))))
    assert named
    assert named <= set(inspect.signature(CloudRecording.attach).parameters)
