-- By what each score was made and judged, and why the answer passed or failed.

ALTER TABLE attempts
    ADD COLUMN library text,  -- whose figures: bert-score 0.3.13
    ADD COLUMN gate    text;  -- where metric and threshold came from: settings, profile minilm-l6

ALTER TABLE questions
    ADD COLUMN metric  text,
    ADD COLUMN gate    text,
    ADD COLUMN library text,
    ADD COLUMN why     text;

-- Of questions that ended before, the verdict on their answer is in the ledger. What only the
-- program of that time knew stays NULL.
UPDATE questions SET metric = call.metric, why = call.why
FROM attempts AS call
WHERE questions.status IN ('validated', 'low_quality', 'unscored')
    AND call.question_id = questions.question_id
    AND call.round = questions.round
    AND call.generation = questions.generation
    AND call.attempt = questions.attempt
    AND call.verdict IS NOT NULL;
UPDATE questions SET why = letter.detail
FROM dead_letters AS letter
WHERE questions.status = 'dead'
    AND letter.question_id = questions.question_id
    AND letter.round = questions.round
    AND letter.generation = questions.generation
    AND letter.attempt = questions.attempt
    AND letter.cause = questions.cause;
