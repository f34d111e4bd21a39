"""One process of the soak: the application as shipped, on a port.

    python -m bench.soak.server PORT

`supplygraph serve` does the same after it has opened everything once to try it, which takes as long
again; here it is started anew at every turn.
"""

import sys

import uvicorn

from app.asgi import application
from app.serve import config_of, listen

if __name__ == "__main__":
    bound = listen("127.0.0.1", int(sys.argv[1]))
    uvicorn.Server(config_of(application())).run(sockets=[bound])
