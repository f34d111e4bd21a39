"""The processes of a server, as operations find them: none until they run, and none after."""

from msgspec import Struct, field

from resolvers.context import Processing


class RunningProcesses(Struct):
    """What may be asked of processes now.

    Attributes:
        processing: What resolvers are given.
    """

    processing: Processing = field(default_factory=Processing)
