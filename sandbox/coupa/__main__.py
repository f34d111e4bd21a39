"""`python -m sandbox.coupa`: a pretend Coupa on the loopback interface.

User and password are the OAuth client's id and secret.
"""

from __future__ import annotations

from sandbox.coupa.product import Coupa
from sandbox.kit.process import limits_of, parser, run
from sandbox.kit.product import Limits

DEFAULTS = Limits(max_concurrent=200, rate_per_s=25, burst=20)

if __name__ == "__main__":
    options = parser("coupa", DEFAULTS, "sandbox-client", "sandbox-coupa").parse_args()
    run(options, lambda world: Coupa(world, limits_of(options), options.user, options.password))
