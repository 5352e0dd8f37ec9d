"""How long a card lasts, by Chinese days, and of what its holder is reminded."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, strategies as st

from koudai.programmes import (
    USED_LATE,
    Notice,
    NoticeKind,
    Stage,
    Validity,
    expiry,
    next_look,
    notices_due,
    renewed,
    stage,
)
from koudai.programmes.model import Notices

CHINA = timezone(timedelta(hours=8))
DAY = timedelta(days=1)
EXPIRY, SILENCE = NoticeKind.BEFORE_EXPIRY, NoticeKind.SILENCE


def at(day, hour=0, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=CHINA)


def lasting(**told):
    return msgspec.convert({"days": 3, **told}, Validity)


@pytest.mark.parametrize(
    ("validity", "issued_at", "activated_at", "expires_at"),
    [
        (lasting(), at(1, 12), None, at(5)),
        (lasting(), at(1, 0), None, at(5)),
        (lasting(), at(1, 23, 59), None, at(5)),
        (lasting(since="activation"), at(1), None, None),
        (lasting(since="activation"), at(1), at(4, 12), at(8)),
        (lasting(since="issue"), at(1), at(4, 12), at(5)),
        (Validity(), at(1), at(1), None),
    ],
)
def test_a_card_lasts_through_the_whole_of_its_last_day(validity, issued_at, activated_at, expires_at):
    assert expiry(validity, issued_at, activated_at) == expires_at


def test_three_years_are_never_shorter_than_three_years():
    # 1,096 days, which is what the law's bearer cards have: also from a leap day on.
    for began in (datetime(2024, 2, 29, 9, tzinfo=CHINA), datetime(2023, 3, 1, 9, tzinfo=CHINA)):
        expires_at = expiry(Validity(days=1096), began, None)
        assert expires_at > began.replace(year=began.year + 3, month=3, day=1)


@pytest.mark.parametrize(
    ("renewal", "now", "expires_at"),
    [
        ("automatic", at(5), at(8)),
        ("automatic", at(4), at(8)),
        ("automatic", at(9), at(11)),
        ("automatic", at(8), at(11)),
        ("on_request", at(4), at(8)),
        ("on_request", at(9, 12), at(13)),
        ("none", at(9, 12), at(13)),
    ],
)
def test_a_renewal_begins_where_the_term_ended_and_a_reactivation_now(renewal, now, expires_at):
    assert renewed(lasting(renewal=renewal), at(5), now) == expires_at


def test_a_renewal_may_have_days_of_its_own():
    assert renewed(lasting(renewal="automatic", renewal_days=10), at(5), at(5)) == at(15)


@pytest.mark.parametrize(
    ("told", "now", "expected"),
    [
        ({}, at(4, 23, 59), Stage.VALID),
        ({}, at(5), Stage.EXPIRED),
        ({"grace_days": 2}, at(6, 23), Stage.GRACE),
        ({"grace_days": 2}, at(7), Stage.EXPIRED),
        ({"reactivation_days": 0}, at(5), Stage.OVER),
        ({"reactivation_days": 4}, at(8, 23), Stage.EXPIRED),
        ({"reactivation_days": 4}, at(9), Stage.OVER),
    ],
)
def test_a_card_pays_then_may_go_on_then_is_over(told, now, expected):
    assert stage(lasting(**told), at(5), now) is expected
    assert stage(lasting(**told), None, now) is Stage.VALID


NOTICES = Notices(before_expiry_days=(7, 30, 1), silence_days=(5, 10))
END = at(31)


@pytest.mark.parametrize(
    ("now", "expires_at", "sent", "due"),
    [
        (at(1), None, [], []),
        (at(1) - DAY, END, [], []),
        (at(1), END, [], [(EXPIRY, 30)]),
        (at(2), END, [(EXPIRY, 30)], []),
        (at(24), END, [(EXPIRY, 30)], [(EXPIRY, 7)]),
        (at(24), END, [], [(EXPIRY, 7)]),
        (at(25), END, [(EXPIRY, 7)], []),
        (at(30, 12), END, [(EXPIRY, 7)], [(EXPIRY, 1)]),
        (at(31), END, [], []),
    ],
)
def test_of_an_expiry_the_nearest_notice_alone_is_due_once(now, expires_at, sent, due):
    told = {Notice(kind, days, END) for kind, days in sent}
    found = notices_due(NOTICES, expires_at, now, told, now)
    assert found == [Notice(kind, days, END) for kind, days in due]


def test_of_silence_one_is_told_after_each_of_its_days_and_anew_after_each_use():
    used = at(1)
    first, second = Notice(SILENCE, 5, used), Notice(SILENCE, 10, used)
    assert notices_due(NOTICES, None, used, (), at(6) - timedelta(seconds=1)) == []
    assert notices_due(NOTICES, None, used, (), at(6)) == [first]
    assert notices_due(NOTICES, None, used, {first}, at(7)) == []
    assert notices_due(NOTICES, None, used, {first}, at(11)) == [second]
    assert notices_due(NOTICES, None, at(6), {first, second}, at(11)) == [Notice(SILENCE, 5, at(6))]


def test_after_a_renewal_the_new_expiry_is_told_of():
    sent = {Notice(EXPIRY, 7, END)}
    assert notices_due(NOTICES, END + 30 * DAY, END, sent, END + 23 * DAY)[0] == Notice(EXPIRY, 7, END + 30 * DAY)


@pytest.mark.parametrize(
    ("told", "expires_at", "used_at", "now", "expected"),
    [
        ({"before_expiry_days": (30, 7)}, END, at(1), at(1), at(24)),
        ({"before_expiry_days": (30, 7)}, END, at(1), at(24), None),
        ({"before_expiry_days": (30, 7)}, None, at(1), at(1), None),
        ({"silence_days": (5, 10)}, None, at(1), at(3), at(6)),
        # It is used tomorrow, and silent from then on.
        ({"silence_days": (5, 10)}, None, at(1), at(11), at(16) - 2 * USED_LATE),
        ({"silence_days": (5,), "before_expiry_days": (7,)}, at(20), at(1), at(11), at(13)),
    ],
)
def test_the_next_look_is_when_something_may_be_due(told, expires_at, used_at, now, expected):
    assert next_look(Notices(**told), expires_at, used_at, now) == expected


DAYS = st.lists(st.integers(1, 60), max_size=3).map(tuple)
HOURS = st.integers(0, 2_000).map(lambda hours: at(1) + timedelta(hours=hours))


@given(DAYS, DAYS, st.none() | HOURS, HOURS, HOURS, HOURS, HOURS)
def test_nothing_is_due_between_a_look_and_the_next(before, silence, expires_at, used_at, now, used_again, then):
    """However often it is used meanwhile, and entered an hour late."""
    notices = Notices(before_expiry_days=before, silence_days=silence)
    sent = notices_due(notices, expires_at, used_at, (), now)
    look = next_look(notices, expires_at, used_at, now)
    then = max(now, then) if look is None else min(max(now, then), look - timedelta(seconds=1))
    for last in (used_at, max(used_again, now - USED_LATE)):
        if look is None:
            assert not silence
        assert notices_due(notices, expires_at, last, sent, then) == []
