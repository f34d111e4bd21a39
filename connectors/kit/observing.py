"""What is counted of every request to a system, for dashboards and alarms."""

from typing import Final

from canonical.errors import Reason, SupplygraphError, UnavailableError
from connectors.kit.breaker import Circuit
from runtime.telemetry.metrics import BreakerState, CallOutcome, backend_called, breaker_moved

_BY_REASON: Final = {
    Reason.TIMEOUT: CallOutcome.TIMEOUT,
    Reason.CONNECTION: CallOutcome.CONNECTION,
    Reason.THROTTLED: CallOutcome.THROTTLED,
    Reason.SERVER_ERROR: CallOutcome.SERVER_ERROR,
    Reason.BAD_ANSWER: CallOutcome.BAD_ANSWER,
    Reason.CIRCUIT_OPEN: CallOutcome.NOT_ASKED,
    Reason.MAINTENANCE: CallOutcome.NOT_ASKED,
}
_STATES: Final = {
    Circuit.CLOSED: BreakerState.CLOSED,
    Circuit.HALF_OPEN: BreakerState.HALF_OPEN,
    Circuit.OPEN: BreakerState.OPEN,
}


class Observer:
    """Counts the requests to one system.

    Args:
        system: The backend.
    """

    def __init__(self, system: str) -> None:
        self._system = system
        self._circuit: Circuit | None = None

    def ended(self, error: SupplygraphError | None, seconds: float, circuit: Circuit) -> None:
        """Count one request.

        Args:
            error: What became of it; None if it was answered.
            seconds: How long it took.
            circuit: The state of the breaker after it.
        """
        outcome = CallOutcome.OK
        if isinstance(error, UnavailableError):
            outcome = _BY_REASON.get(error.reason, CallOutcome.REFUSED)
        elif error is not None:
            outcome = CallOutcome.REFUSED
        backend_called(self._system, outcome, seconds)
        if circuit is not self._circuit:
            self._circuit = circuit
            breaker_moved(self._system, _STATES[circuit])
