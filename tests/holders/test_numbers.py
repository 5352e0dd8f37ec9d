"""Numbers of people and companies: the standards' own examples, and what is wrong with others."""

from datetime import UTC, date, datetime

import pytest

from koudai.holders import DocumentType, Field, Kind, numbers
from koudai.holders.mask import masked
from koudai.holders.retain import years_after


def kept(check, *given):
    """The value as it is kept, or the standard that it doesn't keep."""
    try:
        return check(*given)
    except ValueError as error:
        return f"! {error}"


GB_ID, GB_CODE, E164 = "! GB 11643-1999", "! GB 32100-2015", "! ITU-T E.164"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("11010519491231002X", "11010519491231002X"),  # the example of GB 11643-1999
        ("11010519491231002x", "11010519491231002X"),
        (" 110105 19491231 002X ", "11010519491231002X"),
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002X"),
        ("110105194912310021", GB_ID),  # the check digit
        ("11010519491231003X", GB_ID),
        ("11010519491232002X", GB_ID),  # no such day
        ("440524188001010014", GB_ID),  # the standard's other example: nobody was born in 1880
        ("990105194912310026", GB_ID),  # no such region
        ("11010519491231002", GB_ID),
        ("", GB_ID),
        ("王小明", GB_ID),
    ],
)
def test_resident_identity_numbers(text, told):
    assert kept(numbers.resident_id, text) == told


def test_every_single_wrong_digit_and_every_swap_of_neighbours_is_found():
    good = "11010519491231002X"
    for at in range(17):
        for digit in "0123456789":
            if digit != good[at]:
                assert kept(numbers.resident_id, good[:at] + digit + good[at + 1 :]) == GB_ID
        if good[at] != good[at + 1]:
            assert kept(numbers.resident_id, good[:at] + good[at + 1] + good[at] + good[at + 2 :]) == GB_ID


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("91350100M000100Y43", "91350100M000100Y43"),  # the example of GB 32100-2015
        ("91350100-m000100y43", "91350100M000100Y43"),
        ("91350100M000100Y44", GB_CODE),
        ("91350100M000100Y4I", GB_CODE),  # I, O, S, V and Z are no characters of a code
        ("9135010OM000100Y43", GB_CODE),
        ("91350100M000100Y4", GB_CODE),
        ("", GB_CODE),
    ],
)
def test_unified_social_credit_codes(text, told):
    assert kept(numbers.credit_code, text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("13800005678", "+8613800005678"),
        ("+86 138-0000-5678", "+8613800005678"),
        ("+86 (138) 0000 5678", "+8613800005678"),
        ("+442079460958", "+442079460958"),
        ("+86 10 8000 0000", "+861080000000"),  # a line in Beijing
        ("+86 755 8000 0000", "+8675580000000"),
        ("+8612800005678", E164),  # no Chinese mobile
        ("12800005678", E164),
        ("02079460958", E164),
        ("+0442079460958", E164),
        ("+4420794609581234", E164),
        ("+123456", E164),
        ("phone", E164),
        ("", E164),
    ],
)
def test_telephone_numbers(text, told):
    assert kept(numbers.phone, text) == told


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("passport", "e1234 5678", "E12345678"),
        ("passport", "E123", "! ICAO 9303"),
        ("hk_macao_permit", "H12345678", "H12345678"),
        ("hk_macao_permit", "h1234567801", "H1234567801"),
        ("hk_macao_permit", "X12345678", "! GA 467"),
        ("taiwan_permit", "12345678", "12345678"),
        ("taiwan_permit", "1234567", "! GA 467"),
        ("foreign_permanent", "911101199003071238", GB_ID),
        ("foreign_permanent", "11010519491231002X", GB_ID),
        ("resident_id", "11010519491231002X", "11010519491231002X"),
    ],
)
def test_documents(kind, text, told):
    assert kept(numbers.document_number, DocumentType(kind), text) == told


TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1990-03-07", "1990-03-07"),
        ("2026-11-20", "2026-11-20"),
        ("2026-11-21", "! ISO 8601"),
        ("1899-12-31", "! ISO 8601"),
        ("1990-02-30", "! ISO 8601"),
        ("19900307", "! ISO 8601"),
        ("7.3.1990", "! ISO 8601"),
    ],
)
def test_birth_dates(text, told):
    assert kept(lambda value: numbers.birth_date(value, today=TODAY), text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Li.Na@Example.COM ", "li.na@example.com"),
        ("a@b", "! RFC 5321"),
        ("a@b..c", "! RFC 5321"),
        ("a b@c.d", "! RFC 5321"),
        ("@c.d", "! RFC 5321"),
        ("x" * 65 + "@c.d", "! RFC 5321"),
    ],
)
def test_email_addresses(text, told):
    assert kept(numbers.email, text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  王 小明 ", "王 小明"),
        ("Jose\u0301", "Jos\u00e9"),
        (" ", "! Unicode NFC"),
        ("a\u202eb", "! Unicode NFC"),
        ("x" * 201, "! Unicode NFC"),
    ],
)
def test_names(text, told):
    assert kept(numbers.words, text) == told


@pytest.mark.parametrize(
    ("born", "is_child"),
    [(date(2012, 11, 20), False), (date(2012, 11, 21), True), (date(2026, 11, 20), True), (date(1990, 1, 1), False)],
)
def test_who_is_under_fourteen(born, is_child):
    assert numbers.is_under_14(born, TODAY) is is_child


PERSON, COMPANY = Kind.PERSON, Kind.COMPANY


@pytest.mark.parametrize(
    ("kind", "field", "value", "shown"),
    [
        (PERSON, "name", "王小明", "王*明"),
        (PERSON, "name", "欧阳小明", "欧**明"),
        (PERSON, "name", "王明", "王*"),
        (PERSON, "name", "王", "王*"),
        (PERSON, "name", "John Smith", "J*** ***"),
        (PERSON, "name", "A B", "A*** ***"),
        (PERSON, "name", "王 明", "王*** ***"),
        (PERSON, "name", "J Paul O", "J*** *** ***"),
        (PERSON, "name", "阿·明", "阿***·***"),
        (PERSON, "name", "É-B", "É***-***"),
        (PERSON, "name", "Prince", "P***"),
        (PERSON, "phone", "+8613800005678", "138****5678"),
        (PERSON, "phone", "+442079460958", "****958"),
        (PERSON, "phone", "+1234567890", "****890"),  # as long as a Chinese mobile without its +86
        (PERSON, "document_number", "11010519491231002X", "**************002X"),
        (PERSON, "document_number", "12345678", "******78"),
        (PERSON, "document_type", "passport", "passport"),
        (PERSON, "email", "li.na@example.com", "l***@example.com"),
        (PERSON, "address", "北京市朝阳区", "****"),
        (PERSON, "birth_date", "1990-03-07", "1990-**-**"),
        (COMPANY, "name", "晨光文具店", "晨光文具店"),
        (COMPANY, "credit_code", "91350100M000100Y43", "91350100M000100Y43"),
        (COMPANY, "phone", "+8613800005678", "138****5678"),
    ],
)
def test_what_is_masked(kind, field, value, shown):
    assert masked(kind, Field(field), value) == shown


@pytest.mark.parametrize(
    ("moment", "years", "later"),
    [
        (datetime(2026, 11, 20, 16, tzinfo=UTC), 5, datetime(2031, 11, 20, 16, tzinfo=UTC)),
        # 29 February in China, which is the 28th in UTC
        (datetime(2024, 2, 28, 16, tzinfo=UTC), 5, datetime(2029, 2, 28, 16, tzinfo=UTC)),
        (datetime(2024, 2, 28, 16, tzinfo=UTC), 4, datetime(2028, 2, 28, 16, tzinfo=UTC)),
    ],
)
def test_years_are_those_of_the_chinese_calendar(moment, years, later):
    assert years_after(moment, years) == later
