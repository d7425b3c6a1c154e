"""Settings: every one from the environment, nothing misspelt or wrong gets through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.gate import Metric
from app.core.retry import RetryPolicy
from app.errors import SettingsError
from app.settings import PREFIX, Settings, known_names, load_settings

CANARY = "canary-secret-91"

#: The defaults of the design's settings table.
DESIGN = {
    "broker": "log:",
    "database": "embedded:",
    "cache": "memory:",
    "llm": "auto:",
    "llm_model": None,
    "llm_api_key": None,
    "llm_timeout_seconds": 120,
    "llm_concurrency": 8,
    "scorer": "local:",
    "scorer_model": None,
    "quality_threshold": 0.75,
    "quality_metric": "f1",
    "quality_profile": "auto:",
    "max_generations": 3,
    "overload_base_seconds": 5,
    "overload_max_seconds": 300,
    "overload_max_retries": 5,
    "quota_delay_seconds": 60,
    "quota_max_retries": 5,
    "retry_jitter": 0.2,
    "deadline_seconds": 86_400,
    "backlog_limit": 100_000,
    "stuck_seconds": 60,
    "breaker_window_seconds": 30,
    "breaker_min_calls": 10,
    "breaker_failure_rate": 0.5,
    "breaker_probe_seconds": 5,
    "causes_file": None,
    "strategies_file": None,
    "kafka_username": None,
    "kafka_password": None,
    "kafka_ca_file": None,
    "replication_factor": 1,
    "pipelines": "questions,ratings",
    "app_id": "answerloop",
    "topic_prefix": "",
    "partitions": 8,
    "http_host": "127.0.0.1",
    "http_port": 6066,
    "api_token": None,
    "log_format": "console",
    "rating_max_user_id": 138_493,
    "rating_max_movie_id": 131_262,
}

#: Another value than the default for every setting, as it is written in the environment.
OTHERS: dict[str, tuple[str, Any]] = {
    "broker": ("kafka://a:9092,b:9093", "kafka://a:9092,b:9093"),
    "database": ("postgresql://u@h/n", "postgresql://u@h/n"),
    "cache": ("redis://h:6379/0", "redis://h:6379/0"),
    "llm": ("openai+https://h/v1", "openai+https://h/v1"),
    "llm_model": ("m", "m"),
    "llm_api_key": (CANARY, SecretStr(CANARY)),
    "llm_timeout_seconds": ("1.5", 1.5),
    "llm_concurrency": ("3", 3),
    "scorer": ("http://h:8000", "http://h:8000"),
    "scorer_model": ("roberta-large", "roberta-large"),
    "scorer_threads": ("4", 4),
    "quality_threshold": ("0.5", 0.5),
    "quality_metric": ("recall", Metric.RECALL),
    "quality_profile": ("none", "none"),
    "max_generations": ("2", 2),
    "overload_base_seconds": ("1", 1),
    "overload_max_seconds": ("10", 10),
    "overload_max_retries": ("0", 0),
    "quota_delay_seconds": ("7", 7),
    "quota_max_retries": ("9", 9),
    "retry_jitter": ("0", 0),
    "deadline_seconds": ("0", 0),
    "backlog_limit": ("10", 10),
    "breaker_window_seconds": ("10", 10),
    "breaker_min_calls": ("3", 3),
    "breaker_failure_rate": ("0.9", 0.9),
    "breaker_probe_seconds": ("1", 1),
    "flood_share": ("1", 1),
    "flood_window_seconds": ("30", 30),
    "flood_min_ends": ("9", 9),
    "flood_probe_seconds": ("2", 2),
    "stop_grace_seconds": ("0", 0),
    "stuck_seconds": ("5", 5.0),
    "kafka_security_protocol": ("SSL", "SSL"),
    "kafka_sasl_mechanism": ("SCRAM-SHA-512", "SCRAM-SHA-512"),
    "kafka_username": ("u", "u"),
    "kafka_password": (CANARY, SecretStr(CANARY)),
    "kafka_ca_file": ("ca.pem", Path("ca.pem")),
    "kafka_cert_file": ("cert.pem", Path("cert.pem")),
    "kafka_key_file": ("key.pem", Path("key.pem")),
    "kafka_key_password": (CANARY, SecretStr(CANARY)),
    "kafka_instance_id": ("w1", "w1"),
    "commit_interval_seconds": ("0.5", 0.5),
    "replication_factor": ("3", 3),
    "guards": (" echo , refusal,echo ", "echo,refusal"),
    "pipelines": (" ratings , questions, ratings ", "ratings,questions"),
    "rating_max_user_id": ("10", 10),
    "rating_max_movie_id": ("20", 20),
    "scorer_rescale": ("true", True),
    "scorer_baseline": ("es", "es"),
    "gate_max_random_pass": ("0.1", 0.1),
    "gate_max_good_fail": ("0.5", 0.5),
    "rating_model_dir": ("fitted", Path("fitted")),
    "app_id": ("mine", "mine"),
    "topic_prefix": ("p-", "p-"),
    "partitions": ("1", 1),
    "data_dir": ("elsewhere", Path("elsewhere")),
    "http_host": ("::1", "::1"),
    "http_port": ("0", 0),
    "http_allowed_hosts": ("api.example.org", "api.example.org"),
    "api_token": (CANARY, SecretStr(CANARY)),
    "causes_file": ("causes.toml", Path("causes.toml")),
    "strategies_file": ("strategies.toml", Path("strategies.toml")),
    "otel_endpoint": ("http://collector:4318", "http://collector:4318"),
    "log_format": ("json", "json"),
    "log_level": ("debug", "debug"),
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder and no setting in the environment."""
    for name in known_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def refused(**environment: str) -> SettingsError:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(PREFIX + name, value)
        with pytest.raises(SettingsError) as caught:
            load_settings()
    return caught.value


@pytest.mark.parametrize("name", [n for n in DESIGN if n in Settings.model_fields])
def test_a_setting_of_the_design_has_the_designs_default(name: str) -> None:
    assert getattr(load_settings(), name) == DESIGN[name]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_read_from_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = OTHERS[name]
    monkeypatch.setenv(PREFIX + name.upper(), text)
    if name == "kafka_key_file":
        monkeypatch.setenv(PREFIX + "KAFKA_CERT_FILE", "cert.pem")
    if isinstance(value, Path) and name.endswith("s_file"):  # read when the settings are
        value.write_text("[[generation]]\n" if name == "strategies_file" else "")
    assert getattr(load_settings(), name) == value


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("BROKR", "BROKER"),
        ("LLM_TIMEOUT", "LLM_TIMEOUT_SECONDS"),
        ("QUALITY_TRESHOLD", "QUALITY_THRESHOLD"),
        ("quality_treshold", "QUALITY_THRESHOLD"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_right_one(wrong: str, right: str) -> None:
    error = refused(**{wrong: "1"})
    assert error.name == PREFIX + wrong
    assert f"did you mean {PREFIX}{right}?" in str(error)
    assert error.exit_code == 2


def test_a_name_like_nothing_is_refused_too() -> None:
    assert "config show" in str(refused(XYZZY="1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLM_TIMEOUT_SECONDS", "soon"),
        ("LLM_TIMEOUT_SECONDS", "0"),
        ("LLM_TIMEOUT_SECONDS", "nan"),
        ("LLM_CONCURRENCY", "0"),
        ("LLM_CONCURRENCY", "1.5"),
        ("QUALITY_THRESHOLD", "1.01"),
        ("QUALITY_THRESHOLD", "-0.1"),
        ("QUALITY_THRESHOLD", "nan"),
        ("QUALITY_METRIC", "f2"),
        ("MAX_GENERATIONS", "0"),
        ("RETRY_JITTER", "1"),
        ("DEADLINE_SECONDS", "-1"),
        ("PARTITIONS", "0"),
        ("HTTP_PORT", "65536"),
        ("APP_ID", "Not An Id"),
        ("TOPIC_PREFIX", "a b"),
        ("LOG_FORMAT", "xml"),
        ("PIPELINES", "questions,answers"),
        ("PIPELINES", ","),
        ("RATING_MAX_USER_ID", "0"),
        ("RATING_MAX_MOVIE_ID", "2147483648"),
        ("BROKER", "rabbit://h"),
        ("BROKER", "kafka:"),
        ("BROKER", "kafka://"),
        ("BROKER", "kafka://h:port"),
        ("BROKER", "kafka://a:9092,b:99999"),
        ("BROKER", "log:///somewhere"),
        ("BROKER", "localhost:9092"),
        ("DATABASE", "mysql://h/n"),
        ("DATABASE", "postgresql:"),
        ("CACHE", "redis:"),
        ("LLM", "http://h/v1"),
        ("LLM", "ollama:"),
        ("LLM", "openai+http://"),
        ("SCORER", "ftp://h"),
    ],
)
def test_a_bad_value_is_refused_and_its_variable_named(name: str, value: str) -> None:
    error = refused(**{name: value})
    assert error.name == PREFIX + name
    assert str(error).startswith(PREFIX + name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BROKER", "kafka://h"),
        ("BROKER", "kafka://h:9092,h2:9092"),
        ("BROKER", "memory:"),
        ("BROKER", "memory://name"),
        ("DATABASE", "memory:"),
        ("DATABASE", "postgres://u:p@h:5433/n"),
        ("CACHE", "rediss://h"),
        ("LLM", "bundled:"),
        ("LLM", "ollama://[::1]:11434"),
        ("SCORER", "https://h/path"),
    ],
)
def test_each_scheme_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    assert getattr(load_settings(), name.lower()) == value


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_open_port_without_a_token_is_refused(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "API_TOKEN" in str(refused(HTTP_HOST=host))
    assert "API_TOKEN" in str(refused(HTTP_HOST=host, API_TOKEN="")), "an empty one is none"
    monkeypatch.setenv(PREFIX + "HTTP_HOST", host)
    monkeypatch.setenv(PREFIX + "API_TOKEN", CANARY)
    assert load_settings().http_host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "::1", "localhost"])
def test_loopback_needs_no_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "HTTP_HOST", host)
    assert load_settings().http_host == host


def test_sasl_without_a_password_is_refused() -> None:
    error = refused(KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_USERNAME="u")
    assert "ANSWERLOOP_KAFKA_PASSWORD" in str(error)


def test_a_dotenv_file_is_read_and_checked() -> None:
    Path(".env").write_text("ANSWERLOOP_PARTITIONS=3\nOTHER=1\n", encoding="utf-8")
    assert load_settings().partitions == 3
    Path(".env").write_text("ANSWERLOOP_PARTITONS=3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"\.env is no setting; did you mean"):
        load_settings()


def test_a_dotenv_file_that_can_not_be_read_is_refused_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_bytes("ANSWERLOOP_APP_ID=años\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"/\.env is not UTF-8: save it as UTF-8"):
        load_settings()

    def closed(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dotenv.dotenv_values", closed)
    with pytest.raises(SettingsError, match=r"/\.env can't be read \(Permission denied\)"):
        load_settings()


def test_options_win_over_the_environment_and_that_over_dotenv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("ANSWERLOOP_PARTITIONS=3\nANSWERLOOP_HTTP_PORT=1\n", encoding="utf-8")
    monkeypatch.setenv(PREFIX + "PARTITIONS", "4")
    settings = load_settings(partitions=None)
    assert (settings.partitions, settings.http_port) == (4, 1)
    assert load_settings(partitions=5).partitions == 5


def test_a_bad_option_is_refused_like_a_bad_variable() -> None:
    with pytest.raises(SettingsError, match="ANSWERLOOP_LLM_CONCURRENCY"):
        load_settings(llm_concurrency=0)


def test_secrets_are_in_no_text_of_the_settings() -> None:
    settings = load_settings(llm_api_key=CANARY, kafka_password=CANARY, api_token=CANARY)
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert CANARY not in shown


@pytest.mark.parametrize(
    "other", [{"PARTITIONS": "x"}, {"HTTP_HOST": "0.0.0.0", "API_TOKEN": ""}, {"BROKR": "x"}]
)
def test_secrets_are_in_no_error(other: dict[str, str]) -> None:
    error = refused(LLM_API_KEY=CANARY, KAFKA_PASSWORD=CANARY, **other)
    assert CANARY not in f"{error} {error!r} {error.__cause__} {error.__context__}"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("questions,ratings", ("questions", "ratings")),
        ("ratings", ("ratings",)),
        ("questions", ("questions",)),
    ],
)
def test_any_of_the_pipelines_may_be_named(value: str, names: tuple[str, ...]) -> None:
    assert load_settings(pipelines=value).pipeline_names == names


def test_recommender_models_lie_under_data_dir_unless_a_folder_is_named() -> None:
    assert load_settings(data_dir="d").model_folder == Path("d/models")
    assert load_settings(data_dir="d", rating_model_dir="m").model_folder == Path("m")


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().partitions = 3


def test_the_retry_policy_is_that_of_the_settings() -> None:
    assert load_settings().retry_policy == RetryPolicy()
    settings = load_settings(overload_base_seconds=1, quota_max_retries=2, retry_jitter=0.1)
    expected = RetryPolicy(overload_base_seconds=1, quota_max_retries=2, jitter=0.1)
    assert settings.retry_policy == expected


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWERLOOP_SCORER_MODEL", "")
    monkeypatch.setenv("ANSWERLOOP_BROKER", "")
    settings = load_settings()
    assert settings.scorer_model is None
    assert settings.broker == "log:"
    assert not {"scorer_model", "broker"} & settings.model_fields_set
