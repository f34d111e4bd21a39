"""`python -m sandbox.frepple`: a pretend frePPLe on the loopback interface."""

from __future__ import annotations

from sandbox.frepple.product import Frepple
from sandbox.kit.process import limits_of, parser, run
from sandbox.kit.product import Limits

DEFAULTS = Limits(max_concurrent=200)

if __name__ == "__main__":
    options = parser("frepple", DEFAULTS, "supplygraph", "sandbox-frepple").parse_args()
    run(options, lambda world: Frepple(world, limits_of(options), options.user, options.password))
