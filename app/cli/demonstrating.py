"""`supplygraph demo`: a pretend distributor, Supplygraph over it, and what to try first."""

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from app.demo import Demo

_WIDTH: Final = 100


def demo(
    size: Annotated[
        float, typer.Option(help="Size of the distributor; 1.0 is 20,000 order lines.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same distributor.")] = 7,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 8000 or any other if left out.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open GraphiQL in a browser.")] = True,
    latency: Annotated[
        float, typer.Option(min=0, max=60_000, help="Milliseconds that each system takes.")
    ] = 2.0,
    speed: Annotated[
        float, typer.Option(help="Changes a minute in the distributor; 0 leaves it as it is.")
    ] = 6.0,
) -> None:
    """Start a whole pretend distributor and Supplygraph over it; Ctrl-C stops all."""
    from app.demo import DemoOptions, run_demo

    typer.echo("Starting an ERP, a procurement service and a planning tool ...")
    today = datetime.now(UTC).date()
    options = DemoOptions(
        size=size, seed=seed, latency_ms=latency, port=port, speed=speed, today=today
    )

    def ready(running: "Demo") -> None:
        _print(running)
        if browser and _has_display():
            import webbrowser

            webbrowser.open(f"{running.url}/graphiql")

    run_demo(options, ready)
    typer.echo("Stopped.")


def _print(demo: "Demo") -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    console.print("[italic]Addresses[/italic]")
    ours = {"GraphiQL": "graphiql", "GraphQL": "graphql", "health": "readyz"}
    addresses = {name: f"{demo.url}/{path}" for name, path in ours.items()} | dict(demo.systems)
    for name, url in addresses.items():
        console.print(f"{name:12} {url}", soft_wrap=True, markup=False)
    console.print("\n[italic]Tokens[/italic] (for a day; GraphiQL has them at hand)")
    for each in demo.tokens:
        bound = f" of {demo.supplier}" if each.role == "supplier" else ""
        console.print(f"{each.role}{bound}:")
        console.print(each.token, soft_wrap=True, markup=False)
    console.print("\n[italic]Five things to try[/italic]")
    for number, text in enumerate(_to_try(demo), 1):
        console.print(f"{number}. {text}", soft_wrap=True, markup=False)
    console.print("\nCtrl-C stops everything.")


def _to_try(demo: "Demo") -> tuple[str, ...]:
    control = f"{demo.systems['procurement']}/__sandbox__/faults"
    joined = (
        "In GraphiQL, tick `show cost` and run the first tab: 200 orders of two systems, joined "
        "with stock and forecasts, in a handful of calls. Run it again: no calls at all."
    )
    narrowed = (
        "Choose the role supplier and run it: it is refused, for stock and forecasts are not a "
        "supplier's business. Take the lines `inventory` and `forecasts` out and run it again: "
        f"only orders of {demo.supplier} are left."
    )
    broken = (
        "Take procurement down, wait a minute (till then what is known of it is fresh enough) and "
        "ask again; then mend it with an empty list, []:\n"
        f"   curl -X PUT {control} -d '[{{\"status\": 503}}]'"
    )
    live = (
        "Run the fifth tab and wait some seconds: orders change as you look on. With `--speed 60` "
        "sixty changes a minute happen in the distributor, not six."
    )
    processes = (
        "Within a minute or two planning expects more to be sold. Run the sixth tab as operator a "
        "minute after that: one order was small enough to be made by itself, in procurement and "
        "the ERP; a larger one waits for a buyer, who approves it in the last tab. Suppliers "
        "answer late, or with less, or not at all, and people are told."
    )
    return joined, narrowed, broken, live, processes


def _has_display() -> bool:
    if sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
