"""The key beside the data is made once, for one user, and never overwritten."""

import pytest

from ensue import secret_key
from ensue.base.errors import Unavailable


def test_it_is_made_once(tmp_path):
    key = secret_key.kept_in(tmp_path / "new")
    assert len(key) == 32
    assert secret_key.kept_in(tmp_path / "new") == key
    assert [path.name for path in (tmp_path / "new").iterdir()] == [secret_key.FILE]
    assert (tmp_path / "new" / secret_key.FILE).stat().st_mode & 0o777 == 0o600


def test_each_folder_has_its_own(tmp_path):
    assert secret_key.kept_in(tmp_path / "one") != secret_key.kept_in(tmp_path / "two")


def test_a_spoilt_file_is_named_and_kept(tmp_path):
    (tmp_path / secret_key.FILE).write_text("rubbish")
    with pytest.raises(Unavailable, match=r"secret\.key"):
        secret_key.kept_in(tmp_path)
    assert (tmp_path / secret_key.FILE).read_text() == "rubbish"
