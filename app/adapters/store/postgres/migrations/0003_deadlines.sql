-- Deadlines, for the sweep that ends what no stage sees any more.

ALTER TABLE questions
    ADD COLUMN deadline_at double precision,  -- set by the claims of its round; NULL: none (yet)
    ADD COLUMN swept_at    double precision;  -- when a sweep last put it on the log again

CREATE INDEX questions_by_deadline ON questions (deadline_at)
    WHERE deadline_at IS NOT NULL AND status IN ('accepted', 'asking', 'waiting', 'judging');
