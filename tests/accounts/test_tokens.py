from ensue.accounts import tokens


def test_a_token_carries_256_bits_in_letters_and_digits():
    made = {tokens.new("ens_") for _ in range(100)}
    assert len(made) == 100
    for token in made:
        letters = token.removeprefix("ens_")
        assert len(letters) == 43
        assert letters.isascii()
        assert letters.isalnum()
    assert 62**43 > 2**256 > 62**42


def test_a_digest_says_nothing_of_its_token():
    token = tokens.new()
    assert tokens.digest(token) == tokens.digest(token.encode())
    assert len(tokens.digest(token)) == 32
    assert token.startswith(tokens.shown(token))
    assert len(tokens.shown(token)) == 8
