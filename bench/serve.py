"""One server under measurement: `python -m bench.serve KIND PORT …`.

product PORT FOLDER   what `ensue serve` runs
single PORT FOLDER    the same, with one commit for each request
postgres PORT FOLDER URL PROCESSES   what `ensue serve --database-url URL --processes PROCESSES` runs
floor PORT            decodes, answers, stores nothing
page PORT FILE        answers the bytes of a file
"""

import sys
from dataclasses import replace
from pathlib import Path

import uvicorn

from bench.floor import Floor, Page
from ensue import app
from ensue.config import Config
from ensue.server import settings


def main(arguments: list[str]) -> int:
    """Serve until told to stop."""
    kind, port, *rest = arguments
    config = Config(data=Path(rest[0]) if rest else Path(), port=int(port), log_level="warning")
    match kind:
        case "product":
            return app.serve(config)
        case "single":
            return app.serve(config, group_events=1)
        case "postgres":
            return app.serve(replace(config, database_url=rest[1], processes=int(rest[2])))
        case "floor":
            uvicorn.Server(settings(config.host, config.port, Floor())).run()
        case "page":
            uvicorn.Server(settings(config.host, config.port, Page(Path(rest[0]).read_bytes()))).run()
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
