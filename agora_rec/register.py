"""The recordings of one client: those that it holds and those that others hold, by all their names."""

from weakref import ref

from agora_rec.recording import Recording


class _Known(ref[Recording]):
    """A weak reference to a recording: one for all the names that it is known by."""

    __slots__ = ("id", "sid")

    id: str | None
    sid: str | None


class Register:
    """Which recordings there are. Those that have begun and not ended are held; the others only known."""

    def __init__(self) -> None:
        self._held: dict[str, Recording] = {}
        self._made: dict[ref[Recording], _Known] = {}  # in the order of making
        self._by_id: dict[str, _Known] = {}
        self._by_sid: dict[str, _Known] = {}
        self._on_gone = self._gone  # the same for all references

    @property
    def held(self) -> tuple[Recording, ...]:
        """Every recording that has begun and not ended."""
        return tuple(self._held.values())

    @property
    def made(self) -> tuple[Recording, ...]:
        """Every recording that somebody still holds, in the order of making."""
        # A list first, which is made in one go: whoever goes meanwhile would change what is gone through.
        return tuple([made for known in list(self._made) if (made := known()) is not None])

    def add(self, recording: Recording) -> None:
        """Know a recording that was made, as long as somebody holds it."""
        known = _Known(recording, self._on_gone)
        known.id = known.sid = None
        self._made[known] = known
        if not recording.is_visited:
            known.id = recording.id
            self._by_id[recording.id] = known
            self._note_sid(recording)

    def hold(self, recording: Recording) -> None:
        """Hold a recording that has begun, whoever else does."""
        self._held[recording.id] = recording
        known = self._made[ref(recording)]
        if known.id is None:
            known.id = recording.id
            self._by_id[recording.id] = known
        self._note_sid(recording)

    def release(self, recording: Recording) -> None:
        """Let go of a recording that has ended, or never began."""
        self._held.pop(recording.id, None)

    def find_held(self, recording_id: str) -> Recording | None:
        """The recording with that id, if it has begun and not ended."""
        return self._held.get(recording_id)

    def find(self, recording_id: str) -> Recording | None:
        """The recording with that id, if somebody holds it."""
        known = self._by_id.get(recording_id)
        return None if known is None else known()

    def find_by_sid(self, sid: str) -> Recording | None:
        """The recording with that sid, if somebody holds it."""
        known = self._by_sid.get(sid)
        return None if known is None else known()

    def _note_sid(self, recording: Recording) -> None:
        if recording.sid is not None:
            known = self._made[ref(recording)]
            known.sid = recording.sid
            self._by_sid[recording.sid] = known

    def _gone(self, known: ref[Recording]) -> None:
        """Forget a recording that nobody holds any more, unless its names are another one's by now."""
        gone = self._made.pop(known)
        if gone.id is not None and self._by_id.get(gone.id) is gone:
            del self._by_id[gone.id]
        if gone.sid is not None and self._by_sid.get(gone.sid) is gone:
            del self._by_sid[gone.sid]
