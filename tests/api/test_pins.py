"""PINs and pay codes over HTTP: told in bodies alone, never repeated, and their pictures read by a scanner."""

import io
import re
from base64 import b64decode
from datetime import timedelta
from xml.etree import ElementTree

import anyio
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from koudai.api import chores
from koudai.api.problems import Problem
from koudai.api.secret_shapes import NewPin, PinChange
from koudai.api.throttle import SPAN_S, WRONG_CODES, Throttle
from koudai.api.wishes import Redeem
from koudai.cards.secrets.codes import draw_code
from koudai.cards.secrets.pictures import qr_text

pytestmark = pytest.mark.anyio

RIGHT, WRONG, OTHER = "274916", "274917", "805263"


@pytest.fixture
async def shop(api):
    """A card with 100.00 on it, and who is paid."""
    return await api.loaded(await api.programme(), 10_000), await api.merchant()


async def pay(api, shop, kind="REDEEM", **more):
    named = {} if "pay_code" in more else {"gift_card_id": shop[0]}
    return await api.act(kind, merchant_id=shop[1], amount_minor=100, currency="CNY", **named, **more)


async def code_of(api, card) -> dict:
    answer = await api.post(f"/v1/gift_cards/{card}/pay_codes", None)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def said(answer):
    told = answer.json()
    return told.get("code", told.get("type"))


async def test_a_pin_is_set_changed_asked_for_and_reset(api, shop) -> None:
    pin = f"/v1/gift_cards/{shop[0]}/pin"
    weak = await api.post(pin, {"pin": "123456"})
    assert (weak.status_code, said(weak)) == (422, "cards.pin_weak")
    made = await api.post(pin, {"pin": RIGHT}, key="s")
    assert (made.status_code, said(made)) == (201, "SET_PIN")
    assert (await api.post(pin, {"pin": RIGHT}, key="s")).json() == made.json()
    assert (await api.post(pin, {"pin": OTHER}, key="s")).json()["facts"] == {"field": "pin"}
    bare = await pay(api, shop)
    assert (bare.status_code, said(bare)) == (409, "cards.pin_missing")
    assert said(await pay(api, shop, pin=RIGHT)) == "cards.pin_needs_device"
    wrong = await pay(api, shop, pin=WRONG, device="till")
    assert (wrong.status_code, wrong.json()["facts"]) == (409, {"left_count": 4, "limit_count": 5})
    change = {"old_pin": RIGHT, "pin": OTHER, "device": "app"}
    assert said(await api.post(pin + "/change", change)) == "CHANGE_PIN"
    assert said(await pay(api, shop, "AUTHORISE", pin=OTHER, device="till")) == "AUTHORISE"
    assert said(await api.post(pin + "/reset", None)) == "RESET_PIN"
    assert said(await pay(api, shop)) == "REDEEM"


async def test_a_card_is_issued_with_a_pin(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = (await api.card(programme, pin=RIGHT))["id"]
    await api.act("LOAD", gift_card_id=card, amount_minor=500, currency="CNY", source="cash")
    assert said(await pay(api, (card, merchant))) == "cards.pin_missing"
    assert said(await pay(api, (card, merchant), pin=RIGHT, device="till")) == "REDEEM"


@pytest.mark.parametrize("wrong", ["12345", "1234567", "27491a", "２７４９１６", "274916\n", 274916, None])
async def test_what_is_no_pin_is_not_repeated(api, shop, wrong) -> None:
    answer = await api.post(f"/v1/gift_cards/{shop[0]}/pin", {"pin": wrong})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "pin"
    assert wrong is None or str(wrong) not in answer.text


async def test_a_code_pays_once(api, shop) -> None:
    code = (await code_of(api, shop[0]))["code"]
    paid = await pay(api, shop, pay_code=code, key="p")
    assert (paid.status_code, paid.json()["gift_card_id"]) == (201, shop[0])
    assert (await pay(api, shop, pay_code=code, key="p")).json() == paid.json()
    again = await pay(api, shop, pay_code=code)
    assert (again.status_code, said(again)) == (409, "cards.pay_code_used")
    other = await pay(api, shop, key="p")
    assert (said(other), other.json()["facts"]) == ("ledger.key_reused", {"field": "gift_card_id"})


@pytest.mark.parametrize(
    ("named", "status", "field"),
    [
        ({"pay_code": "80"}, 422, "pay_code"),
        ({"pay_code": "9000010000000000009"}, 422, "pay_code"),
        ({"pay_code": "80000000000000000007", "gan": "9000010000000000009"}, 422, "pay_code"),
    ],
)
async def test_a_code_is_well_formed_and_alone(api, shop, named, status, field) -> None:
    answer = await pay(api, shop, **named)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


async def test_codes_pay_in_a_batch(api, shop) -> None:
    code = (await code_of(api, shop[0]))["code"]
    items = [
        {"idempotency_key": f"b{n}", "pay_code": code, "merchant_id": shop[1], "amount_minor": 1, "currency": "CNY"}
        for n in range(2)
    ]
    answer = await api.post("/v1/gift_card_activities/batch", {"redemptions": items})
    assert [o["status"] for o in answer.json()["outcomes"]] == ["accepted", "refused"]


async def test_the_pictures_say_the_code(api, shop) -> None:
    made = await code_of(api, shop[0])
    qr, bars = (Image.open(io.BytesIO(b64decode(made[name]))) for name in ("qr_png", "code128_png"))
    read = [*scanned(qr), *scanned(bars), *scanned(drawn_bars(made["code128_svg"])), *scanned(drawn_qr(made["qr_svg"]))]
    assert read == [
        ("QR Code", made["code"]), ("Code 128", made["code"]), ("Code 128", made["code"]), ("QR Code", made["code"]),
    ]  # fmt: skip
    assert scanned(drawn_text(qr_text(made["code"]))) == [("QR Code", made["code"])]


def scanned(image):
    return [(str(one.format), one.text) for one in zxingcpp.read_barcodes(image.convert("L"))]


def drawn_bars(svg):
    """A Code 128's SVG in pixels: white, and black rectangles in millimetres."""
    root = ElementTree.fromstring(svg.encode())  # noqa: S314 ours
    of = lambda element, name: float(element.get(name).removesuffix("mm")) * 20  # noqa: E731
    image = Image.new("L", (round(of(root, "width")), round(of(root, "height"))), 255)
    pen = ImageDraw.Draw(image)
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        if "black" in bar.get("style"):
            x, y, width, height = (of(bar, name) for name in ("x", "y", "width", "height"))
            pen.rectangle((round(x), round(y), round(x + width) - 1, round(y + height)), fill=0)
    return image


def drawn_qr(svg):
    """A QR's SVG in pixels: one path of lines from left to right, in modules."""
    root = ElementTree.fromstring(svg)  # noqa: S314 ours
    image = Image.new("L", (int(root.get("width")), int(root.get("height"))), 255)
    pen, x, y = ImageDraw.Draw(image), 0.0, 0.0
    for kind, a, b in steps_of(root.find(".//{*}path").get("d")):
        if kind == "h":
            pen.rectangle((x * 8, (y - 0.5) * 8, (x + a) * 8 - 1, (y + 0.5) * 8 - 1), fill=0)
            x += a
        else:
            x, y = (a, b) if kind == "M" else (x + a, y + b)
    return image


def steps_of(path):
    for kind, a, b in re.findall(r"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", path):
        yield kind, float(a), float(b or 0)


def drawn_text(text):
    """Block characters as a dark terminal shows them: a full one is light."""
    lines = text.rstrip("\n").split("\n")
    image = Image.new("L", (len(lines[0]) * 8, len(lines) * 16), 0)
    pen = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        for column, block in enumerate(line):
            for half, lit in enumerate((block in "█▀", block in "█▄")):
                if lit:
                    pen.rectangle((column * 8, row * 16 + half * 8, column * 8 + 7, row * 16 + half * 8 + 7), fill=255)
    return image


async def test_who_sends_codes_that_nobody_made_is_slowed(api, shop) -> None:
    codes = [draw_code() for _ in range(WRONG_CODES + 1)]
    told = [await pay(api, shop, pay_code=code) for code in codes]
    assert [answer.status_code for answer in told] == [404] * WRONG_CODES + [429]
    assert 0 < int(told[-1].headers["retry-after"]) <= SPAN_S + 1
    code = (await code_of(api, shop[0]))["code"]
    assert said(await pay(api, shop, pay_code=code, key="later")) == "api.too_many_codes"
    item = {"idempotency_key": "i", "pay_code": code, "merchant_id": shop[1], "amount_minor": 1, "currency": "CNY"}
    batch = await api.post("/v1/gift_card_activities/batch", {"redemptions": [item]})
    assert [o["status"] for o in batch.json()["outcomes"]] == ["failed"]
    assert said(await pay(api, shop)) == "REDEEM", "what names the card itself is taken"


async def test_a_server_forgets_codes_of_long_ago(instance, opened, monkeypatch) -> None:
    monkeypatch.setattr(chores, "PURGE_EVERY_S", 0.05)
    monkeypatch.setattr(chores, "PURGED_AFTER", -timedelta(hours=1))
    async with opened(instance) as api:
        shop = await api.loaded(await api.programme(), 10_000), await api.merchant()
        paid_by = (await code_of(api, shop[0]))["code"]
        assert said(await pay(api, shop, pay_code=paid_by)) in ("REDEEM", "cards.unknown_pay_code")
        for _ in range(200):
            if said(told := await pay(api, shop, pay_code=paid_by)) == "cards.unknown_pay_code":
                break
            await anyio.sleep(0.05)
        assert said(told) == "cards.unknown_pay_code"


@pytest.mark.parametrize(
    ("wrong_at", "asked_at", "stopped"),
    [
        ([0] * 20,            0,    True),
        ([0] * 20,            59.9, True),
        ([0] * 20,            60,   False),
        ([0] * 19,            0,    False),
        ([0] * 19 + [59],     118,  True),
        ([0] * 19 + [60],     60,   False),
        ([0] * 20 + [61] * 19, 61,  False),
        ([0] * 20 + [61] * 20, 61,  True),
    ],
)  # fmt: skip
def test_a_key_is_stopped_for_a_span(wrong_at, asked_at, stopped) -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for at in wrong_at:
        now[0] = at
        throttle.wrong("k")
    now[0] = asked_at
    throttle.check("other")
    if stopped:
        with pytest.raises(Problem):
            throttle.check("k")
    else:
        throttle.check("k")


def test_no_body_repeats_what_it_carries() -> None:
    code = draw_code()
    bodies = [
        NewPin(pin=RIGHT), PinChange(old_pin=RIGHT, pin=OTHER, device="d"),
        Redeem(pay_code=code, pin=RIGHT, merchant_id="m", amount_minor=1, currency="CNY"),
    ]  # fmt: skip
    assert not any(secret in repr(bodies) for secret in (RIGHT, OTHER, code))
