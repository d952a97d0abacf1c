"""Every option, declared once: a flag goes before the environment, that before the file, that before the default.

The fields of `Config` are the table. The flags of the command line, the `ENSUE_*` variables and the keys of
`ensue.toml` all come from it.
"""

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar, get_args
from urllib.parse import urlsplit

from ensue.base import sealing

Registration = Literal["first", "open", "closed"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

FILE: Final = "ensue.toml"
PREFIX: Final = "ENSUE_"
FILE_VARIABLE: Final = PREFIX + "CONFIG"

T = TypeVar("T")
Reader = Callable[[object], object]


class ConfigError(Exception):
    """An option cannot be what it was set to; the sentence says which one, and where it was set."""


def _folder(value: object) -> Path:
    if not isinstance(value, str) or not value or "\x00" in value:
        raise ValueError("must be the path of a folder")
    return Path(value).expanduser()


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value or "\x00" in value:
        raise ValueError("must be a path")
    return Path(value).expanduser()


def _host(value: object) -> str:
    if not isinstance(value, str) or not value or any(letter.isspace() or letter == "/" for letter in value):
        raise ValueError("must be a host name or an address, such as 127.0.0.1")
    return value


def _port(value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 0 <= int(text) <= 65_535:
        raise ValueError("must be a whole number from 0 to 65535")
    return int(text)


def _url(value: object) -> str:
    refusal = ValueError("must be an address such as https://ensue.example.com, with nothing after the path")
    if not isinstance(value, str):
        raise refusal
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        raise refusal from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise refusal
    return value.rstrip("/")


def names_database(url: str) -> bool:
    """Whether it is the address of a PostgreSQL database, as far as one can see."""
    return urlsplit(url).scheme in {"postgresql", "postgres"} and "\x00" not in url


def _database(value: object) -> str:
    if not isinstance(value, str) or not names_database(value):
        raise ValueError("must be an address such as postgresql://ensue@db.example.com/ensue")
    return value


def _key(value: object) -> bytes:
    refusal = ValueError(f"must be {sealing.KEY_BYTES} random bytes in base64")
    if not isinstance(value, str):
        raise refusal
    try:
        return sealing.read_key(value)
    except ValueError:
        raise refusal from None


def _count(value: object) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 64:
        raise ValueError("must be a whole number from 1 to 64")
    return int(text)


def _networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in str(value).split(","))
    except ValueError:
        raise ValueError("must be networks such as 10.1.0.0/16, separated by commas") from None


def _one_of(words: tuple[str, ...]) -> Reader:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}{_suggestion(str(value), words)}")
        return str(value)

    return read


def _suggestion(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _option(default: T, read: Reader, metavar: str, explanation: str, *, secret: bool = False, shown: bool = True) -> T:
    """`secret`: never a flag, for others see those. `shown`: whether a complaint may repeat the value."""
    told = {"read": read, "metavar": metavar, "help": explanation, "secret": secret, "shown": shown and not secret}
    return field(default=default, metadata=told, repr=shown and not secret)


@dataclass(frozen=True, slots=True)
class Config:
    """All that can be chosen from outside."""

    data: Path = _option(
        Path("ensue-data"), _folder, "DIR", "The folder that holds everything Ensue keeps; made when it is missing."
    )
    database_url: str | None = _option(
        None,
        _database,
        "URL",
        "The PostgreSQL database that keeps everything in place of a file in the folder; unset: the file. Give it in "
        "the environment when a password is in it.",
        shown=False,
    )
    host: str = _option("127.0.0.1", _host, "HOST", "The address to listen on; 0.0.0.0 is every address.")
    port: int = _option(8000, _port, "PORT", "The port to listen on; 0 takes any free one.")
    processes: int = _option(
        1, _count, "N", "How many processes of this host serve together; more than one need a database_url."
    )
    registration: Registration = _option(
        "first",
        _one_of(get_args(Registration)),
        "|".join(get_args(Registration)),
        "Who may make an account: only the first person, anyone, or nobody.",
    )
    public_url: str | None = _option(
        None, _url, "URL", "The address that others reach Ensue by, used in links that it sends; unset: host and port."
    )
    secret_key: bytes | None = _option(
        None,
        _key,
        "BASE64",
        "The key that stored secrets are sealed and links are signed with; unset: secret.key in the data folder, made "
        "on the first start.",
        secret=True,
    )
    private_targets: tuple[IPv4Network | IPv6Network, ...] | None = _option(
        None,
        _networks,
        "NETWORKS",
        "Networks that webhooks may reach although they are not public, such as 10.1.0.0/16,::1/128; unset: none.",
    )
    bounce_mailbox: Path | None = _option(
        None,
        _path,
        "PATH",
        "A Maildir or an mbox file that mail to the senders' bounce addresses is delivered to; what is read is taken "
        "out. Unset: no mailbox is read.",
    )
    telegram_api: str = _option(
        "https://api.telegram.org",
        _url,
        "URL",
        "The Bot API server that Telegram's bots are called at; for one of your own.",
    )
    log_format: LogFormat = _option(
        "text", _one_of(get_args(LogFormat)), "|".join(get_args(LogFormat)), "How log lines look."
    )
    log_level: LogLevel = _option(
        "info", _one_of(get_args(LogLevel)), "|".join(get_args(LogLevel)), "The least severe line that is logged."
    )

    @property
    def reached_at(self) -> str:
        """How others reach us, as far as we know: the beginning of every link that we send."""
        return self.public_url or f"http://{self.host}:{self.port}"


class Option(NamedTuple):
    """One row of the table, with the names that it goes by."""

    name: str
    read: Reader
    default: object
    metavar: str
    help: str
    # Never shown, not even when it cannot be read, and no flag: others see how a program was started.
    secret: bool = False
    shown: bool = True

    @property
    def flag(self) -> str:
        """`--log-level`."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """`ENSUE_LOG_LEVEL`."""
        return PREFIX + self.name.upper()


OPTIONS: Final = tuple(
    Option(
        name=row.name,
        default=row.default,
        **{name: row.metadata[name] for name in ("read", "metavar", "help", "secret", "shown")},
    )
    for row in fields(Config)
)


class _Setting(NamedTuple):
    """What was chosen for an option, and the words for where."""

    value: object
    where: str
    # Relative paths begin here.
    base: Path


def load(
    flags: Mapping[str, str | None],
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Config:
    """The configuration that these sources make.

    Args:
        flags: by option name, and the file under `config`; None is not given.
        environment: the process's variables.
        folder: where `ensue.toml` is looked for, and where relative paths begin; the working directory.
        warn: told, in a sentence, of what was passed over.

    Raises:
        ConfigError: a bad value or an unknown key, naming the option and its source.
    """
    folder = folder or Path.cwd()
    chosen = _file_settings(flags.get("config"), environment, folder)
    chosen |= _variable_settings(environment, folder, warn)
    chosen |= _flag_settings(flags, folder)
    values = {option.name: _value(option, chosen[option.name]) for option in OPTIONS if option.name in chosen}
    return Config(**values)  # type: ignore[arg-type]  # each reader returns its own field's type


def _file_settings(flag: str | None, environment: Mapping[str, str], folder: Path) -> dict[str, _Setting]:
    named = flag or environment.get(FILE_VARIABLE)
    path = folder / Path(named or FILE).expanduser()
    if not named and not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration file {path} is not valid TOML: {error}.") from None
    known = tuple(option.name for option in OPTIONS)
    for key in table:
        if key not in known:
            raise ConfigError(f"{key} in {path} is not an option{_suggestion(key, known)}.")
    return {key: _Setting(value, f"{key} in {path}", path.parent) for key, value in table.items()}


def _variable_settings(
    environment: Mapping[str, str], folder: Path, warn: Callable[[str], None]
) -> dict[str, _Setting]:
    known = (*(option.variable for option in OPTIONS), FILE_VARIABLE)
    for variable in sorted(environment):
        # Only a warning: Kubernetes sets variables such as ENSUE_SERVICE_HOST for a service of this name.
        if variable.startswith(PREFIX) and variable not in known:
            warn(f"{variable} in the environment is not an option{_suggestion(variable, known)}; it is ignored.")
    return {
        option.name: _Setting(environment[option.variable], f"{option.variable} in the environment", folder)
        for option in OPTIONS
        # An empty variable is how container files leave one out.
        if environment.get(option.variable)
    }


def _flag_settings(flags: Mapping[str, str | None], folder: Path) -> dict[str, _Setting]:
    return {
        option.name: _Setting(value, option.flag, folder)
        for option in OPTIONS
        if (value := flags.get(option.name)) is not None
    }


def _value(option: Option, setting: _Setting) -> object:
    try:
        value = option.read(setting.value)
    except ValueError as error:
        given = "" if not option.shown else f", not {setting.value!r}"
        raise ConfigError(f"{setting.where}: {error}{given}.") from None
    return setting.base / value if isinstance(value, Path) else value
