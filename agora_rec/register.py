"""The recordings of one client: those that it holds and those that others hold, by all their names."""

from weakref import WeakValueDictionary

from agora_rec.recording import Recording


class Register:
    """Which recordings there are. Those that have begun and not ended are held; the others only known."""

    def __init__(self) -> None:
        self._held: dict[str, Recording] = {}
        self._made = WeakValueDictionary[int, Recording]()  # in the order of making
        self._by_id = WeakValueDictionary[str, Recording]()
        self._by_sid = WeakValueDictionary[str, Recording]()

    @property
    def held(self) -> tuple[Recording, ...]:
        """Every recording that has begun and not ended."""
        return tuple(self._held.values())

    @property
    def made(self) -> tuple[Recording, ...]:
        """Every recording that somebody still holds, in the order of making."""
        return tuple(self._made.values())

    def add(self, recording: Recording) -> None:
        """Know a recording that was made, as long as somebody holds it."""
        self._made[id(recording)] = recording
        if not recording.is_visited:
            self._by_id[recording.id] = recording
            self._note_sid(recording)

    def hold(self, recording: Recording) -> None:
        """Hold a recording that has begun, whoever else does."""
        self._held[recording.id] = recording
        self._note_sid(recording)

    def release(self, recording: Recording) -> None:
        """Let go of a recording that has ended, or never began."""
        self._held.pop(recording.id, None)

    def find_held(self, recording_id: str) -> Recording | None:
        """The recording with that id, if it has begun and not ended."""
        return self._held.get(recording_id)

    def find(self, recording_id: str) -> Recording | None:
        """The recording with that id, if somebody holds it."""
        return self._by_id.get(recording_id)

    def find_by_sid(self, sid: str) -> Recording | None:
        """The recording with that sid, if somebody holds it."""
        return self._by_sid.get(sid)

    def _note_sid(self, recording: Recording) -> None:
        if recording.sid is not None:
            self._by_sid[recording.sid] = recording
