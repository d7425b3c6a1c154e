-- Exact state of the ratings pipeline, by partition of the topic `ratings`.
-- Each save writes what changed and `next_offset` in one transaction: all rows of a partition are
-- what its log up to that offset makes of them. Times are Unix milliseconds.

CREATE TABLE rating_partitions (
    partition     integer PRIMARY KEY,
    next_offset   bigint NOT NULL,  -- of the log: the first event that is not applied
    valid         bigint NOT NULL,
    duplicate     bigint NOT NULL,
    stale         bigint NOT NULL,
    rejected      json NOT NULL,    -- counts by rule
    out_of_order  bigint NOT NULL,
    late          bigint NOT NULL,
    future        bigint NOT NULL,
    users         bigint NOT NULL,
    by_halves     bigint[] NOT NULL,
    predicted     bigint NOT NULL,
    squared_error double precision NOT NULL,
    watermark     bigint NOT NULL,
    windows       json NOT NULL,    -- [[start, ratings, sum_halves], ...]
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- The same rows are written again and again: room in each page, and no index on what changes, keep
-- the updates in place (HOT).
CREATE TABLE rating_movies (
    movie_id       bigint NOT NULL,
    partition      integer NOT NULL,
    ratings        bigint NOT NULL,
    sum_halves     bigint NOT NULL,
    last_timestamp bigint NOT NULL,
    PRIMARY KEY (movie_id, partition)
) WITH (fillfactor = 60);

-- The journal: what each save applied, in rows of 16 bytes (app/core/ratings/changes.py).
-- `id` tells a segment from one with the same offsets that was written later.
CREATE TABLE rating_segments (
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    from_offset bigint NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (partition, next_offset, id)
);
ALTER TABLE rating_segments ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE rating_recommendations (
    user_id bigint PRIMARY KEY,
    movies  bytea NOT NULL,  -- rows of 24 bytes, little-endian: int64 id, float64 score, confidence
    model   text NOT NULL,
    ratings bigint NOT NULL,
    made_at double precision NOT NULL  -- Unix seconds
) WITH (fillfactor = 70);
ALTER TABLE rating_recommendations ALTER COLUMN movies SET STORAGE MAIN;
