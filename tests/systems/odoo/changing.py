"""What changes records of the simulated Odoo: each call whole, or not at all.

create       purchase orders with their lines, by commands for related records
write        fields, and lines by the same commands
button_...   draft or sent -> purchase; everything but done and locked orders -> cancel
"""

import copy
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.systems.odoo.world import Fields, Records

CHANGES: Final = frozenset({"create", "write", "button_confirm", "button_cancel"})
_ORDER, _LINE = "purchase.order", "purchase.order.line"
_REQUIRED: Final = {
    _ORDER: {"partner_id": "Vendor"},
    _LINE: {"product_id": "Product", "product_qty": "Quantity", "date_planned": "Expected Arrival"},
}


class OdooError(Exception):
    """An exception on the server, by its name there."""

    def __init__(self, name: str, message: str, status: int) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = status


def user_error(message: str) -> OdooError:
    """What Odoo tells users."""
    return OdooError("odoo.exceptions.UserError", message, 422)


def _missing(model: str, record: Any) -> OdooError:
    message = f"Record does not exist or has been deleted.\n(Record: {model}({record},))"
    return OdooError("odoo.exceptions.MissingError", message, 404)


class Changing:
    """Changes the records of one server.

    Args:
        fields: Its models.
        records: Its records, which are changed in place.
    """

    def __init__(self, fields: Fields, records: Records) -> None:
        self._fields = fields
        self._records = records
        self._at = datetime(2026, 11, 23, 9, 0, 0, 123456, UTC)

    def call(self, model: str, method: str, named: dict[str, Any]) -> Any:
        """Do it, or leave everything as it was."""
        before = copy.deepcopy(self._records)
        try:
            return self._call(model, method, named)
        except OdooError:
            self._records.clear()
            self._records.update(before)
            raise

    def _call(self, model: str, method: str, named: dict[str, Any]) -> Any:
        if method == "create":
            return [self._create(model, values) for values in named["vals_list"]]
        for record in named["ids"]:
            if record not in self._records[model]:
                message = (
                    f"Record does not exist or has been deleted.\n(Record: {model}({record},))"
                )
                raise OdooError("odoo.exceptions.MissingError", message, 404)
            if method == "write":
                self._write(model, record, named["vals"])
            elif model != _ORDER:
                message = f"no method {model}.{method}"
                raise OdooError("werkzeug.exceptions.NotFound", message, 404)
            elif method == "button_confirm":
                self._confirm(self._records[model][record])
            else:
                self._cancel(self._records[model][record])
        return True

    def _create(self, model: str, values: dict[str, Any]) -> int:
        number = max(self._records[model], default=0) + 1
        row: dict[str, Any] = {"id": number, "write_date": self._now()}
        if model == _ORDER:
            row |= {
                "name": f"P{number:05d}", "state": "draft", "user_id": 1, "company_id": 1,
                "currency_id": 1, "picking_type_id": 1, "receipt_status": False, "locked": False,
                "invoice_status": "no", "order_line": [], "amount_untaxed": 0.0,
                "date_order": self._now()[:19],
            }  # fmt: skip
        if model == _LINE:
            row |= {"display_type": False, "discount": 0.0, "qty_received": 0.0, "sequence": 10}
        row["display_name"] = row.get("name", f"#{number}")
        self._records[model][number] = row
        self._put(model, row, values)
        for name, label in _REQUIRED.get(model, {}).items():
            if row.get(name, False) is False:
                raise OdooError(
                    "odoo.exceptions.ValidationError",
                    "The operation cannot be completed:\n- Create/update: a mandatory field is not "
                    f"set.\n\nModel: {model}\nField: {label} ({name})",
                    422,
                )
        self._total(model, row)
        return number

    def _write(self, model: str, record: int, values: dict[str, Any]) -> None:
        row = self._records[model][record]
        if model == _ORDER and row.get("locked"):
            raise user_error("You cannot modify a locked order.")
        if model == _LINE and values.get("product_qty", row["product_qty"]) < row["qty_received"]:
            raise user_error(
                "You cannot decrease the ordered quantity below the received quantity.\n"
                "Create a return first."
            )
        self._put(model, row, values)
        row["write_date"] = self._now()
        self._total(model, row)

    def _put(self, model: str, row: dict[str, Any], values: dict[str, Any]) -> None:
        for name, value in values.items():
            kind = self._fields[model].get(name)
            if kind is None or name == "id":
                message = f"Invalid field {name!r} on model {model!r}"
                raise OdooError("builtins.ValueError", message, 422)
            if not isinstance(kind, str) and kind[0] == "one2many":
                self._commands(row, name, kind[1], value)
            elif not isinstance(kind, str) and value and value not in self._records[kind[1]]:
                message = (
                    f"Record does not exist or has been deleted.\n(Record: {kind[1]}({value},))"
                )
                raise OdooError("odoo.exceptions.MissingError", message, 404)
            elif kind == "datetime" and value:
                datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
                row[name] = value
            else:
                row[name] = value

    def _commands(
        self, row: dict[str, Any], name: str, model: str, commands: Sequence[Sequence[Any]]
    ) -> None:
        held = row.setdefault(name, [])
        for command, record, *values in commands:
            match command:
                case 0:
                    held.append(self._create(model, {"order_id": row["id"], **values[0]}))
                case 1:
                    self._write(model, record, values[0])
                case 4:
                    held.append(record)
                case _:
                    raise OdooError("builtins.ValueError", f"Invalid command {command}", 422)

    def _total(self, model: str, row: dict[str, Any]) -> None:
        if model == _LINE:
            row = self._records[_ORDER][row["order_id"]]
        if model in {_ORDER, _LINE}:
            lines = [self._records[_LINE][n] for n in row["order_line"]]
            row["amount_untaxed"] = sum(x["product_qty"] * x["price_unit"] for x in lines)

    def _confirm(self, order: dict[str, Any]) -> None:
        if order["state"] in {"draft", "sent"}:  # others are passed over in silence
            order |= {"state": "purchase", "receipt_status": "pending", "write_date": self._now()}

    def _cancel(self, order: dict[str, Any]) -> None:
        if order.get("locked"):
            raise user_error(f"Unable to cancel purchase order(s): {order['name']}: it is locked.")
        if any(self._records[_LINE][n]["qty_received"] for n in order["order_line"]):
            raise user_error(
                f"Unable to cancel purchase order {order['name']} as some receptions have already "
                "been done."
            )
        order |= {"state": "cancel", "write_date": self._now()}

    def _now(self) -> str:
        self._at += timedelta(seconds=1)
        return self._at.strftime("%Y-%m-%d %H:%M:%S.%f")
