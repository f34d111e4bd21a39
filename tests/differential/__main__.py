"""The long run: `make differential ARGS="--cases 20000 --from 1000"`."""

import argparse
import logging
import sys
import time
import warnings

from tests.differential import hearing
from tests.differential.cases import Tried, case, disagreement

_TOLD_S = 20.0


def main() -> int:
    """Compare case after case; tell each that differs. The exit code says whether any did."""
    asked = argparse.ArgumentParser(prog="make differential", description=__doc__)
    asked.add_argument("--cases", type=int, default=5_000, help="how many")
    asked.add_argument("--from", type=int, default=0, dest="start", help="seed of the first")
    asked.add_argument("--most", type=int, default=5, help="differences after which to stop")
    asked.add_argument("--calls", action="store_true", help="tell more requests too")
    given = asked.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # see test_agreement.py
    sys.unraisablehook = lambda _: None  # as above
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # as above: futures nobody awaits
    return 1 if _compared(given) else 0


def _compared(asked: argparse.Namespace) -> int:
    tried = Tried()
    found, told_at = 0, time.monotonic()
    seeds = range(asked.start, asked.start + asked.cases)
    for count, seed in enumerate(seeds, 1):
        made, heard = case(seed), hearing.hearing(seed)
        told = "" if made is None else disagreement(made, tried, sparing=asked.calls)
        if not told and heard is not None:
            told = hearing.disagreement(heard, hearing.expected(heard))
        if told:
            found += 1
            _say(f"\ncase {seed}: {told}\n")
        if time.monotonic() - told_at > _TOLD_S or found == asked.most or seed == seeds[-1]:
            told_at = time.monotonic()
            _say(f"{count} of {asked.cases} compared, {found} differ")
        if found == asked.most:
            break
    return found


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
