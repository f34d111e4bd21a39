"""From a notice to what is sent of it."""

from typing import Any

import pytest

from canonical.exceptions import ExceptionSeverity
from workflows.notifications.ports import Notice, NoticeKind
from workflows.notifications.routing import Route, Routing

OPENED, REMINDER = NoticeKind.EXCEPTION_OPENED, NoticeKind.APPROVAL_REMINDER


def notice(**more: Any) -> Notice:
    said = {
        "kind": OPENED,
        "key": "k",
        "subject": "late",
        "text": "call them",
        "about": "exception:1",
        "correlation_id": "c",
        "severity": ExceptionSeverity.MEDIUM,
        "to": ("owner:ann",),
    }
    return Notice(**(said | more))


def routing(*routes: Route, **more: Any) -> Routing:
    addresses = {
        "owner:ann": ("ann@example.com",),
        "role:buyer": ("ann@example.com", "bob@example.com"),
        "supplier:S-1": ("sales@s1.example",),
    }
    return Routing(routes=routes, letters=frozenset({"mail"}), addresses=addresses, **more)


def sent(routing: Routing, notice: Notice) -> list[tuple[str, str | None]]:
    return [(m.channel, m.address) for m in routing.messages(notice)]


@pytest.mark.parametrize(
    "route, goes",
    [
        (Route(channel="chat"), True),
        (Route(channel="chat", kinds=frozenset({OPENED, REMINDER})), True),
        (Route(channel="chat", kinds=frozenset({REMINDER})), False),
        (Route(channel="chat", least=ExceptionSeverity.MEDIUM), True),
        (Route(channel="chat", least=ExceptionSeverity.HIGH), False),
        (Route(channel="chat", owners=frozenset({"ann", "bob"})), True),
        (Route(channel="chat", owners=frozenset({"bob"})), False),
    ],
)
def test_a_notice_goes_by_the_routes_that_it_fits(route: Route, goes: bool) -> None:
    assert sent(routing(route), notice()) == ([("chat", None)] if goes else [])


def test_what_has_no_severity_is_not_held_against_one() -> None:
    reminder = notice(kind=REMINDER, severity=None)
    high = Route(channel="chat", least=ExceptionSeverity.HIGH)
    assert sent(routing(high), reminder) == [("chat", None)]


def test_letters_go_to_each_address_once() -> None:
    routes = (
        Route(channel="mail", to=("role:buyer", "email:eve@example.com")),
        Route(channel="chat"),
        Route(channel="mail"),
        Route(channel="chat"),
    )
    assert sent(routing(*routes), notice()) == [
        ("mail", "ann@example.com"),
        ("mail", "bob@example.com"),
        ("mail", "eve@example.com"),
        ("chat", None),
    ]


def test_whose_address_nobody_knows_is_told_by_others() -> None:
    mail = Route(channel="mail")
    stranger = notice(to=("owner:zoe", "supplier:S-9"))
    assert sent(routing(mail), stranger) == []
    assert sent(routing(mail, otherwise=("desk@example.com",)), stranger) == [
        ("mail", "desk@example.com")
    ]
    known = notice(to=("owner:zoe", "supplier:S-1"))
    assert sent(routing(mail, otherwise=("desk@example.com",)), known) == [
        ("mail", "sales@s1.example")
    ]


def test_the_same_notice_is_the_same_message_on_each_way() -> None:
    ways = routing(Route(channel="mail", to=("role:buyer",)), Route(channel="chat"))
    once, twice = ways.messages(notice()), ways.messages(notice(subject="other words"))
    names = [m.message_id for m in once]
    assert names == [m.message_id for m in twice]
    assert len(set(names)) == 3
    assert not set(names) & {m.message_id for m in ways.messages(notice(key="k2"))}


def test_a_subject_is_one_line() -> None:
    broken = notice(subject=" order 45\r\nBcc: all@example.com\u2028late\x00 " + "x" * 300)
    (message,) = routing(Route(channel="chat")).messages(broken)
    assert message.notice.subject.startswith("order 45 Bcc: all@example.com late x")
    assert len(message.notice.subject) == 200
