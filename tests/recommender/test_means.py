"""Before any model: running means, with numpy and without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.core.ratings.changes import MovieTotal
from app.errors import SettingsError
from app.ports.recommender import Recommender
from app.recommender import opening
from app.recommender.live import LiveRecommender
from app.recommender.means import MeansRecommender
from app.recommender.opening import open_recommender, require_fitting
from tests.recommender.ratings import history, small_table


@pytest.fixture(params=[MeansRecommender, LiveRecommender])
def means(request: pytest.FixtureRequest) -> Recommender:
    found: Recommender = request.param()
    return found


def test_nothing_is_known_at_first(means: Recommender) -> None:
    assert means.version == "means"
    assert list(means.predict([1, 2], [1, 2])) == pytest.approx([3.5, 3.5])
    assert means.predict([], []) == []
    assert means.popular(5) == []
    assert means.recommend([history(1, {})], 5) == [[]]
    assert not means.reload()


def test_a_movies_mean_is_predicted_and_another_gets_the_mean_of_all(means: Recommender) -> None:
    means.observe([1] * 500 + [2] * 500, [10] * 500 + [2] * 500)
    good, bad, other = means.predict([7, 7, 7], [1, 2, 3])
    assert good == pytest.approx(5.0, abs=0.05)
    assert bad == pytest.approx(1.0, abs=0.05)
    assert other == pytest.approx(3.0, abs=0.05)


def test_popular_movies_without_those_that_were_rated(means: Recommender) -> None:
    means.observe([1] * 50 + [2] * 50 + [3] * 50, [10] * 50 + [8] * 50 + [4] * 50)
    means.fold_in([history(1, {1: 4.0})])
    (found,) = means.recommend([history(1, {1: 4.0})], 1)
    assert [movie.movie_id for movie in found] == [2]
    assert [movie.movie_id for movie in means.popular(5)] == [1, 2, 3]
    means.forget([1])


def test_a_worker_that_takes_over_a_partition_goes_on_from_its_totals(means: Recommender) -> None:
    means.observe([1] * 60 + [2] * 40, [10] * 60 + [4] * 40)
    expected = means.popular(5), means.predict([1, 1, 1], [1, 2, 3])
    heir = type(means)()
    heir.observe([1] * 10, [10] * 10)
    heir.restore(0, [MovieTotal(1, 20, 200, 5), MovieTotal(2, 40, 160, 5)])
    heir.restore(1, [MovieTotal(1, 10, 100, 5), MovieTotal(7, 3, 6, 5)])
    heir.restore(1, [MovieTotal(1, 30, 300, 5)])
    heir.restore(2, [])
    assert heir.popular(5) == expected[0]
    assert heir.predict([1, 1, 1], [1, 2, 3]) == pytest.approx(expected[1])


def test_both_say_the_same() -> None:
    table = small_table()
    movies, halves = table.movies.tolist(), (table.stars * 2).astype(int).tolist()
    plain, live = MeansRecommender(), LiveRecommender()
    for first in range(0, len(movies), 100):
        plain.observe(movies[first : first + 100], halves[first : first + 100])
        live.observe(movies[first : first + 100], halves[first : first + 100])
    ids = list(range(1, 130))
    assert plain.predict(ids, ids) == pytest.approx(live.predict(ids, ids))
    for one, other in zip(plain.popular(200), live.popular(200), strict=True):
        assert one.movie_id == other.movie_id
        assert one[1:] == pytest.approx(other[1:])


def test_a_worker_without_the_extra_works_by_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_fitting()
    assert isinstance(open_recommender(tmp_path), LiveRecommender)
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    assert isinstance(open_recommender(tmp_path), MeansRecommender)
    with pytest.raises(SettingsError, match=r"numpy, safetensors.*answerloop\[recommender\]"):
        require_fitting()


def test_opening_without_the_extra_imports_no_numpy() -> None:
    script = (
        "import sys; from pathlib import Path; from app.recommender import opening\n"
        "opening.find_spec = lambda name: None\n"
        "opening.open_recommender(Path('.')).popular(1); sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
