"""P2: whatever is sent, however often and however many at once, each event has its effects exactly once."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from ensue.base.errors import Conflict, NotFound
from ensue.engine.arrival import Created, Refused
from ensue.engine.contacts import changes, identity
from ensue.model.cause import Cause
from tests.fault.committing import driven
from tests.fault.site import WORKSPACE, Ledger, Site
from tests.stores import Place, postgres, sqlite

who = st.integers(0, 3)
bodies = st.sampled_from([b"one", b"two"])
sessions = st.none() | st.sampled_from(["s", "t"])
NOBODY = 7


class ExactlyOnce(RuleBasedStateMachine):
    """A site, and what a client knows: which keys it used, for what, and what it was answered."""

    keys = Bundle("keys")
    place: Place = staticmethod(sqlite)

    def __init__(self):
        super().__init__()
        self.held = ExitStack()
        folder = Path(self.held.enter_context(tempfile.TemporaryDirectory()))
        self.site = Site(folder, store=self.held.enter_context(self.place(folder))())
        self.answered: dict[str, tuple[bytes, Created]] = {}
        self.owners: dict[str, int] = {}
        self.waiting: dict[str, int] = {"s": 0, "t": 0}
        self.happened = dict.fromkeys(self.site.contacts, 0)
        self.spare = 0

    def teardown(self):
        self.site.close()
        self.held.close()

    # What the client does

    @rule(target=keys, number=st.integers(0, 99))
    def think_of_a_key(self, number):
        return f"key {number}"

    @rule(key=keys, who=who, body=bodies, session=sessions)
    def post(self, key, who, body, session):
        self.send([(key, who, body, session)])

    @rule(who=who, session=sessions)
    def post_once(self, who, session):
        self.spare += 1
        self.send([(f"spare {self.spare}", who, b"one", session)])

    @rule(session=st.sampled_from(["s", "t"]), times=st.integers(1, 3))
    def post_anonymously(self, session, times):
        self.spare += times
        self.send([(f"spare {self.spare} {n}", None, b"one", session) for n in range(times)])

    @rule(items=st.lists(st.tuples(keys, who, bodies, sessions), min_size=1, max_size=8))
    def post_a_batch(self, items):
        """The same key more than once, too."""
        self.send(items)

    @rule(key=keys, who=who, bodies=st.lists(bodies, min_size=2, max_size=8))
    def post_at_once(self, key, who, bodies):
        arrivals = [self.arrival(key, who, body, None) for body in bodies]

        async def story(committing):
            asked = [committing.commits.ingest([arrival]) for arrival in arrivals]
            # Answers are told in the order of asking, which is that of the commits.
            for arrival, body, answer in zip(arrivals, bodies, asked, strict=True):
                (outcome,) = await answer
                self.told(key, who, body, None, arrival, outcome)

        driven(self.site, Ledger(), story)

    @rule(key=keys)
    def post_for_nobody(self, key):
        arrival = self.arrival(key, 0, b"one", None, contact_id=NOBODY)
        (outcome,) = self.site.store.write(lambda tables: self.site.engine.ingest(tables, [arrival]))
        if key in self.answered:
            self.told(key, None, b"one", None, arrival, outcome)
        else:
            assert isinstance(outcome, Refused)
            assert isinstance(outcome.error, NotFound)

    @rule(who=who, session=st.sampled_from(["s", "t"]))
    def identify(self, who, session):
        contact = self.site.contacts[who]
        owner = self.owners.get(session)

        def work(room):
            identity.identify_session(room, identity.held(room, contact), session)

        try:
            self.site.store.write(lambda tables: self.site.engine.within(tables, WORKSPACE, work))
        except Conflict:
            self.site.engine.forget()
            assert owner not in {None, contact}
        else:
            assert owner in {None, contact}
            self.own(session, contact)

    @rule(who=who, on=st.booleans())
    def tag(self, who, on):
        def work(room):
            subject = identity.held(room, self.site.contacts[who])
            (changes.add_tag if on else changes.remove_tag)(subject, "vip", Cause("CHANGE"))

        self.site.store.write(lambda tables: self.site.engine.within(tables, WORKSPACE, work))

    @rule(seconds=st.sampled_from([1, 59, 60, 61, -3_600]))
    def let_time_pass(self, seconds):
        self.site.clock.advance(seconds * 1_000)
        self.site.run_due()

    @rule(key=keys, who=who)
    def fail_after_all(self, key, who):
        """A transaction that is not committed has never been."""
        tables = self.site.store.begin()
        self.site.engine.ingest(tables, [self.arrival(key, who, b"one", None)])
        self.site.store.rollback()
        self.site.engine.forget()

    # What it is told

    def send(self, items):
        arrivals = [self.arrival(*item) for item in items]
        outcomes = self.site.store.write(lambda tables: self.site.engine.ingest(tables, arrivals))
        for (key, who, body, session), arrival, outcome in zip(items, arrivals, outcomes, strict=True):
            self.told(key, who, body, session, arrival, outcome)

    def arrival(self, key, who, body, session, **more):
        if who is None:
            more = {"contact_id": None}
        arrival = self.site.arrival(key, who or 0, body + b"%r %r" % (who, session), session_id=session)
        return type(arrival)(**{name: getattr(arrival, name) for name in arrival.__struct_fields__} | more)

    def told(self, key, who, body, session, arrival, outcome):
        known = self.answered.get(key)
        if known is None:
            assert isinstance(outcome, Created)
            assert not outcome.replayed
            self.answered[key] = arrival.fingerprint, outcome
            self.count(who, session)
        elif known[0] == arrival.fingerprint:
            assert isinstance(outcome, Created)
            assert outcome.replayed
            first = known[1]
            assert (outcome.event, outcome.contact, outcome.effects, outcome.metadata_text) == (
                first.event, first.contact, first.effects, first.metadata_text,
            )  # fmt: skip
        else:
            assert isinstance(outcome, Refused)
            assert outcome.error.code == "idempotency_key_reused"

    def count(self, who, session):
        contact = self.site.contacts[who] if who is not None else self.owners.get(session)
        if contact is None:
            self.waiting[session] += 1
            return
        self.happened[contact] += 1
        if session is not None:
            self.own(session, contact)

    def own(self, session, contact):
        if self.owners.setdefault(session, contact) == contact:
            self.happened[contact] += self.waiting[session]
            self.waiting[session] = 0

    # What must always be so

    @invariant()
    def each_event_is_there_once(self):
        rows = self.site.store.read(
            lambda tables: tables.sql.rows("SELECT contact_id, COUNT(*) FROM events GROUP BY contact_id")
        )
        stored = {row[0]: row[1] for row in rows}
        assert stored.pop(None, 0) == sum(self.waiting.values())
        assert stored == {contact: times for contact, times in self.happened.items() if times}

    @invariant()
    def and_so_is_all_that_follows(self):
        assert self.site.flaws() == []


class ExactlyOnceOnTheServer(ExactlyOnce):
    place = staticmethod(postgres)


ExactlyOnce.TestCase.settings = settings(deadline=None, stateful_step_count=25)
TestExactlyOnce = ExactlyOnce.TestCase
ExactlyOnceOnTheServer.TestCase.settings = settings(deadline=None, stateful_step_count=25, max_examples=10)
TestExactlyOnceOnTheServer = ExactlyOnceOnTheServer.TestCase
