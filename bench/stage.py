"""What the measurements share: workspaces that are made once, servers over copies of them, rounds that count."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import apsw

from bench import load
from bench.load import Bodies, Load, Unsound
from bench.server import Server
from bench.workload import Site, Size, batch_bodies, bodies, build
from ensue.store.sqlite.store import FILE

BATCH = 100
_BODIES = 40_000
_BATCHES = 200


class Stage:
    """The folder of one run of the benchmarks, and how thorough the run is."""

    def __init__(self, folder: Path, *, full: bool) -> None:
        self.full = full
        self.rounds = 5 if full else 3
        self.seconds = 10.0 if full else 2.0
        self.memory: dict[str, tuple[float, float]] = {}
        self.folder = folder
        self._sites: dict[str, Site] = {}
        self._copies = 0

    def site(self, name: str, size: Size, make: Callable[[Path, Size], Site] = build) -> Site:
        """A workspace by name, made when it is asked for first."""
        if name not in self._sites:
            print(f"  making {name}: {size.contacts:,} contacts, {size.events:,} events", flush=True)
            self._sites[name] = make(self.folder / name, size)
        return self._sites[name]

    def drop(self, name: str) -> None:
        """Delete a workspace that is not needed any more."""
        site = self._sites.pop(name, None)
        if site is not None:
            shutil.rmtree(site.folder)

    @contextmanager
    def copy(self, site: Site) -> Iterator[Site]:
        """The same workspace in a folder of its own."""
        self._copies += 1
        folder = self.folder / f"copy{self._copies}"
        shutil.copytree(site.folder, folder)
        try:
            yield site._replace(folder=folder)
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def serving(self, name: str, kind: str, *arguments: str) -> Iterator[Server]:
        """A server whose memory is kept under a name."""
        server = Server(kind, *arguments)
        with server:
            yield server
        self.memory[name] = (server.idle_mib, server.peak_mib)

    @contextmanager
    def product(self, name: str, site: Site, kind: str = "product") -> Iterator[tuple[Server, Site]]:
        """The product over a copy of a workspace, warmed up."""
        with self.copy(site) as own, self.serving(name, kind, str(own.folder)) as server:
            # The first request waits for the definitions to be compiled; rounds must not.
            load.fetch(server, own, own.path, bodies(own, 1)[0])
            load.run(server, own, self.bodies(own), 16, 1)
            yield server, own

    def bodies(self, site: Site) -> Bodies:
        """The bodies that are posted to a workspace."""
        file = site.folder / "bodies"
        return Bodies(file) if file.exists() else load.write_bodies(file, bodies(site, _BODIES))

    def batches(self, site: Site) -> Bodies:
        """The batches that are posted to a workspace."""
        return load.write_bodies(site.folder / "batches", batch_bodies(site, _BATCHES, BATCH), "keyed")

    def post(
        self, server: Server, site: Site, sent: Bodies, connections: int, events: int = 1, path: str | None = None
    ) -> Load:
        """One round of posting.

        Raises:
            Unsound: something was refused, or fewer rows are stored than were acknowledged.
        """
        before = newest(site)
        done = load.run(server, site, sent, connections, self.seconds, path)
        stored = count_after(site, before)
        if stored < done.requests * events:
            raise Unsound(f"{done.requests * events} events were acknowledged, {stored} are stored.")
        return done

    def interleave(self, jobs: Mapping[str, Callable[[], float]]) -> dict[str, float]:
        """The median of each job's rounds, one round of each in turn."""
        found: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(self.rounds):
            for name, job in jobs.items():
                found[name].append(job())
        return {name: median(values) for name, values in found.items()}


def newest(site: Site) -> int:
    """The id of the newest event."""
    return ask(site, "SELECT COALESCE(MAX(id), 0) FROM events")


def count_after(site: Site, event_id: int) -> int:
    """How many events are stored after one."""
    return ask(site, f"SELECT COUNT(*) FROM events WHERE id > {event_id}")


def group_size(site: Site, event_id: int) -> int:
    """How many events shared a transaction on average, since one: each has an instant of its own in the ledger."""
    groups = ask(site, f"SELECT COUNT(DISTINCT at) FROM score_ledger WHERE id > {event_id}")
    return max(1, round(count_after(site, event_id) / max(1, groups)))


def ask(site: Site, query: str) -> int:
    """The number that a query answers, read beside the server."""
    connection = apsw.Connection(str(site.folder / FILE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(5_000)
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0
    finally:
        connection.close()
