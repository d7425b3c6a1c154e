-- Questions, the ledger of model calls, dead letters.
-- Times are Unix seconds: to_timestamp(accepted_at) shows them. They come from messages, and hold
-- whatever a message holds, to the last bit.
-- Ids sort by code point (COLLATE "C") as they do in Python: pages and lock order rely on it.

CREATE TABLE questions (
    question_id     text COLLATE "C" PRIMARY KEY,
    status          text NOT NULL CHECK (status IN (
        'accepted', 'asking', 'waiting', 'judging',
        'validated', 'low_quality', 'unscored', 'dead')),
    round           integer NOT NULL,
    generation      integer NOT NULL,
    attempt         integer NOT NULL,
    question_text   text NOT NULL,
    original_answer text,
    model           text NOT NULL,
    metadata        json NOT NULL,  -- json, not jsonb: shown as it was sent, keys in their order
    accepted_at     double precision NOT NULL,
    due_at          double precision,
    finished_at     double precision,
    answer          text,
    score_precision double precision,
    score_recall    double precision,
    score_f1        double precision,
    threshold       double precision,
    scorer          text,
    cause           text
);

CREATE INDEX questions_newest ON questions (accepted_at, question_id);
CREATE INDEX questions_by_status ON questions (status, accepted_at, question_id);

-- One row for each model call: claimed, then answered or failed, then judged.
-- No foreign key: facts about a question may arrive before the question does.
CREATE TABLE attempts (
    question_id         text COLLATE "C" NOT NULL,
    round               integer NOT NULL,
    generation          integer NOT NULL,
    attempt             integer NOT NULL,
    model               text NOT NULL,
    owner               text NOT NULL,
    lease_until         double precision NOT NULL,  -- by the clock of this database
    started_at          double precision NOT NULL,
    waited_seconds      double precision NOT NULL,
    outcome             text CHECK (outcome IN ('answered', 'failed')),  -- NULL: not ended yet
    seconds             double precision,
    answer              text,
    tokens              bigint,
    finish_reason       text,
    cause               text,
    detail              text,
    failed_at           double precision,
    http_status         integer,
    retry_after_seconds double precision,
    verdict             text CHECK (verdict IN ('validated', 'low_quality', 'unscored')),
    why                 text,
    score_precision     double precision,
    score_recall        double precision,
    score_f1            double precision,
    threshold           double precision,
    metric              text,
    scorer              text,
    PRIMARY KEY (question_id, round, generation, attempt)
);

CREATE INDEX attempts_open ON attempts (owner) WHERE outcome IS NULL;

-- Known by the message they came from. Kept until purged: redrive reads them here.
CREATE TABLE dead_letters (
    origin_topic     text COLLATE "C" NOT NULL,
    origin_partition integer NOT NULL,
    origin_offset    bigint NOT NULL,
    cause            text NOT NULL,
    detail           text NOT NULL,
    first_seen_at    double precision NOT NULL,
    dead_at          double precision NOT NULL,
    attempts         integer NOT NULL,
    question_id      text COLLATE "C",
    round            integer,
    generation       integer,
    attempt          integer,
    key              bytea,
    value            bytea,
    PRIMARY KEY (origin_topic, origin_partition, origin_offset)
);

CREATE INDEX dead_letters_by_time ON dead_letters (dead_at);
CREATE INDEX dead_letters_of_question ON dead_letters (question_id) WHERE question_id IS NOT NULL;

CREATE FUNCTION answerloop_final(status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT status IN ('validated', 'low_quality', 'unscored', 'dead') $$;

-- The order of the stages within one call (PROGRESS in app/core/lifecycle.py).
CREATE FUNCTION answerloop_progress(status text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT array_position(ARRAY['accepted', 'asking', 'waiting', 'judging'], status) $$;

-- Whether a new fact replaces the stored one (supersedes in app/core/lifecycle.py; the contract
-- suite compares the two over all combinations).
CREATE FUNCTION answerloop_supersedes(
    old_round integer, old_generation integer, old_attempt integer, old_status text,
    new_round integer, new_generation integer, new_attempt integer, new_status text
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN new_round <> old_round THEN new_round > old_round
        WHEN answerloop_final(old_status) THEN false
        WHEN answerloop_final(new_status) THEN true
        WHEN (new_generation, new_attempt) <> (old_generation, old_attempt)
            THEN (new_generation, new_attempt) > (old_generation, old_attempt)
        ELSE answerloop_progress(new_status) > answerloop_progress(old_status)
    END
$$;
