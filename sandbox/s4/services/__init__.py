"""The services that the pretend S/4HANA offers, each with the properties that it fills."""

from __future__ import annotations

from sandbox.s4.services.masters import BUSINESS_PARTNER, INFO_RECORD, PLANT, PRODUCT
from sandbox.s4.services.movements import (
    MATERIAL_DOCUMENT,
    PLANNED_REQUIREMENT,
    PURCHASE_ORDER,
    STOCK,
)

SERVICES = {
    offered.name: offered
    for offered in (
        PRODUCT,
        BUSINESS_PARTNER,
        PLANT,
        STOCK,
        PURCHASE_ORDER,
        MATERIAL_DOCUMENT,
        PLANNED_REQUIREMENT,
        INFO_RECORD,
    )
}
