"""`python -m sandbox.coupa`: a pretend Coupa on the loopback interface.

User and password are the OAuth client's id and secret. The secret that callouts are signed with
comes from the environment, as SANDBOX_WEBHOOK_SECRET.
"""

from __future__ import annotations

import argparse
import os

from sandbox.coupa.product import Coupa
from sandbox.kit.process import limits_of, parser, run
from sandbox.kit.product import Limits
from sandbox.world import World

DEFAULTS = Limits(max_concurrent=200, rate_per_s=25, burst=20)


def _make(world: World, options: argparse.Namespace) -> Coupa:
    coupa = Coupa(world, limits_of(options), options.user, options.password)
    secret = os.environ.get("SANDBOX_WEBHOOK_SECRET", "")
    target = {"url": options.webhook_url, "secret": secret, "scheme": options.webhook_scheme}
    coupa.callouts.outbox.aim(target)
    return coupa


if __name__ == "__main__":
    arguments = parser("coupa", DEFAULTS, "sandbox-client", "sandbox-coupa")
    arguments.add_argument("--webhook-url", default="", help="where changed orders are sent")
    arguments.add_argument("--webhook-scheme", default="standard", choices=["standard", "coupa"])
    parsed = arguments.parse_args()
    run(parsed, lambda world: _make(world, parsed))
