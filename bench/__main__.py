"""`python -m bench`: prints the figures and their ratios."""

import argparse
import asyncio

import structlog

from bench.joined import measure


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    for orders in given.orders:
        figures = asyncio.run(measure(orders, given.rounds))
        cold = figures["cold"].milliseconds
        print(f"\n{orders} orders, median of {given.rounds}")
        for way, figure in figures.items():
            print(
                f"  {way:<11} {figure.milliseconds:9.0f} ms  {figure.calls:5} calls"
                f"  {figure.milliseconds / cold:6.2f} x cold"
            )


main()
