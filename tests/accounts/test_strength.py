import pytest

from ensue.accounts.strength import refuse_weak
from ensue.base.errors import Invalid


def check(password):
    refuse_weak(password, email="ada.lovelace@example.com", name="Ada Lovelace")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("eleven char", "at least 12"),
        ("aaaaaaaaaaaaaaaa", "repeat"),
        ("abababababab", "repeat"),
        ("hunter!hunter!", "repeat"),
        ("123456789012", "rows"),
        ("qwertyuiop123", "rows"),
        ("abcdefghijkl", "rows"),
        ("0987654321poiuytrewq", "rows"),
        ("1qaz2wsx3edc", "rows"),
        ("password1234", "guessed"),
        ("Password123!", "guessed"),
        ("P@ssw0rd2026", "guessed"),
        ("passwordwelcome", "guessed"),
        ("welcome-to-2026", "guessed"),
        ("iloveyouforever", "guessed"),
        ("correct horse battery staple", "guessed"),
        ("Summer2026!!", "guessed"),
        ("lovelace2026!", "name or address"),
        ("ada.lovelace@example.com", "name or address"),
    ],
)
def test_what_is_guessed_first_is_refused(password, reason):
    with pytest.raises(Invalid, match=reason) as refused:
        check(password)
    assert (refused.value.code, refused.value.details[0].path) == ("weak_password", "password")


@pytest.mark.parametrize(
    "password",
    [
        "sturdy lantern parade",
        "xK9#mQ2$vL7p",
        "dragon fruit salad recipe",
        "4815162342-lost-numbers",
        "пароль для двери",
        "ada likes difference engines",
    ],
)
def test_what_is_not_is_accepted(password):
    check(password)
