"""What is sealed opens only where it belongs, and a token is read only where it was made for."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ensue.base.sealing import SealBroken, Sealer, Signer, read_key

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@given(st.binary(max_size=200))
def test_what_was_sealed_is_opened(plaintext):
    sealed = Sealer(KEY).seal(7, plaintext)
    assert Sealer(KEY).open(7, sealed) == plaintext
    assert plaintext == b"" or len(plaintext) < 4 or plaintext not in sealed


def test_the_same_secret_is_sealed_differently_each_time():
    sealer = Sealer(KEY)
    assert sealer.seal(7, b"password") != sealer.seal(7, b"password")


@pytest.mark.parametrize(("workspace", "key"), [(8, KEY), (7, OTHER)])
def test_another_workspace_or_another_key_opens_nothing(workspace, key):
    sealed = Sealer(KEY).seal(7, b"password")
    with pytest.raises(SealBroken):
        Sealer(key).open(workspace, sealed)


def test_no_altered_byte_goes_unnoticed():
    sealed = Sealer(KEY).seal(7, b"password")
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(SealBroken):
            Sealer(KEY).open(7, bytes(altered))


@pytest.mark.parametrize("length", range(29))
def test_a_piece_of_what_was_sealed_opens_nothing(length):
    with pytest.raises(SealBroken):
        Sealer(KEY).open(7, Sealer(KEY).seal(7, b"password")[:length])


@given(st.binary(max_size=40))
def test_a_token_is_read_for_its_purpose_alone(payload):
    signer = Signer(KEY)
    token = signer.sign("click", payload)
    assert signer.read("click", token) == payload
    assert signer.read("open", token) is None
    assert Signer(OTHER).read("click", token) is None


@given(st.text(max_size=40))
def test_rubbish_is_no_token(text):
    assert Signer(KEY).read("click", text) is None


def test_an_altered_token_is_none():
    signer = Signer(KEY)
    token = signer.sign("click", b"\x00\x01\x02\x03")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, letter in enumerate(token):
        for other in alphabet:
            if other != letter:
                assert signer.read("click", token[:place] + other + token[place + 1 :]) is None
    assert signer.read("click", token + "=") is None
    assert signer.read("click", token + "A") is None


def test_a_key_is_read_in_both_alphabets():
    key = bytes([251, 255] * 16)
    assert (
        read_key(base64.b64encode(key).decode()) == read_key(base64.urlsafe_b64encode(key).decode().rstrip("=")) == key
    )


@pytest.mark.parametrize("text", ["", "short", "A" * 44, base64.b64encode(b"x" * 31).decode(), "é" * 43, "!" * 44])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError):
        read_key(text)
