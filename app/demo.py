"""The demo: a whole pretend distributor on this machine, and Supplygraph over it.

simulators, each in its own process -> their crosswalks and addresses -> the example manifest
  -> the server, in this process, with an embedded Valkey of its own

Whatever ends this process ends them all.
"""

import base64
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import uvicorn
from msgspec import Struct
from typing_extensions import override

from app.installation import open_installation
from app.manifest.loading import DEVELOPMENT, load_manifest
from app.queries import tabs
from app.serve import address_of, config_of, ended_by_signals, listen
from app.server.application import create_app
from app.server.ports import DemoToken, GraphiQLConfig
from app.streaming import streaming_of
from canonical.errors import InvalidInputError, Reason, UnavailableError
from runtime.security.development import mint_development_token, new_development_key
from runtime.security.principal import Role
from runtime.telemetry.logs import configure_logs
from sandbox.launch import NAMES, Life, Sandbox
from sandbox.world import World, write_crosswalks

MANIFEST: Final = Path(__file__).with_name("demo_manifest.yaml")
KEY: Final = "SUPPLYGRAPH_DEVELOPMENT_KEY"
WEBHOOK_SECRET: Final = "DEMO_PROCUREMENT_WEBHOOK_SECRET"  # noqa: S105  # its name
_MOST_A_MINUTE: Final = 6_000
BACKENDS: Final[Mapping[str, str]] = {
    "s4": "erp",
    "coupa": "procurement",
    "frepple": "planning",
}
_PORT: Final = 8_000
_TOKEN_LIFE_S: Final = 86_400.0


class DemoOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen.

    Attributes:
        size: Size of the distributor, 1.0 for 2,000 items and 20,000 order lines.
        seed: The same seed makes the same distributor.
        latency_ms: Least time that the pretend systems take for an answer.
        speed: Changes a minute that happen in the distributor; 0 leaves it as it is.
        host: Address to listen on.
        port: Port to listen on; None for 8000, or any other if that is taken.
        today: The distributor's day.
    """

    size: float = 1.0
    seed: int = 7
    latency_ms: float = 2.0
    speed: float = 6.0
    host: str = "127.0.0.1"
    port: int | None = None
    today: date


class Demo(Struct, frozen=True):
    """A demo that runs.

    Attributes:
        url: Where Supplygraph is.
        systems: Addresses of the pretend systems by backend.
        tokens: A token per role.
        supplier: Code of the supplier that the supplier's token is for.
    """

    url: str
    systems: Mapping[str, str]
    tokens: tuple[DemoToken, ...]
    supplier: str


def run_demo(options: DemoOptions, ready: Callable[[Demo], None]) -> None:
    """Run the demo until told to stop; nothing is left behind then.

    Args:
        options: What was chosen.
        ready: Told once questions are answered.

    Raises:
        InvalidInputError: if an option cannot be used.
        UnavailableError: if a pretend system does not start.
        EmbeddedServerError: if the embedded Valkey does not start.
    """
    configure_logs("console", "ERROR")
    with (
        suppress(KeyboardInterrupt),
        ended_by_signals(),
        _listening(options) as bound,
        ExitStack() as stack,
    ):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="supplygraph-demo-")))
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        sandbox = _sandbox(options, address_of(bound), secret)
        stack.callback(sandbox.stop)
        _start(sandbox)
        supplier = _telling_supplier(sandbox.world)
        key = new_development_key()
        manifest, environ = lay_out(sandbox, folder, key, secret)
        declared = load_manifest(manifest, environ)
        demo = Demo(
            address_of(bound),
            {BACKENDS[name]: s.url for name, s in sandbox.simulators.items()},
            _tokens(key, supplier),
            supplier,
        )
        graphiql = GraphiQLConfig(tabs({"supplier": supplier}), demo.tokens)
        application = create_app(
            lambda: open_installation(declared),
            graphiql=graphiql,
            streaming=streaming_of(declared),
        )

        def began() -> None:
            if options.speed:
                sandbox.play()
            ready(demo)

        _Server(config_of(application), began).run(sockets=[bound])


def lay_out(
    sandbox: Sandbox, folder: Path, key: str, webhook_secret: str
) -> tuple[Path, dict[str, str]]:
    """Put the manifest and the crosswalks of a running sandbox into a folder.

    Args:
        sandbox: What the manifest leads to.
        folder: Where to.
        key: Development key of the tokens that are accepted.
        webhook_secret: What procurement signs with.

    Returns:
        The manifest, and the environment variables that it wants.
    """
    write_crosswalks(sandbox.world, folder / "crosswalks", BACKENDS)
    environ = {KEY: key, WEBHOOK_SECRET: webhook_secret, DEVELOPMENT: "1"}
    for name, simulator in sandbox.simulators.items():
        prefix = f"DEMO_{BACKENDS[name].upper()}"
        environ[f"{prefix}_URL"] = simulator.url
        environ[f"{prefix}_USER"] = simulator.user
        environ[f"{prefix}_PASSWORD"] = simulator.password
    return Path(shutil.copy(MANIFEST, folder / "supplygraph.yaml")), environ


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _listening(options: DemoOptions) -> socket.socket:
    if options.port is not None:
        return listen(options.host, options.port)
    try:
        return listen(options.host, _PORT)
    except InvalidInputError:
        return listen(options.host, 0)


def _sandbox(options: DemoOptions, address: str, secret: str) -> Sandbox:
    if options.size <= 0:
        raise InvalidInputError(f"--size must be above 0, not {options.size:g}")
    if not 0 <= options.speed <= _MOST_A_MINUTE:
        raise InvalidInputError(
            f"--speed must be from 0 to {_MOST_A_MINUTE} changes a minute, not {options.speed:g}"
        )
    # The world tells of its day until the evening: what happens now, happens the day after it.
    life = Life(
        clock_speed=options.speed,
        begins_at=datetime.now(UTC),
        webhook_url=f"{address}/ingest/{BACKENDS['coupa']}",
        webhook_secret=secret,
    )
    further = ["--service-ms", f"{options.latency_ms:g}"]
    return Sandbox(
        seed=options.seed,
        size=options.size,
        today=options.today - timedelta(days=1),
        options=dict.fromkeys(NAMES, further),
        life=life,
    )


def _start(sandbox: Sandbox) -> None:
    try:
        sandbox.start()
    except RuntimeError as exc:
        raise UnavailableError("sandbox", Reason.CONNECTION, str(exc)) from exc


def _telling_supplier(world: World) -> str:
    """The supplier with most orders."""
    counts: dict[str, int] = {}
    for order in world.orders:
        counts[order.supplier] = counts.get(order.supplier, 0) + 1
    return max(counts, key=lambda code: (counts[code], code))


def _tokens(key: str, supplier: str) -> tuple[DemoToken, ...]:
    bound = {Role.SUPPLIER: [supplier]}
    return tuple(
        DemoToken(
            role.value,
            mint_development_token(
                key, f"demo-{role.value}", [role], bound.get(role), _TOKEN_LIFE_S
            ),
        )
        for role in Role
        if role is not Role.MACHINE  # they have keys
    )
