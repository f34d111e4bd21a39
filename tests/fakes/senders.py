"""A sender of deliveries: signs them as systems do."""

import base64
import hmac

from runtime.security.signatures import Encoding, Scheme


def sign(
    scheme: Scheme, key: bytes, body: bytes, *, delivery_id: str, timestamp: str
) -> dict[str, str]:
    """The headers of a signed delivery, as a sender makes them."""
    before = scheme.before_body.replace("{id}", delivery_id).replace("{timestamp}", timestamp)
    digest = hmac.new(key, before.encode() + body, scheme.algorithm).digest()
    text = digest.hex() if scheme.encoding is Encoding.HEX else base64.b64encode(digest).decode()
    headers = {scheme.signature: f"{scheme.prefix}{text}"}
    if scheme.timestamp is not None:
        headers[scheme.timestamp] = timestamp
    if scheme.delivery_id is not None:
        headers[scheme.delivery_id] = delivery_id
    return headers
