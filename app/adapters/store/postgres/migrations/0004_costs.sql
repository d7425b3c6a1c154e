-- What answers cost: starts of each call, and the tokens that were read.

-- Each claim may be a payment; rows that only hold a verdict were never called from here.
ALTER TABLE attempts
    ADD COLUMN claims integer NOT NULL DEFAULT 1,
    ADD COLUMN prompt_tokens bigint;

UPDATE attempts SET claims = 0 WHERE outcome IS NULL AND owner = '';
