"""What the tables must say, written by hand from the design: the other half of a double entry.

Nothing here may be derived from `agora_rec.lifecycle.tables`. One letter for each state, in the order of a
life: I(dle) A(cquired) S(tarting) R(ecording) (sto)P(ping) F(ailed) U(ploaded) B(ackuped).
"""

from agora_rec.lifecycle import CommandKey, FactKey, Verdict
from agora_rec.vocabulary import State

LETTERS = {
    "I": State.IDLE,
    "A": State.ACQUIRED,
    "S": State.STARTING,
    "R": State.RECORDING,
    "P": State.STOPPING,
    "F": State.FAILED,
    "U": State.UPLOADED,
    "B": State.BACKUPED,
}
VERDICTS = {"s": Verdict.SEND, "r": Verdict.REMEMBER, "l": Verdict.TOO_LATE}

# A dot: illegal. s: sent. r: remembered and sent later. l: too late, nothing is sent.
COMMANDS_TEXT = """
                            I A S R P F U B
    ACQUIRE                 s . . . . . . .
    ACQUIRE_ANEW            s s . . . . . .
    START                   . s . . . . . .
    START_TOO_LATE          . l . . . . . .
    QUERY                   . . . s . . . .
    UPDATE                  . . . s . . . .
    UPDATE_LAYOUT           . . . s . . . .
    UPDATE_LAYOUT_NOT_MIX   . . . . . . . .
    STOP                    . . r s . . . .
    STOP_AGAIN              . . . s . . . .
"""

# A dot: the state stays. A letter: the next state.
FACTS_TEXT = """
                                I A S R P F U B
    ACQUIRED                   A . . . . . . .
    EXPIRED                    . I . . . . . .
    ALTERNATE_TAKEN            . I . . . . . .
    START_SENT                 . S . . . . . .
    STARTED                    . . R . . . . .
    START_REFUSED_RESOURCE     . . I . . . . .
    START_REFUSED_FOR_GOOD     . . F . . . . .
    START_REFUSED              . . A . . . . .
    START_UNANSWERED           . . . . . . . .
    STOP_REQUESTED             . . . . . . . .
    STOP_SENT                  . . . P . . . .
    STOP_FAILED                . . . . R . . .
    STOP_FAILED_AFTER_LEAVING  . . . . . . . .
    STOP_ACKNOWLEDGED          . . . P . . . .
    LEFT                       . . . P . . . .
    EXITED                     . . . P . . . .
    ENDED_WITHOUT_FILES        . . . F F . . .
    OUT_OF_CONTROL             . . . F F . . .
    NO_RECORDED_DATA           . . . U U U . .
    UPLOADED                   . . . U U U . .
    BACKUPED                   . . . B B B B .
    SUPERSEDED_END             . . . . . . . .
    END_WITHOUT_SID            . . . . . . . .
    ALIVE                      . . . . . . . .
    CONFIRMED                  . . . . . . . .
    SUSPECTED                  . . . . . . . .
    HEARD_FROM                 . . . . . . . .
    FAILED_OVER                . . . . . . . .
    FAILED_OVER_AFTER_LEAVING  . . . . R . . .
    FAILED_OVER_AFTER_END      . . . . . R R R
    FAILED_OVER_WHILE_STOPPING . . . . . P P P
"""


def cells(text: str) -> dict[tuple[State, str], str]:
    """Read a matrix: (state, name of the row) -> letter."""
    head, *rows = (line.split() for line in text.strip().splitlines())
    return {
        (LETTERS[letter], name): cell for name, *row in rows for letter, cell in zip(head, row, strict=True)
    }


FACTS = {
    (state, FactKey[name]): LETTERS.get(letter, state) for (state, name), letter in cells(FACTS_TEXT).items()
}
"""The state after each fact; the same one where it stays."""
STAYS = {(state, FactKey[name]) for (state, name), letter in cells(FACTS_TEXT).items() if letter == "."}
COMMANDS = {
    (state, CommandKey[name]): VERDICTS.get(letter) for (state, name), letter in cells(COMMANDS_TEXT).items()
}
"""The verdict on each command; None where it is illegal."""
