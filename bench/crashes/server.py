"""Server processes that kill themselves once all their processes stand where they are to die.

It imports everything once and forks for each server, so that a death costs a tenth of a second. A
line of JSON in is a server that is to live; the line out says how it ended.
"""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bench.crashes.order import Decision, Fate, Wanted
from canonical.errors import NotFoundError
from canonical.exceptions import Trouble
from runtime.store.settings import StoreSettings
from runtime.store.store import Store
from runtime.telemetry.logs import configure_logs
from workflows.engine.serving import DurableEngine, open_engine
from workflows.engine.settings import EngineSettings
from workflows.process import Ended, Starting

LONGEST_S = 60.0
SETTINGS = EngineSettings(
    first_pause_s=0.05,
    longest_pause_s=0.2,
    tell_within_s=0.5,
    settle_s=0.2,
    poll_s=0.1,
)


class Life(Struct):
    """What a server has to do.

    Attributes:
        url: Address of the store; None for `file`.
        file: The store's file.
        shop: Address of the shop.
        points: Where each process is to die; those that are not named are to end.
        begin: Keys of the processes that are to be begun, by id.
        decide: Processes that are to be told a decision.
        takeover_s: Within so many seconds they are to be taken over.
    """

    url: str | None
    file: str
    shop: str
    points: Mapping[str, str]
    begin: Mapping[str, str]
    decide: Sequence[str]
    takeover_s: float = 0.8


class Death(Struct):
    """How a server ended.

    Attributes:
        killed: Whether it was killed; else it was done.
        reached: Processes that stood where they were to die.
        ends: What came of those that ended, by id.
        troubles: What they reported.
    """

    killed: bool
    reached: Sequence[str] = ()
    ends: Mapping[str, str] = {}
    troubles: Sequence[str] = ()


class _Told:
    """Troubles, written down."""

    def __init__(self) -> None:
        self.causes: list[str] = []

    async def report(self, trouble: Trouble) -> str:
        self.causes.append(f"{trouble.category}: {trouble.message}")
        return trouble.cause

    async def over(self, cause: str, *, why: str) -> None:
        """Nothing is open here."""


async def live(life: Life) -> Death:
    """Be a server until all processes have ended, or stand where they are to die."""
    where = StoreSettings(url=life.url, file=Path(life.file))
    store, fate, troubles = Store(where), Fate(life.shop, life.points), _Told()
    settings = replace(SETTINGS, takeover_s=life.takeover_s)
    async with open_engine([fate.kind()], store, where, settings, troubles) as engine:
        await engine.start(
            [
                Starting(
                    kind="order",
                    process_id=process_id,
                    asked=Wanted(key),
                    correlation_id=process_id,
                    subjects=(f"item:{key}",),
                )
                for process_id, key in life.begin.items()
            ]
        )
        await asyncio.gather(*(_decide(engine, each) for each in life.decide))
        await _all_there(fate, life.points)
        ends = await _ends(engine, [each for each in life.points if not life.points[each]])
    await store.aclose()
    return Death(False, (), ends, troubles.causes)


async def _decide(engine: DurableEngine, process_id: str) -> None:
    """Decide, twice; also for a process that another server has yet to begin."""
    await _end(engine, process_id, 0)
    for _ in range(2):
        await engine.signal(process_id, "decision", Decision("pia"), once="decision")


async def _all_there(fate: Fate, points: Mapping[str, str]) -> None:
    """Die when all stand where they are to die; return at once if none is to."""
    doomed = {each for each, point in points.items() if point and point != "waiting"}
    waiting = {each for each, point in points.items() if point == "waiting"}
    if not doomed and not waiting:
        return
    deadline_s = asyncio.get_running_loop().time() + LONGEST_S
    while missing := doomed - fate.reached - fate.gone:
        if asyncio.get_running_loop().time() > deadline_s:
            print({each: points[each] for each in missing}, file=sys.stderr, flush=True)
            os._exit(1)  # those that stand at their points would keep it
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.03)  # what was sent has arrived
    stood = sorted(fate.reached | waiting)
    print(msgspec.json.encode(Death(True, stood)).decode(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


async def _end(engine: DurableEngine, process_id: str, within_s: float) -> Ended | None:
    """How a process ended, also one that another server has yet to begin."""
    deadline_s = asyncio.get_running_loop().time() + LONGEST_S
    while True:
        try:
            return await engine.ended(process_id, within_s)
        except NotFoundError:
            if asyncio.get_running_loop().time() > deadline_s:
                raise
            await asyncio.sleep(0.05)


async def _ends(engine: DurableEngine, process_ids: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for process_id in process_ids:
        ended = await _end(engine, process_id, LONGEST_S)
        found[process_id] = "goes on" if ended is None else repr(ended.outcome or ended.message)
    return found


def main() -> None:
    """Fork for each server that is asked for."""
    configure_logs("console", "ERROR")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            status = 1
            try:
                death = asyncio.run(live(msgspec.json.decode(line, type=Life)))
                print(msgspec.json.encode(death).decode(), flush=True)
                status = 0
            except Exception:  # noqa: BLE001  # it is told, and read by whoever forked it
                traceback.print_exc()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            print("null", flush=True)


if __name__ == "__main__":
    main()
