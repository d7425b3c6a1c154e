"""The table in force: a file's rules first, then the built-in table; routes as the file says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.causes import BUILT_IN, PROVIDERS, CauseTable, Failure, Rule
from app.core.failures import BREAKS, BY_CODE, BY_STATUS, CAUSES, Route, classify_status

PLAIN = Failure(provider="ollama", host="10.0.0.7:11434", status=503, text="Server busy, try again")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", range(100, 600, 7))
def test_without_a_file_every_provider_has_the_built_in_table(provider: str, status: int) -> None:
    failure = Failure(provider=provider, status=status)
    assert BUILT_IN.cause_of(failure) is classify_status(status)


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("status", [None, 200, 503])
def test_how_a_call_broke_says_more_than_its_status(broken: str, status: int | None) -> None:
    assert BUILT_IN.cause_of(Failure(status=status, broken=broken)) is CAUSES[broken]


@pytest.mark.parametrize("code", BY_CODE)
@pytest.mark.parametrize("status", [200, 400, 429, 500])
def test_a_structured_code_says_more_than_the_status(code: str, status: int) -> None:
    assert BUILT_IN.cause_of(Failure(status=status, codes=("other", code))).name == BY_CODE[code]


@pytest.mark.parametrize(
    "failure", [Failure(), Failure(broken="something new"), Failure(status=200, text="?")]
)
def test_what_is_not_known_is_a_malformed_reply(failure: Failure) -> None:
    assert BUILT_IN.cause_of(failure) is CAUSES["malformed_reply"]


MATCHING = [
    {"statuses": (503,)},
    {"statuses": (429, 503)},
    {"provider": "ollama", "statuses": (503,)},
    {"provider": "OLLAMA", "statuses": (503,)},
    {"provider": "10.0.0.7", "statuses": (503,)},
    {"provider": "10.0.0.7:11434", "statuses": (503,)},
    {"text": "server busy, TRY again"},
    {"contains": "BUSY"},
    {"contains": "busy", "statuses": (503,), "provider": "ollama"},
]
OTHERS = [
    {"statuses": (429,)},
    {"provider": "openai", "statuses": (503,)},
    {"provider": "10.0.0.8", "statuses": (503,)},
    {"provider": "10.0.0.7:80", "statuses": (503,)},
    {"provider": "0.0.7", "statuses": (503,)},
    {"code": "busy"},
    {"broken": "timeout"},
    {"text": "busy"},
    {"contains": "idle"},
    {"contains": "busy", "statuses": (429,)},
]


@pytest.mark.parametrize("conditions", MATCHING, ids=str)
def test_a_rule_holds_when_all_its_conditions_do(conditions: dict[str, object]) -> None:
    table = CauseTable((Rule("insufficient_quota", **conditions),))
    assert table.cause_of(PLAIN) is CAUSES["insufficient_quota"]


@pytest.mark.parametrize("conditions", OTHERS, ids=str)
def test_a_rule_of_which_one_condition_fails_changes_nothing(conditions: dict[str, object]) -> None:
    table = CauseTable((Rule("insufficient_quota", **conditions),))
    assert table.cause_of(PLAIN) is CAUSES["overloaded"]


def test_the_first_rule_that_matches_wins() -> None:
    rules = (
        Rule("rate_limited", provider="ollama", statuses=(503,)),
        Rule("bad_request", statuses=(503,)),
    )
    assert CauseTable(rules).cause_of(PLAIN).name == "rate_limited"
    assert CauseTable(rules[::-1]).cause_of(PLAIN).name == "bad_request"
    assert CauseTable(rules).cause_of(replace(PLAIN, provider="openai")).name == "bad_request"


def test_a_server_that_sends_429_for_overload_waits_exponentially() -> None:
    table = CauseTable((Rule("overloaded", provider="ollama", statuses=(429,)),))
    assert table.cause_of(Failure("ollama", status=429)).route is Route.OVERLOAD
    assert table.cause_of(Failure("openai", status=429)).route is Route.QUOTA


def test_a_rule_wins_over_a_code_and_over_a_break() -> None:
    table = CauseTable(
        (Rule("rate_limited", code="insufficient_quota"), Rule("bad_request", broken="timeout"))
    )
    assert table.cause_of(Failure(status=429, codes=("insufficient_quota",))).name == "rate_limited"
    assert table.cause_of(Failure(broken="timeout")).name == "bad_request"


def test_a_route_that_a_file_changes_holds_wherever_the_cause_comes_from() -> None:
    table = CauseTable(routes={"insufficient_quota": Route.QUOTA})
    by_code = table.cause_of(Failure(status=429, codes=("insufficient_quota",)))
    assert (by_code.name, by_code.route) == ("insufficient_quota", Route.QUOTA)
    assert table["insufficient_quota"] == by_code == table.get("insufficient_quota")
    assert table["overloaded"] is CAUSES["overloaded"]


def test_a_cause_that_the_table_has_not_is_none() -> None:
    assert BUILT_IN.get("surprise") is None
    with pytest.raises(KeyError):
        BUILT_IN["surprise"]


failures = st.builds(
    Failure,
    provider=st.sampled_from((*PROVIDERS, "")),
    host=st.sampled_from(("", "a.example:443", "b.example")),
    status=st.none() | st.integers(100, 599),
    codes=st.lists(st.sampled_from((*BY_CODE, "x"))).map(tuple),
    broken=st.none() | st.sampled_from(BREAKS),
    text=st.text(max_size=20),
)
rules = st.builds(
    Rule,
    cause=st.sampled_from(list(CAUSES)),
    provider=st.sampled_from(("", "ollama", "a.example")),
    statuses=st.lists(st.sampled_from(list(BY_STATUS))).map(tuple),
    code=st.sampled_from(("", "x")),
    broken=st.sampled_from(("", *BREAKS)),
    contains=st.sampled_from(("", "a")),
)


@given(
    failures,
    st.lists(rules, max_size=5),
    st.dictionaries(st.sampled_from(list(CAUSES)), st.sampled_from(Route)),
)
def test_whatever_fails_has_a_cause_of_the_closed_table(
    failure: Failure, of_file: list[Rule], routes: dict[str, Route]
) -> None:
    cause = CauseTable(tuple(of_file), routes).cause_of(failure)
    assert cause.name in CAUSES
    assert cause.route is routes.get(cause.name, CAUSES[cause.name].route)
