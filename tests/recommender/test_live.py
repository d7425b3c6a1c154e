"""The live recommender: what it predicts, learns from the stream, and ranks."""

from __future__ import annotations

import numpy as np
import pytest

from app.recommender.fitting import fit
from app.recommender.live import LiveRecommender
from app.recommender.live_tables import LiveTables
from app.recommender.table import RatingTable, split_by_time
from tests.recommender.ratings import (
    MOVIES,
    histories_of,
    history,
    rated_in,
    small_model,
    small_table,
)

NOBODY = 5_000_000
NEW_MOVIE = 100_000
SOME = {1: 5.0, 2: 4.5, 3: 1.0, 4: 0.5, 8: 3.0}


@pytest.fixture
def live() -> LiveRecommender:
    return LiveRecommender(small_model())


def plain_solution(stars: dict[int, float]) -> np.ndarray:
    """Solve one user alone, in double precision, from the definition."""
    model = small_model()
    rows = [(model.movies[model.movie_ids.tolist().index(m)], s) for m, s in stars.items()]
    known = np.array([[*row[:-1], 1.0] for row, _ in rows], dtype=float)
    targets = np.array([s - model.mean - row[-1] for row, s in rows], dtype=float)
    strength = model.facts.regularisation
    penalty = [strength.factors + len(rows) * strength.factors_per_rating] * model.factors
    squares = known.T @ known + np.diag([*penalty, strength.bias])
    return np.asarray(np.linalg.solve(squares, known.T @ targets))


def test_a_fold_in_is_the_plain_least_squares_solution_of_each_user(live: LiveRecommender) -> None:
    many = {movie: 0.5 + movie % 10 / 2 for movie in range(1, 100)}
    given = {NOBODY: SOME, NOBODY + 1: {5: 2.0}, NOBODY + 2: many, NOBODY + 3: {**SOME, 9: 2.0}}
    live.fold_in([history(user, stars) for user, stars in given.items()])
    for user, stars in given.items():
        x = plain_solution(stars)
        model = small_model()
        expected = model.mean + model.movies[:, -1] + x[-1] + model.movies[:, :-1] @ x[:-1]
        movies = model.movie_ids.tolist()
        found = live.predict([user] * len(movies), movies)
        assert found == pytest.approx(expected.clip(0.5, 5.0), abs=1e-4)


def test_a_user_of_the_file_has_the_vector_that_folding_in_his_ratings_gives(
    live: LiveRecommender,
) -> None:
    users, movies = list(range(1, 51)), list(range(1, 51))
    before = live.predict(users, movies)
    live.fold_in([history(user, {}) for user in users])
    assert live.predict(users, movies) == pytest.approx(before, abs=1e-4)


def test_a_rating_of_the_stream_replaces_the_files_and_leaves_the_others(
    live: LiveRecommender,
) -> None:
    filed = rated_in(small_table(), 3)
    movie = next(iter(filed))
    changed = 0.5 if filed[movie] > 2.5 else 5.0
    live.fold_in([history(3, {movie: changed})])
    fresh = LiveRecommender(small_model())
    fresh.fold_in([history(NOBODY, {**filed, movie: changed})])
    movies = list(range(1, MOVIES + 1))
    of_the_file = live.predict([3] * MOVIES, movies)
    assert of_the_file == pytest.approx(fresh.predict([NOBODY] * MOVIES, movies), abs=1e-4)


def test_an_unknown_movie_still_tells_how_generous_its_user_is(live: LiveRecommender) -> None:
    live.fold_in([history(NOBODY, {NEW_MOVIE: 0.5, NEW_MOVIE + 1: 0.5})])
    harsh, average = live.predict([NOBODY, NOBODY + 1], [1, 1])
    assert harsh < average - 0.3


def test_predictions_stay_within_the_scale(live: LiveRecommender) -> None:
    movies = list(range(1, MOVIES + 1))
    for user, stars in ((NOBODY, 5.0), (NOBODY + 1, 0.5)):
        live.fold_in([history(user, dict.fromkeys(movies, stars))])
        found = live.predict([user] * MOVIES, movies)
        assert min(found) >= 0.5
        assert max(found) <= 5.0
        assert stars in found


def test_unknown_users_and_movies_get_averages(live: LiveRecommender) -> None:
    model = small_model()
    neither, movie = live.predict([NOBODY, NOBODY], [NEW_MOVIE, int(model.movie_ids[0])])
    assert neither == pytest.approx(model.mean)
    assert movie == pytest.approx(model.mean + float(model.movies[0, -1]), abs=1e-5)
    assert live.predict([], []) == []
    assert live.predict([2**32 - 1, 0], [2**32 - 1, 0]) == pytest.approx([model.mean] * 2)


def test_only_unseen_movies_are_recommended_best_first(live: LiveRecommender) -> None:
    live.fold_in([history(NOBODY, SOME)])
    (found,) = live.recommend([history(NOBODY, SOME)], 10)
    movies = [movie.movie_id for movie in found]
    assert len(set(movies)) == 10
    assert not set(movies) & set(SOME)
    scores = [movie.score for movie in found]
    assert scores == sorted(scores, reverse=True)
    assert scores == pytest.approx(live.predict([NOBODY] * 10, movies), abs=1e-4)
    others = [m for m in range(1, MOVIES + 1) if m not in SOME and m not in movies]
    assert max(live.predict([NOBODY] * len(others), others)) <= scores[-1] + 1e-4


def test_what_the_file_says_was_rated_is_not_recommended_either(live: LiveRecommender) -> None:
    (found,) = live.recommend([history(3, {})], MOVIES)
    filed = rated_in(small_table(), 3)
    assert len(found) == len(small_model().movie_ids) - len(filed)
    assert not {movie.movie_id for movie in found} & set(filed)
    assert found[0] != live.popular(1)[0]


def test_it_says_how_many_ratings_of_a_user_the_model_rests_on(live: LiveRecommender) -> None:
    live.fold_in([history(NOBODY, SOME)])
    assert live.fitted_on(3) == len(rated_in(small_table(), 3))
    assert live.fitted_on(NOBODY) == 0


def test_a_user_who_rated_everything_gets_nothing(live: LiveRecommender) -> None:
    everything = history(NOBODY, dict.fromkeys(range(1, MOVIES + 1), 3.0))
    live.fold_in([everything])
    assert live.recommend([everything, everything], 5) == [[], []]


def test_an_unknown_user_gets_the_popular_movies_that_he_has_not_rated(
    live: LiveRecommender,
) -> None:
    best = live.popular(3)
    nothing, one = live.recommend(
        [history(NOBODY, {}), history(NOBODY + 1, {best[0].movie_id: 4.0})], 2
    )
    assert [m.movie_id for m in nothing] == [m.movie_id for m in best[:2]]
    assert [m.movie_id for m in one] == [m.movie_id for m in best[1:]]


def test_a_user_without_ratings_is_an_average_one(live: LiveRecommender) -> None:
    live.fold_in([history(NOBODY, {})])
    assert live.predict([NOBODY], [1]) == live.predict([NOBODY + 1], [1])


@pytest.mark.parametrize("n", [0, -1])
def test_nothing_is_asked_for(live: LiveRecommender, n: int) -> None:
    assert live.popular(n) == []
    assert live.recommend([history(1, {})], n) == [[]]
    assert live.recommend([], 5) == []
    live.fold_in([])
    live.observe([], [])
    live.forget([])


def test_confidence_grows_with_the_ratings_of_the_user_and_of_the_movie(
    live: LiveRecommender,
) -> None:
    few, many = {1: 4.0}, dict.fromkeys(range(1, 60), 4.0)
    live.fold_in([history(NOBODY, few), history(NOBODY + 1, many)])
    (of_few,) = live.recommend([history(NOBODY, few)], MOVIES)
    (of_many,) = live.recommend([history(NOBODY + 1, many)], MOVIES)
    sure_of_few = {movie.movie_id: movie.confidence for movie in of_few}
    for movie in of_many:
        assert 0 < sure_of_few[movie.movie_id] < movie.confidence < 1
    counts = dict(zip(small_model().movie_ids.tolist(), small_model().movie_counts, strict=True))
    by_count = sorted(of_many, key=lambda movie: counts[movie.movie_id])
    assert by_count[0].confidence < by_count[-1].confidence


def test_popular_movies_are_well_founded() -> None:
    live = LiveRecommender()
    live.observe([1] * 3 + [2] * 400 + [3] * 400, [10] * 3 + [9] * 400 + [5] * 400)
    assert [movie.movie_id for movie in live.popular(3)] == [2, 1, 3]
    first, second, _ = live.popular(3)
    assert first.confidence > 0.9 > 0.2 > second.confidence


def test_a_forgotten_user_is_unknown_again_and_one_of_the_file_is_as_in_the_file(
    live: LiveRecommender,
) -> None:
    before = live.predict([3, NOBODY], [1, 1])
    live.fold_in([history(3, {1: 0.5, 2: 0.5}), history(NOBODY, {1: 0.5, 2: 0.5})])
    assert live.predict([3, NOBODY], [1, 1]) != before
    live.forget([3, NOBODY, NOBODY, 4_000_000_000])
    assert live.predict([3, NOBODY], [1, 1]) == before


def test_memory_of_users_who_come_and_go_does_not_grow(live: LiveRecommender) -> None:
    for turn in range(50):
        users = range(NOBODY + turn * 100, NOBODY + turn * 100 + 100)
        live.fold_in([history(user, SOME) for user in users])
        live.forget(list(users))
    assert len(live._users.vectors) < 1_000


def test_a_known_movies_bias_follows_the_stream(live: LiveRecommender) -> None:
    (before,) = live.predict([NOBODY], [1])
    for _ in range(40):
        live.observe([1] * 50, [10] * 50)
    (after,) = live.predict([NOBODY], [1])
    assert before < after <= 5.0


def test_a_new_movies_bias_is_its_mean_damped(live: LiveRecommender) -> None:
    level = small_model().mean
    live.observe([NEW_MOVIE], [10])
    (one,) = live.predict([NOBODY], [NEW_MOVIE])
    live.observe([NEW_MOVIE] * 99, [10] * 99)
    (hundred,) = live.predict([NOBODY], [NEW_MOVIE])
    assert level < one < level + 0.4
    assert hundred == pytest.approx(5.0, abs=0.15)
    (found,) = live.recommend([history(3, {})], MOVIES)
    assert NEW_MOVIE in [movie.movie_id for movie in found]


def test_chunks_do_not_change_what_is_learnt() -> None:
    table = small_table()
    movies, halves = table.movies.tolist(), (table.stars * 2).astype(int).tolist()
    at_once, in_parts = LiveRecommender(small_model()), LiveRecommender(small_model())
    at_once.observe(movies, halves)
    for first in range(0, len(movies), 37):
        in_parts.observe(movies[first : first + 37], halves[first : first + 37])
    pairs = ([NOBODY] * MOVIES, list(range(1, MOVIES + 1)))
    assert at_once.predict(*pairs) == pytest.approx(in_parts.predict(*pairs), abs=1e-9)


def test_the_same_calls_give_the_same_answers() -> None:
    def run() -> object:
        live = LiveRecommender(small_model())
        live.observe([1, NEW_MOVIE, 1], [9, 3, 10])
        live.fold_in([history(NOBODY, SOME), history(3, SOME)])
        return live.predict([NOBODY, 3], [7, 9]), live.recommend([history(NOBODY, SOME)], 20)

    assert run() == run()


def test_a_batch_gives_each_user_what_he_gets_alone(live: LiveRecommender) -> None:
    histories = histories_of(small_table())[:40]
    together = live.recommend(histories, 5)
    alone = [live.recommend([one], 5)[0] for one in histories]
    for ours, single in zip(together, alone, strict=True):
        assert [m.score for m in ours] == pytest.approx([m.score for m in single], abs=1e-5)


def test_a_new_model_is_taken_up_and_what_was_observed_is_kept() -> None:
    offered = [None, LiveTables.of(small_model())]
    live = LiveRecommender(None, lambda: offered.pop(0) if offered else None)
    live.observe([NEW_MOVIE] * 50, [10] * 50)
    assert (live.version, live.reload()) == ("means", False)
    assert live.reload()
    assert live.version == small_model().version
    assert live.predict([NOBODY], [NEW_MOVIE])[0] > small_model().mean + 1
    assert not live.reload()


def test_a_stream_on_top_of_an_old_model_is_nearly_as_good_as_a_new_fit() -> None:
    first, middle, last = split_by_time(small_table(), 0.7, 0.2)
    live = LiveRecommender(fit(first, factors=4, held_out=0.0))
    both = RatingTable(*(np.concatenate(pair) for pair in zip(first, middle, strict=True)))
    refit = LiveRecommender(fit(both, factors=4, held_out=0.0))
    live.observe(middle.movies.tolist(), (middle.stars * 2).astype(int).tolist())
    live.fold_in(histories_of(middle))

    def rmse(found: object) -> float:
        return float(np.sqrt(np.mean((np.asarray(found) - last.stars) ** 2)))

    pairs = (last.users.tolist(), last.movies.tolist())
    means = {m: both.stars[both.movies == m].mean() for m in np.unique(both.movies).tolist()}
    by_movie = [means.get(movie, both.stars.mean()) for movie in pairs[1]]
    streamed = rmse(live.predict(*pairs))
    assert streamed < 1.03 * rmse(refit.predict(*pairs))
    assert streamed < 0.92 * rmse(by_movie)
    assert streamed < 0.85 * rmse(both.stars.mean())
