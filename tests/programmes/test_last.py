"""How long a card lasts, by Chinese days, and of what its holder is reminded."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from koudai.programmes import Notice, NoticeKind, Stage, Validity, expiry, notices_due, renewed, stage
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
