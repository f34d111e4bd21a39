"""Who is told of what, and how: from a notice to the messages that are sent.

Every route that a notice fits leads to one channel. A channel that takes letters gets one for each
address; the others get the notice once. What several routes lead to the same place is one message.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from canonical.exceptions import RANKS, ExceptionSeverity
from workflows.notifications.ports import Notice, NoticeKind

_BREAKS: Final = re.compile(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+")
_ADDRESS: Final = "email:"
_LONGEST_SUBJECT: Final = 200


class Message(Struct, frozen=True, kw_only=True):
    """A notice on its way to one place.

    Attributes:
        message_id: Names it for good, so that who gets it twice can tell.
        channel: The channel that sends it.
        address: To whom; None where the channel alone says.
        notice: What is told.
    """

    message_id: str
    channel: str
    address: str | None
    notice: Notice


class Route(Struct, frozen=True, kw_only=True):
    """Which notices go by a channel.

    Attributes:
        channel: Name of the channel.
        kinds: Of these kinds; all if empty.
        least: Of those with a severity, from this one on.
        owners: Of those that concern owners, for one of these; all if empty.
        to: Whom to tell besides those whom a notice concerns, in the same words.
    """

    channel: str
    kinds: frozenset[NoticeKind] = frozenset()
    least: ExceptionSeverity = ExceptionSeverity.LOW
    owners: frozenset[str] = frozenset()
    to: tuple[str, ...] = ()

    def fits(self, notice: Notice) -> bool:
        """Whether a notice goes this way."""
        if self.kinds and notice.kind not in self.kinds:
            return False
        if notice.severity is not None and RANKS[notice.severity] < RANKS[self.least]:
            return False
        concerned = {f"owner:{owner}" for owner in self.owners}
        return not concerned or not concerned.isdisjoint(notice.to)


class Routing(Struct, frozen=True, kw_only=True):
    """Where notices go.

    Attributes:
        routes: The routes.
        letters: Names of the channels that send to addresses.
        addresses: E-mail addresses by whom they are of: `owner:ann`, `role:buyer`, `supplier:S-1`.
        otherwise: Addresses for what concerns only people of whom none is known.
    """

    routes: Sequence[Route]
    letters: frozenset[str] = frozenset()
    addresses: Mapping[str, Sequence[str]] = {}
    otherwise: Sequence[str] = ()

    def messages(self, notice: Notice) -> Sequence[Message]:
        """What is sent of a notice, in the order of the routes; nothing if no route fits it."""
        notice = _flat(notice)
        found: dict[str, Message] = {}
        for route in self.routes:
            if not route.fits(notice):
                continue
            addresses: Sequence[str | None] = (None,)
            if route.channel in self.letters:
                addresses = self._addresses((*notice.to, *route.to))
            for address in addresses:
                name = _name(notice.key, route.channel, address)
                found[name] = Message(
                    message_id=name, channel=route.channel, address=address, notice=notice
                )
        return [*found.values()]

    def _addresses(self, concerned: Sequence[str]) -> Sequence[str]:
        found: dict[str, None] = {}
        for who in concerned:
            if who.startswith(_ADDRESS):
                found[who.removeprefix(_ADDRESS)] = None
            else:
                found.update(dict.fromkeys(self.addresses.get(who, ())))
        return [*found] or self.otherwise


def _flat(notice: Notice) -> Notice:
    """A notice whose subject is one line, whatever a system wrote into it."""
    subject = _BREAKS.sub(" ", notice.subject).strip()[:_LONGEST_SUBJECT]
    return replace(notice, subject=subject)


def _name(key: str, channel: str, address: str | None) -> str:
    text = "\n".join((key, channel, address or ""))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
