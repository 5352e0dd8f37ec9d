"""How long a card lasts, and of what its holder is reminded. Pure; days are Chinese calendar days."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from koudai.base import DAY_S, day_start_s, moment_of, seconds_of
from koudai.programmes.model import Notices, Validity
from koudai.programmes.words import Renewal, Start


class Stage(StrEnum):
    """How far a card is in its life."""

    VALID = "valid"
    GRACE = "grace"
    EXPIRED = "expired"
    OVER = "over"


def expiry(validity: Validity, issued_at: datetime, activated_at: datetime | None) -> datetime | None:
    """When a card that was not renewed yet expires; None: never, or not before it is activated.

    It lasts through the whole of the last day: at the end of that one, `days` after the day that it
    counts from, it expires.
    """
    began = issued_at if validity.since is Start.ISSUE else activated_at
    if validity.days is None or began is None:
        return None
    return end_of_day(began, validity.days)


def renewed(validity: Validity, expires_at: datetime, now: datetime) -> datetime:
    """When a card expires that is renewed or re-activated now. Without days of validity it isn't asked.

    A renewal begins where the term before it ended, as often as it takes to last beyond now; what had
    expired and is made to go on only when its holder asks lasts from now.
    """
    assert validity.days is not None, "what never expires is never renewed"
    days = validity.renewal_days or validity.days
    if validity.renewal is not Renewal.AUTOMATIC and now >= expires_at:
        return end_of_day(now, days)
    behind = max(now - expires_at, timedelta()) // timedelta(days=days)
    return expires_at + timedelta(days=days) * (behind + 1)


def stage(validity: Validity, expires_at: datetime | None, now: datetime) -> Stage:
    """Whether a card pays (`VALID`, `GRACE`), may be made to go on (`EXPIRED`), or neither (`OVER`)."""
    if expires_at is None or now < expires_at:
        return Stage.VALID
    if now < expires_at + timedelta(days=validity.grace_days):
        return Stage.GRACE
    within = validity.reactivation_days
    if within is None or now < expires_at + timedelta(days=within):
        return Stage.EXPIRED
    return Stage.OVER


class NoticeKind(StrEnum):
    """Of what a holder is reminded."""

    BEFORE_EXPIRY = "before_expiry"
    SILENCE = "silence"


class Notice(NamedTuple):
    """A reminder: so many days before `of` (the expiry) or after it (the last use). A later `of` is told anew."""

    kind: NoticeKind
    days: int
    of: datetime


def notices_due(
    notices: Notices, expires_at: datetime | None, last_used_at: datetime, sent: Collection[Notice], now: datetime
) -> list[Notice]:
    """Which reminders are due and not sent: of each kind the latest alone, so that nobody is told twice at once."""
    due = []
    if expires_at is not None and now < expires_at:
        passed = [days for days in notices.before_expiry_days if now >= expires_at - timedelta(days=days)]
        due += [Notice(NoticeKind.BEFORE_EXPIRY, min(passed), expires_at)] if passed else []
    passed = [days for days in notices.silence_days if now >= last_used_at + timedelta(days=days)]
    due += [Notice(NoticeKind.SILENCE, max(passed), last_used_at)] if passed else []
    return [notice for notice in due if notice not in sent]


USED_LATE = timedelta(hours=1)
"""How long after it happened a use may be entered, for `next_look` to have reckoned with it."""


def next_look(notices: Notices, expires_at: datetime | None, last_used_at: datetime, now: datetime) -> datetime | None:
    """When a reminder may be due again of a card of which now none is left; None: of this expiry and by use, never.

    A use after now only moves a silence out. But it begins a new one, of which the first reminder is due so many days
    after it; so no more time passes until the next look, less what a use may be entered late and its batch may take.
    """
    moments = [] if expires_at is None else [expires_at - timedelta(days=days) for days in notices.before_expiry_days]
    moments += [last_used_at + timedelta(days=days) for days in notices.silence_days]
    coming = [moment for moment in moments if moment > now]
    if notices.silence_days:
        coming.append(now + timedelta(days=min(notices.silence_days)) - 2 * USED_LATE)
    return min(coming, default=None)


def end_of_day(began: datetime, days: int) -> datetime:
    """The end of the day that is so many days after the one of a moment."""
    return moment_of(day_start_s(seconds_of(began)) + (days + 1) * DAY_S)
