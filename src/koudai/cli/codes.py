"""The command line's own codes, and which exit status each code of any room has."""

from enum import StrEnum

DONE = 0
FAILED = 1
WRONG_USAGE = 2


class CliFault(StrEnum):
    """Why a command isn't carried out."""

    USAGE = "cli.usage"
    MISSING = "cli.missing"
    NO_SUCH_OPTION = "cli.no_such_option"
    NO_SUCH_COMMAND = "cli.no_such_command"
    EXTRA = "cli.extra"
    NO_VALUE = "cli.no_value"
    NEEDLESS_VALUE = "cli.needless_value"
    BAD_VALUE = "cli.bad_value"
    NOT_A_CHOICE = "cli.not_a_choice"
    NOT_IN_RANGE = "cli.not_in_range"
    AMOUNT_NOT_POSITIVE = "cli.amount_not_positive"
    AMOUNT_NOT_WHOLE = "cli.amount_not_whole"
    AMOUNT_TOO_LARGE = "cli.amount_too_large"
    UNKNOWN_CURRENCY = "cli.unknown_currency"
    CHECK_DIGIT = "cli.check_digit"
    NOT_A_CARD = "cli.not_a_card"
    NOT_AN_ID = "cli.not_an_id"
    NOT_A_KEY = "cli.not_a_key"
    NOT_TEXT = "cli.not_text"
    NOT_A_PREFIX = "cli.not_a_prefix"
    NOT_A_DURATION = "cli.not_a_duration"
    LIMIT_FORM = "cli.limit_form"
    LIMIT_FIELD = "cli.limit_field"
    LINE_FORM = "cli.line_form"
    NOT_A_REF = "cli.not_a_ref"
    HOLD_NAMES = "cli.hold_names"
    CLOCK_NAMES = "cli.clock_names"
    NOT_AN_ENTRY = "cli.not_an_entry"
    NOT_AN_ACCOUNT = "cli.not_an_account"
    NOT_A_TIME = "cli.not_a_time"
    NOT_A_DAY = "cli.not_a_day"
    NOT_A_PIN = "cli.not_a_pin"
    NOT_A_PICTURE = "cli.not_a_picture"
    NOT_DETAILS = "cli.not_details"
    OUT_EXISTS = "cli.out_exists"
    OUT_UNWRITABLE = "cli.out_unwritable"
    IN_UNREADABLE = "cli.in_unreadable"
    FILE_EXISTS = "cli.file_exists"
    FILE_UNWRITABLE = "cli.file_unwritable"
    REFUND_NAMES = "cli.refund_names"
    REVERSE_NAMES = "cli.reverse_names"
    STOCK_NAMES = "cli.stock_names"
    PLACE_NAMES = "cli.place_names"
    PRINTED_BEFORE = "cli.printed_before"
    UNKNOWN_ISSUER = "cli.unknown_issuer"
    PORT_TAKEN = "cli.port_taken"
    ADDRESS_UNUSABLE = "cli.address_unusable"
    INTERRUPTED = "cli.interrupted"
    TERMINATED = "cli.terminated"


_STATUS: dict[str, int] = {
    **dict.fromkeys(CliFault, WRONG_USAGE),
    CliFault.UNKNOWN_ISSUER: FAILED,
    CliFault.PORT_TAKEN: FAILED,
    CliFault.ADDRESS_UNUSABLE: FAILED,
    CliFault.FILE_UNWRITABLE: FAILED,
    CliFault.OUT_UNWRITABLE: FAILED,
    CliFault.IN_UNREADABLE: FAILED,
    CliFault.PRINTED_BEFORE: FAILED,
    CliFault.INTERRUPTED: 130,
    CliFault.TERMINATED: 143,
    # As the checker that is handed out on its own has it.
    "proof.bad_key": WRONG_USAGE,
    "proof.unreadable": WRONG_USAGE,
}


def exit_status(code: str) -> int:
    """The exit status of a refusal or fault: 1, unless it's this door's own and says otherwise."""
    return _STATUS.get(code, FAILED)
