"""`python -m sandbox.s4`: a pretend S/4HANA on the loopback interface."""

from __future__ import annotations

from sandbox.kit.process import limits_of, parser, run
from sandbox.kit.product import Limits
from sandbox.s4.product import S4

DEFAULTS = Limits(page_size=1000, max_concurrent=10)

if __name__ == "__main__":
    arguments = parser("s4", DEFAULTS, "SUPPLYGRAPH", "sandbox-s4")
    arguments.add_argument("--link-host", default="", help="host:port that links name instead")
    options = arguments.parse_args()
    run(
        options,
        lambda world: S4(
            world, limits_of(options), options.user, options.password, options.link_host
        ),
    )
