-- How each call was asked: what changed from one generation to the next. NULL in older rows.

ALTER TABLE attempts
    ADD COLUMN strategy    text,  -- name in STRATEGIES_FILE: sentence + Spanish + cut_off
    ADD COLUMN temperature double precision,
    ADD COLUMN seed        bigint;
