"""The regions and plants of the distributor: fixed, whatever the seed and size."""

from __future__ import annotations

from sandbox.world.records import Plant, Region

REGIONS = (
    Region("EU", "1010", "EUR", 0.45),
    Region("US", "1710", "USD", 0.30),
    Region("APAC", "3010", "SGD", 0.25),
)

_DC, _PLANT, _STORE = "distribution_center", "plant", "store"


def _plant(code: str, kind: str, name: str, region: Region, address: str, coupa: str) -> Plant:
    country, city, postal_code, street, zone = address.split("|")
    return Plant(
        code=code,
        name=name,
        kind=kind,  # type: ignore[arg-type]  # the three constants above
        region=region.code,
        organization=region.organization,
        country=country,
        city=city,
        postal_code=postal_code,
        street=street,
        sap_time_zone=zone,
        coupa_code=coupa,
        storage_locations=(f"{code[:3]}A", f"{code[:3]}B"),
    )


_EU, _US, _APAC = REGIONS

PLANTS = (
    _plant("1010", _DC, "DC Hamburg", _EU, "DE|Hamburg|21129|Finkenwerder Weg|CET", "1010"),
    _plant("1020", _DC, "DC Rotterdam", _EU, "NL|Rotterdam|3199 KC|Maasvlakte|CET", "1020"),
    _plant("1030", _DC, "DC Lyon", _EU, "FR|Lyon|69007|Rue de Gerland|CET", "1030"),
    _plant("1040", _STORE, "Store Milano", _EU, "IT|Milano|20141|Via Ripamonti|CET", "1040"),
    _plant("1050", _PLANT, "Plant Poznan", _EU, "PL|Poznan|61-001|Glogowska|CET", "1050"),
    _plant("1710", _DC, "DC Memphis", _US, "US|Memphis|38118|Lamar Avenue|CST", "1710"),
    _plant("1720", _DC, "DC Reno", _US, "US|Reno|89506|Moya Boulevard|PST", "1720"),
    _plant("1730", _DC, "DC Harrisburg", _US, "US|Harrisburg|17112|Linglestown Road|EST", "1730"),
    _plant("1740", _STORE, "Store Dallas", _US, "US|Dallas|75236|Mountain Creek|CST", "1740"),
    _plant("3010", _DC, "DC Singapore", _APAC, "SG|Singapore|629160|Pioneer Road|SING", "SIN1"),
    _plant("3020", _DC, "DC Sydney", _APAC, "AU|Sydney|2164|Victoria Street|AUSNSW", "SYD1"),
    _plant("3030", _DC, "DC Yokohama", _APAC, "JP|Yokohama|230-0054|Daikoku Futo|JAPAN", "YOK1"),
)

REGIONS_BY_CODE = {region.code: region for region in REGIONS}
PLANTS_BY_CODE = {plant.code: plant for plant in PLANTS}
