from ensue.accounts import bounds
from ensue.accounts.recent import Recent


def test_a_value_is_believed_for_a_second():
    recent: Recent[str, object] = Recent()
    recent.put("a", 1, now=1_000)
    assert [recent.get("a", now) for now in (1_000, 1_999, 2_000, 999)] == [1, 1, None, None]


def test_it_forgets_all_when_told():
    recent: Recent[str, object] = Recent()
    recent.put("a", 1, now=0)
    recent.clear()
    assert recent.get("a", 0) is None


def test_the_oldest_makes_room(monkeypatch):
    monkeypatch.setattr(bounds, "KEPT", 2)
    recent: Recent[str, object] = Recent()
    for key in "abac":
        recent.put(key, key, now=0)
    assert [recent.get(key, 0) for key in "abc"] == ["a", None, "c"]
