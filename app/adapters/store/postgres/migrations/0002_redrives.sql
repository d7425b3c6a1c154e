-- Dead letters that come back: which redrive took a letter, and what it became.

-- A replayed failure made a second letter of the same death: the first one stays.
DELETE FROM dead_letters AS again USING dead_letters AS first
WHERE again.question_id = first.question_id
    AND (again.round, again.generation, again.attempt) =
        (first.round, first.generation, first.attempt)
    AND again.cause = first.cause
    AND (again.dead_at, again.origin_topic, again.origin_partition, again.origin_offset) >
        (first.dead_at, first.origin_topic, first.origin_partition, first.origin_offset);

CREATE TABLE redrives (
    redrive_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at double precision NOT NULL,
    last_at    double precision NOT NULL,  -- of its latest batch
    by_whom    text NOT NULL,
    filter     json NOT NULL,
    transform  text,
    planned    integer NOT NULL,
    sent       integer NOT NULL DEFAULT 0,
    refused    integer NOT NULL DEFAULT 0,
    failed     integer NOT NULL DEFAULT 0
);

-- claimed_at without sent_at: a redrive has the letter in hand, or died with it.
ALTER TABLE dead_letters
    ADD COLUMN redrive_id bigint,
    ADD COLUMN claimed_at double precision,
    ADD COLUMN sent_at    double precision,
    ADD COLUMN new_round  integer;  -- the round that its question became; NULL: sent as bytes

-- A death is kept once, from whatever message it came. Also finds the letters of a question.
CREATE UNIQUE INDEX dead_letters_once
    ON dead_letters (question_id, round, generation, attempt, cause)
    WHERE question_id IS NOT NULL;
DROP INDEX dead_letters_of_question;

-- Pages go by (dead_at, origin).
DROP INDEX dead_letters_by_time;
CREATE INDEX dead_letters_by_time
    ON dead_letters (dead_at, origin_topic, origin_partition, origin_offset);
CREATE INDEX dead_letters_open
    ON dead_letters (dead_at, origin_topic, origin_partition, origin_offset)
    WHERE sent_at IS NULL;
CREATE INDEX dead_letters_by_cause ON dead_letters (cause, dead_at);
