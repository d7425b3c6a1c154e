-- Where a trace goes on when a question, or a dead letter, comes back from here: `traceparent`, and
-- after a blank `tracestate`. NULL in older rows, and while nobody collects traces.

ALTER TABLE questions ADD COLUMN trace_context text;
ALTER TABLE dead_letters ADD COLUMN trace_context text;
