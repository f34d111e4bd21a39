"""What an answer costs as it grows: processor time for each field, and memory against its size."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median

from msgspec import Struct

from bench.contenders import Contender, Running, Starter
from bench.data import World
from bench.load import load
from bench.measures import say
from bench.processes import post
from bench.questions import Question, fields_in, joined


class Grown(Struct, frozen=True):
    """One answer of one contender.

    Attributes:
        orders: How many orders were asked for.
        fields: Fields in the answer.
        bytes: Length of the answer.
        cpu_ms: Processor time of the server.
        peak_bytes: The most memory that the first such answer took beyond what the process had.
    """

    orders: int
    fields: int
    bytes: int
    cpu_ms: float
    peak_bytes: int

    @property
    def us_a_field(self) -> float:
        """Processor time for each field, in microseconds."""
        return self.cpu_ms * 1000 / self.fields

    @property
    def peak_to_size(self) -> float:
        """Memory against the answer's length."""
        return self.peak_bytes / self.bytes


async def growth(
    contenders: Sequence[Contender],
    sizes: Sequence[int],
    starter: Starter,
    world: World,
    seconds: float,
) -> Mapping[str, list[Grown]]:
    """Ask for ever more orders, one request at a time, in a fresh process for each number."""
    found: dict[str, list[Grown]] = {}
    small = joined("Q3", 20)
    for orders in sizes:
        question = joined(f"Orders{orders}", orders)
        fields = fields_in(question.answer(world))
        for contender in contenders:
            say(f"growth: {orders} orders")
            with ExitStack() as stack:
                running = starter.start(contender, [small], stack)
                grown = await _grown(running, question, small, (orders, fields), seconds)
            found.setdefault(contender.name, []).append(grown)
    say("")
    return found


async def _grown(
    running: Running, question: Question, small: Question, size: tuple[int, int], seconds: float
) -> Grown:
    await load(running.url, small.requests(), running.headers, 1, 0.3)
    [body] = question.requests()
    before = running.process.forget_peak()
    answer = post(running.url, body, running.headers)
    peak = running.process.peak_bytes() - before
    samples = []
    for _ in range(3):
        began = running.process.cpu_s()
        sample = await load(running.url, [body], running.headers, 1, seconds)
        count = len(sample.latencies_s)
        samples.append((running.process.cpu_s() - began) * 1000 / count)
    return Grown(*size, len(answer), median(samples), peak)
