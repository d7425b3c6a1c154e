-- What waits, by due time: the list, the histogram and the counts by cause read this index alone.

CREATE INDEX questions_waiting ON questions (due_at, question_id) INCLUDE (cause)
    WHERE status = 'waiting';
