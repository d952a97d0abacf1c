"""Where options come from, which source wins, and what is said about a bad one."""

from pathlib import Path

import pytest

from ensue.config import OPTIONS, Config, ConfigError, load


def at(folder, text):
    file = folder / "ensue.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_with_nothing_set_the_defaults_hold(tmp_path):
    assert load({}, {}, tmp_path) == Config()


def test_the_defaults_are_accepted_by_their_own_readers():
    for option in OPTIONS:
        if option.default is not None:
            written = str(option.default) if isinstance(option.default, Path) else option.default
            assert option.read(written) == option.default


def test_a_flag_beats_the_environment_beats_the_file(tmp_path):
    at(tmp_path, 'port = 1\nhost = "file"\nlog_level = "error"\n')
    environment = {"ENSUE_PORT": "2", "ENSUE_HOST": "environment"}
    config = load({"port": "3", "host": None}, environment, tmp_path)
    assert (config.port, config.host, config.log_level) == (3, "environment", "error")


def test_the_file_can_be_named_by_flag_or_variable(tmp_path):
    (tmp_path / "a.toml").write_text("port = 1\n", encoding="utf-8")
    (tmp_path / "b.toml").write_text("port = 2\n", encoding="utf-8")
    assert load({}, {"ENSUE_CONFIG": "b.toml"}, tmp_path).port == 2
    assert load({"config": "a.toml"}, {"ENSUE_CONFIG": "b.toml"}, tmp_path).port == 1


def test_a_relative_folder_begins_where_it_was_written(tmp_path):
    nested = tmp_path / "etc"
    nested.mkdir()
    at(nested, 'data = "events"\n')
    assert load({"config": "etc/ensue.toml"}, {}, tmp_path).data == nested / "events"
    assert load({"data": "events"}, {}, tmp_path).data == tmp_path / "events"
    assert load({"data": "/srv/events"}, {}, tmp_path).data == Path("/srv/events")


def test_an_empty_variable_is_not_set(tmp_path):
    assert load({}, {"ENSUE_PORT": ""}, tmp_path).port == Config().port


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "http"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "٣"),
        ("host", "a b"),
        ("host", "http://a"),
        ("registration", "closd"),
        ("public_url", "ensue.example.com"),
        ("public_url", "ftp://ensue.example.com"),
        ("public_url", "https://ensue.example.com/?a=b"),
        ("public_url", "https://me@ensue.example.com"),
        ("public_url", "https://ensue.example.com:port"),
        ("log_format", "xml"),
        ("log_level", "loud"),
        ("data", "a\x00b"),
    ],
)
def test_a_bad_value_is_refused_with_its_option_and_its_source(tmp_path, name, value):
    option = next(option for option in OPTIONS if option.name == name)
    with pytest.raises(ConfigError, match=rf"^{option.flag}: must be .*, not "):
        load({name: value}, {}, tmp_path)
    with pytest.raises(ConfigError, match=rf"^{option.variable} in the environment: must be "):
        load({}, {option.variable: value}, tmp_path)


def test_a_bad_value_in_the_file_names_the_file(tmp_path):
    file = at(tmp_path, "port = true\n")
    with pytest.raises(ConfigError) as refusal:
        load({}, {}, tmp_path)
    assert str(refusal.value) == f"port in {file}: must be a whole number from 0 to 65535, not True."


def test_a_near_miss_is_suggested(tmp_path):
    with pytest.raises(ConfigError, match=r"did you mean closed\?"):
        load({"registration": "closd"}, {}, tmp_path)
    at(tmp_path, "prot = 80\n")
    with pytest.raises(ConfigError, match=r"^prot in .* is not an option \(did you mean port\?\)\.$"):
        load({}, {}, tmp_path)


def test_an_unknown_variable_is_passed_over_aloud(tmp_path):
    warnings: list[str] = []
    load({}, {"ENSUE_PROT": "80", "PATH": "/bin"}, tmp_path, warnings.append)
    assert warnings == ["ENSUE_PROT in the environment is not an option (did you mean ENSUE_PORT?); it is ignored."]


@pytest.mark.parametrize("content", [b"port = ", b"\xff"])
def test_a_file_that_is_not_toml_is_refused(tmp_path, content):
    (tmp_path / "ensue.toml").write_bytes(content)
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load({}, {}, tmp_path)


def test_a_named_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load({"config": "none.toml"}, {}, tmp_path)


def test_a_public_url_loses_its_last_slash(tmp_path):
    assert (
        load({"public_url": "https://ensue.example.com/x/"}, {}, tmp_path).public_url == "https://ensue.example.com/x"
    )
