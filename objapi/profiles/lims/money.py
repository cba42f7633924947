"""Prices, value-added tax and invoices: exact decimals, amounts rounded half up to cents."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import decimal, flag, is_active, one, row_list, rows, setting, state, text

behaviors: Final = Behaviors()

_CENT: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)
_ZERO: Final = Decimal(0)
ORDERED: Final = "supplyorder_lineitems"
"""The field of an order that holds its lines."""


def amount(number: Decimal) -> str:
    """An amount of money as it is stored: two places, half up."""
    return str(number.quantize(_CENT, rounding=ROUND_HALF_UP))


def _vat(planner: Planner, entity: Entity, price: str, rate: str) -> Decimal:
    return _number(planner, entity, price) * _number(planner, entity, rate) / _HUNDRED


def _number(planner: Planner, entity: Entity, name: str) -> Decimal:
    return decimal(planner.value(entity, name)) or _ZERO


@behaviors.add("computed", "vat_amount")
def vat_amount(planner: Planner, entity: Entity) -> object:
    """The tax on a price: Price * VAT / 100."""
    return amount(_vat(planner, entity, "Price", "VAT"))


@behaviors.add("computed", "total_price")
def total_price(planner: Planner, entity: Entity) -> object:
    """A price with its tax, each rounded by itself so that the sum is what is shown."""
    return _total(planner, entity, "Price", "VAT")


@behaviors.add("computed", "profile_vat_amount")
def profile_vat_amount(planner: Planner, profile: Entity) -> object:
    """The tax on the price of a profile."""
    return amount(_vat(planner, profile, "AnalysisProfilePrice", "AnalysisProfileVAT"))


@behaviors.add("computed", "profile_total_price")
def profile_total_price(planner: Planner, profile: Entity) -> object:
    """The price of a profile with its tax."""
    return _total(planner, profile, "AnalysisProfilePrice", "AnalysisProfileVAT")


def _total(planner: Planner, entity: Entity, price: str, rate: str) -> str:
    net = Decimal(amount(_number(planner, entity, price)))
    return amount(net + Decimal(amount(_vat(planner, entity, price, rate))))


@behaviors.add("default", "default_vat")
def default_vat(planner: Planner, entity: Entity) -> object:
    """The rate of the settings."""
    return setting(planner, "VAT")


@behaviors.add("default", "member_discount")
def member_discount(planner: Planner, request: Entity) -> object:
    """The discount of the settings, for clients that are members."""
    client = one(planner, request, "Client")
    if client is None or not flag(planner, client, "MemberDiscountApplies"):
        return None
    return setting(planner, "MemberDiscount")


@behaviors.add("computed", "invoiced")
def invoiced(planner: Planner, request: Entity) -> object:
    """True for a request with an invoice."""
    return bool(planner.value(request, "Invoice"))


@behaviors.add("effect", "invoice_lines")
def invoice_lines(planner: Planner, invoice: Entity, args: Mapping[str, object]) -> None:
    """Take down what is charged: the analyses of the request, or the products of the order; one of them is a must."""
    lines: list[dict[str, object]] = []
    request, order = one(planner, invoice, "AnalysisRequest"), one(planner, invoice, "SupplyOrder")
    if request is None and order is None:
        message = "an invoice is for a request or an order: set AnalysisRequest or SupplyOrder"
        planner.refuse(message, field="AnalysisRequest", entity=invoice)
    if request is not None:
        lines += _request_lines(planner, request)
    if order is not None:
        lines += _order_lines(planner, order)
    planner.set(invoice, "invoice_lineitems", lines)


def _request_lines(planner: Planner, request: Entity) -> list[dict[str, object]]:
    """A line for each profile with a price of its own, and one for each analysis outside of such profiles."""
    discount = 1 - (decimal(planner.value(request, "MemberDiscount")) or _ZERO) / _HUNDRED
    number, day = text(planner, request, "ClientOrderNumber") or request.id, _day(planner, request, "DatePublished")
    profiles = dict.fromkeys(planner.related(request, "Profiles"))
    profiles.update(dict.fromkeys(planner.related(request, "Profile")))
    priced = [profile for profile in profiles if flag(planner, profile, "UseAnalysisProfilePrice")]
    covered = {service.uid for profile in priced for service in planner.related(profile, "Service")}
    lines = [
        _line(
            day,
            text(planner, profile, "title"),
            number,
            _number(planner, profile, "AnalysisProfilePrice") * discount,
            _number(planner, profile, "AnalysisProfileVAT"),
        )
        for profile in priced
    ]
    client = one(planner, request, "Client")
    price = "BulkPrice" if client is not None and flag(planner, client, "BulkDiscount") else "Price"
    for analysis in planner.related(request, "children(Analysis)"):
        service = one(planner, analysis, "Service")
        # A service that the price of a profile covers is not charged again.
        if service is None or service.uid in covered or not _is_charged(planner, analysis):
            continue
        net = _number(planner, service, price) * discount
        lines.append(_line(day, text(planner, service, "title"), number, net, _number(planner, service, "VAT")))
    return lines


def _is_charged(planner: Planner, analysis: Entity) -> bool:
    """Cancelled, retracted and not requested analyses cost nothing."""
    return is_active(planner, analysis) and state(planner, analysis) not in ("retracted", "not_requested")


def _order_lines(planner: Planner, order: Entity) -> list[dict[str, object]]:
    ordered = rows(planner, order, ORDERED)
    products = planner.by_uid(str(row.get("Product")) for row in ordered if row.get("Product"))
    lines = []
    for row in ordered:
        product = products.get(str(row.get("Product")))
        name = "" if product is None else text(planner, product, "title")
        price = _ordered_at(planner, row, product, "Price")
        if price is None:
            message = f"{order.path} has a line without a price: {name or row.get('Product')}; set its Price first"
            planner.refuse(message, field="SupplyOrder", entity=order)
            continue
        net = price * (decimal(row.get("Quantity")) or _ZERO)
        number, day = text(planner, order, "OrderNumber"), _day(planner, order, "OrderDate")
        lines.append(_line(day, name, number, net, _ordered_at(planner, row, product, "VAT") or _ZERO))
    return lines


def _ordered_at(planner: Planner, row: Mapping[str, object], product: Entity | None, name: str) -> Decimal | None:
    """A number of an ordered line, else that of its product; None where neither has one."""
    own = decimal(row.get(name))
    return own if own is not None or product is None else decimal(planner.value(product, name))


@behaviors.add("effect", "order_at_prices")
def order_at_prices(planner: Planner, order: Entity, args: Mapping[str, object]) -> None:
    """Take down the price and tax rate of each ordered product where the line names none: it is ordered at these."""
    ordered = rows(planner, order, ORDERED)
    products = planner.by_uid(str(row.get("Product")) for row in ordered if row.get("Product"))
    for row in ordered:
        product = products.get(str(row.get("Product")))
        for name in ("Price", "VAT"):
            value = None if product is None else planner.value(product, name)
            if row.get(name) in (None, "") and value is not None:
                row[name] = str(value)
    planner.set(order, ORDERED, ordered)


def _line(day: str, what: str, number: str, net: Decimal, rate: Decimal) -> dict[str, object]:
    subtotal, tax = amount(net), amount(net * rate / _HUNDRED)
    return {
        "ItemDate": day,
        "ItemDescription": what,
        "OrderNumber": number,
        "Subtotal": subtotal,
        "VATAmount": tax,
        "Total": amount(Decimal(subtotal) + Decimal(tax)),
    }


def _day(planner: Planner, entity: Entity, name: str) -> str:
    return text(planner, entity, name)[:10]


@behaviors.add("computed", "invoice_subtotal")
def invoice_subtotal(planner: Planner, invoice: Entity) -> object:
    """The sum of the lines before tax."""
    return _sum(rows(planner, invoice, "invoice_lineitems"), "Subtotal")


@behaviors.add("computed", "invoice_vat")
def invoice_vat(planner: Planner, invoice: Entity) -> object:
    """The sum of the lines' tax."""
    return _sum(rows(planner, invoice, "invoice_lineitems"), "VATAmount")


@behaviors.add("computed", "invoice_total")
def invoice_total(planner: Planner, invoice: Entity) -> object:
    """The sum of the lines with tax."""
    return _sum(rows(planner, invoice, "invoice_lineitems"), "Total")


def _sum(lines: Iterable[Mapping[str, object]], key: str) -> str:
    return amount(sum((decimal(line.get(key)) or _ZERO for line in lines), _ZERO))


@behaviors.add("computed", "invoice_text")
def invoice_text(planner: Planner, invoice: Entity) -> object:
    """The texts of the lines, for searching."""
    lines = rows(planner, invoice, "invoice_lineitems")
    return " ".join(str(line[key]) for line in lines for key in ("ItemDescription", "OrderNumber") if line.get(key))


@behaviors.add("computed", "ordered_products")
def ordered_products(planner: Planner, order: Entity) -> object:
    """The UIDs of the products ordered, each once."""
    lines = row_list(planner.value(order, ORDERED))
    return list(dict.fromkeys(str(line["Product"]) for line in lines if line.get("Product")))
