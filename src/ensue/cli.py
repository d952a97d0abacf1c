"""The command line: reads the options and calls one function of `ensue.app`.

Exit codes: 0 it went well, 1 it failed or found differences, 2 it was asked wrongly.
"""

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from ensue import __version__, config
from ensue.base.errors import EnsueError
from ensue.config import Config, ConfigError

# `ensue.app` is imported inside each command: it brings the server and the store, which --help does not need.

commands = typer.Typer(
    name="ensue",
    help="An event happens; everything that must follow, ensues, in the same commit.",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables would print passwords and keys.
    pretty_exceptions_enable=False,
)

Workspace = Annotated[
    str | None, typer.Option("--workspace", "-w", metavar="ID", help="Only this workspace; unset: all of them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]

SERVING = tuple(option.name for option in config.OPTIONS if not option.secret)
READING = ("data", "database_url", "log_format", "log_level")


def configured(*names: str) -> Callable[[Callable[..., int]], Callable[..., None]]:
    """Give a command the flags of these options in place of its first parameter, and exit with what it returns."""

    def decorate(command: Callable[..., int]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            flags = {name: given.pop(name) for name in ("config", *names)}
            chosen = config.load(flags, warn=lambda sentence: typer.echo(f"ensue: {sentence}", err=True))
            raise typer.Exit(command(chosen, **given))

        _, *own = inspect.signature(command).parameters.values()
        parameters = [*own, *(_flag(option) for option in config.OPTIONS if option.name in names), _FILE_FLAG]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _flag(option: config.Option) -> inspect.Parameter:
    default = "" if option.default is None else f" \\[default: {option.default}]"
    declared = typer.Option(
        None, option.flag, metavar=option.metavar, help=f"{option.help}{default}", show_default=False
    )
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=declared, annotation=str | None)


_FILE_FLAG = inspect.Parameter(
    "config",
    inspect.Parameter.KEYWORD_ONLY,
    default=typer.Option(
        None, "--config", metavar="FILE", help=f"The configuration file. \\[default: {config.FILE}, if there is one]"
    ),
    annotation=str | None,
)


@commands.command()
@configured(*SERVING)
def serve(chosen: Config) -> int:
    """Start the server."""
    from ensue import app

    return app.serve(chosen)


@commands.command()
@configured(*SERVING)
def demo(chosen: Config) -> int:
    """Start the server with an example workspace in it."""
    from ensue import app

    return app.demo(chosen)


@commands.command()
@configured(*READING)
def verify(chosen: Config, workspace: Workspace = None, as_json: AsJson = False) -> int:
    """Derive everything again from the log and report each difference."""
    from ensue import app

    return app.verify(chosen, workspace, as_json)


@commands.command()
@configured(*READING)
def explain(
    chosen: Config,
    segment: Annotated[str, typer.Argument(help="The id of the segment.")],
    contact: Annotated[str, typer.Argument(help="The id of the contact.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> int:
    """Say why a contact is, or is not, in a segment, and when that changes by itself."""
    from ensue import app

    return app.explain(chosen, workspace, segment, contact, as_json)


@commands.command()
@configured(*READING)
def tail(
    chosen: Config,
    workspace: Workspace = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events arrive.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show the latest events and what each one did."""
    from ensue import app

    return app.tail(chosen, workspace, follow, as_json)


@commands.command()
@configured(*SERVING)
def doctor(chosen: Config, as_json: AsJson = False) -> int:
    """Check that this machine, the options and the stored events are fit to serve."""
    from ensue import app

    return app.doctor(chosen, as_json)


@commands.command()
@configured(*READING)
def backup(
    chosen: Config, to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not exist yet.")]
) -> int:
    """Copy everything into one file, while the server runs."""
    from ensue import app

    return app.backup(chosen, to)


@commands.command()
@configured("log_format", "log_level")
def copy(
    chosen: Config,
    source: Annotated[str, typer.Option("--from", metavar="sqlite:DIR", help="The folder that the data is in.")],
    to: Annotated[
        str | None,
        typer.Option(metavar="postgresql://…", help="An empty database; unset: the one of ENSUE_DATABASE_URL."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Copy everything from a file to PostgreSQL, while nobody serves either; run again, it goes on."""
    from ensue import app

    kind, _, folder = source.partition(":")
    if kind != "sqlite" or not folder:
        raise ConfigError(f"--from: must be sqlite: and a folder, such as sqlite:ensue-data, not {source!r}.")
    url = to or chosen.database_url
    if url is None or not config.names_database(url):
        raise ConfigError("--to: must be an address such as postgresql://ensue@db.example.com/ensue.")
    return app.copy(chosen, Path(folder).expanduser(), url, as_json)


@commands.command()
@configured(*(name for name in SERVING if name not in ("host", "port", "processes")))
def worker(chosen: Config) -> int:
    """Do what is due, and serve nobody: beside `serve`, over the same database."""
    from ensue import app

    return app.work(chosen)


@commands.command()
@configured(*READING)
def migrate(chosen: Config) -> int:
    """Bring the data to this version's schema, and make it where there is none."""
    from ensue import app

    return app.migrate(chosen)


@commands.command()
def version() -> None:
    """Say which version this is."""
    typer.echo(f"ensue {__version__}")


def main() -> None:
    """Run the command line and exit."""
    try:
        commands(prog_name="ensue")
    except ConfigError as error:
        sys.exit(_complaint(str(error), 2))
    except EnsueError as error:
        sys.exit(_complaint(error.message, 1))


def _complaint(sentence: str, code: int) -> int:
    typer.echo(f"ensue: {sentence}", err=True)
    return code


if __name__ == "__main__":
    main()
