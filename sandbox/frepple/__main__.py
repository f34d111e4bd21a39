"""`python -m sandbox.frepple`: a pretend frePPLe on the loopback interface.

The secret that nightly files are signed with comes from the environment, as SANDBOX_BULK_SECRET.
"""

from __future__ import annotations

import argparse
import os

from sandbox.frepple.product import Frepple
from sandbox.kit.process import limits_of, parser, run
from sandbox.kit.product import Limits
from sandbox.kit.sending import BulkTarget
from sandbox.kit.signing import check_secret
from sandbox.world import World

DEFAULTS = Limits(max_concurrent=200)


def _make(world: World, options: argparse.Namespace) -> Frepple:
    frepple = Frepple(world, limits_of(options), options.user, options.password)
    if options.bulk_url:
        secret = os.environ.get("SANDBOX_BULK_SECRET", "")
        check_secret(options.bulk_scheme, secret)
        frepple.nights.target = BulkTarget(options.bulk_url, secret, options.bulk_scheme)
        frepple.nights.every_s = options.bulk_every_s
    return frepple


if __name__ == "__main__":
    arguments = parser("frepple", DEFAULTS, "supplygraph", "sandbox-frepple")
    arguments.add_argument("--bulk-url", default="", help="where the nightly file is sent")
    arguments.add_argument("--bulk-scheme", default="standard", choices=["standard", "coupa"])
    arguments.add_argument("--bulk-every-s", type=float, default=0.0, help="0: only on demand")
    parsed = arguments.parse_args()
    run(parsed, lambda world: _make(world, parsed))
