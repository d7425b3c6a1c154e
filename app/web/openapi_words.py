"""What each operation does, beyond its summary; and what each group of operations is for."""

from __future__ import annotations

#: Tag -> what its operations are for, in the order in which they are shown.
TAGS: dict[str, str] = {
    "questions": "Ask questions, and follow each to its end",
    "dead letters": "What died, why, and how it is sent again",
    "scores": "BERTScore of pairs of texts",
    "ratings": "Ratings of movies, their statistics, recommendations",
    "service": "How this process is, and what it serves",
    "dashboard": "The views of the dashboard, with all that its pages show",
}

#: operationId -> description (CommonMark).
WORDS: dict[str, str] = {
    "askQuestion": (
        "The id is derived from the question's text, its reference and the model, so the same "
        "question is never asked twice at once; a dead one is asked again in a new round. 202 is "
        "sent when the log has it: from then on it ends `validated`, `low_quality`, `unscored` or "
        "`dead`, whatever is killed. With `fresh` it is asked anew under a new id."
    ),
    "askQuestions": (
        "Each as in `POST /query`, with its own `idempotency_key`; equal ones are asked once. When "
        "one is wrong, none is taken, and the error names it: `questions[3].question_text`. "
        "`status` is `accepted`, or how it ended where it is answered already. After a 503 some "
        "may be on the log: send the request again, and none is asked twice (but `fresh` ones). "
        "`GET /questions?ids=` tells how far they are."
    ),
    "getQuestion": (
        "State, answer, scores and every attempt with its verdict. With the database away, "
        "answered questions still come from the cache."
    ),
    "listQuestions": (
        "A page at a time: `cursor` of a page leads to the next one. Attempts are left out; "
        "`GET /questions/{id}` has them. With `ids`, and no other parameter, the known ones of "
        "these, in their order, on one page."
    ),
    "getQuestionCosts": (
        "Calls, tokens and seconds by the model that was asked. `repeated` are starts beyond the "
        "first of the same call, after a crash in the middle of it: each may have been paid twice."
    ),
    "getCosts": "As `GET /questions/{id}/costs`, over all questions of the database.",
    "scorePairs": (
        "Precision, recall and F1 of a candidate against its reference, and the verdict of the "
        "gate in force. A body is one pair, or `pairs` with 1 to 256 of them; the answer has the "
        "same form. A pair that has no score (an empty text) is 422."
    ),
    "getMetrics": (
        "Counters, gauges and percentiles by name. With `Accept: text/plain` or "
        "`application/openmetrics-text`: the Prometheus text format, for a scrape."
    ),
    "getHealth": (
        "Each part is asked, or its newest answer is told. `degraded`: something is down that the "
        "service can wait for."
    ),
    "isAlive": "For a supervisor that restarts what does not answer. It asks no other part.",
    "isReady": (
        "For load balancers: 503 until tables are recovered, and when the worker is stuck, flooded "
        "or has lost the broker. The reason is in the error's message."
    ),
    "getIndex": "With `Accept: text/html`, as browsers send it, the dashboard's page.",
    "getOpenApi": "OpenAPI 3.1 of what this process serves, made of the types that check requests.",
    "getAsyncApi": (
        "AsyncAPI 3.0 of the topics of this worker's pipelines: channels, keys, schemas, examples, "
        "and which stage sends and receives what."
    ),
    "listDeadLetters": (
        "Filters can be combined. `bytes=true` adds key and value of each message in base64, and "
        "what a redrive would send of it."
    ),
    "getDeadLetter": "The place is that of the message that died: topic, partition, offset.",
    "redriveDeadLetters": (
        "By `filter`, or by the places in `letters`, each with new bytes if its message needs "
        "mending. Nothing is sent unless `dry_run` is false. A batch at a time: `cursor` leads "
        "on, `redrive_id` goes on with the same redrive. A letter is sent once, however often this "
        "is called."
    ),
    "purgeDeadLetters": (
        "What is gone can't be redriven. Without a filter: what was redriven already, and what is "
        "older than the retention. Nothing goes unless `dry_run` is false."
    ),
    "listRedrives": "Each redrive has its filter, who began it, and what came of it.",
    "resumeIntake": (
        "When too many questions die the intake stops by itself. This opens it again at once; it "
        "stops again if they go on dying."
    ),
    "releaseRetries": (
        "Questions that wait for a retry are asked at once instead. By id, or the soonest that fit "
        "a filter. Only told, not done, unless `dry_run` is false. What is not waiting is passed "
        "over, and a wait is released once."
    ),
    "getOverview": "Figures of all workers from the database, and this worker's calls and limits.",
    "findQuestions": (
        "A search looks through a bounded number of questions: `searched_to` says how far it came, "
        "and `cursor` goes on."
    ),
    "getQuestionView": "As the page of a question shows it: with the ledger and its dead letters.",
    "getJourney": (
        "Every message of the question on every topic, and what only the database knows, by time. "
        "`missing` names what could not be asked."
    ),
    "getRetries": "When waits end, in columns, and which questions wait, soonest first.",
    "getSystem": "Secrets among the settings are masked.",
    "listen": (
        "A stream of server-sent events without an end, unless `events` is given. 32 pages may "
        "listen at a time."
    ),
    "getDashboardFile": "Scripts, styles and the icon. Any other version: what is there now.",
    "getTopics": "Read every few seconds at most, whoever asks; `read_at` is when.",
    "getTopic": "Offsets of every partition, and where the topic differs from what is wanted.",
    "findMessages": (
        "A page from a place (`before`, `after`, `from_time`, or `partition` and `offset`: one of "
        "them), or a search by `key`, `filter` or `bad`, which looks at a bounded number of "
        "messages: `older` or `newer` tells what is left, `low` or `high` is where to go on."
    ),
    "getMessage": "A long value is cut at 1 MiB, and `cut` says so.",
    "getGroups": (
        "Late is every message that is not acknowledged yet. A retry that waits is acknowledged, "
        "so it is no lag before it is due."
    ),
    "getQuality": (
        "Of questions accepted within `range`: at most the newest 100,000 of it, and a sample for "
        "what is dear to compute."
    ),
    "getRatings": "Figures of all workers; with `user`, his movies besides.",
    "getRatingStats": (
        "Exact: every event is counted once, whatever is killed. `rejected` is by rule; each "
        "rejected event is a dead letter."
    ),
    "getRatingWindows": "A window is a minute of the ratings' own time, not of their arrival.",
    "getRatedMovie": "A user's later rating of a movie replaces the earlier one.",
    "getRecommendations": (
        "Movies that the user has not rated, best first. `source` says whether they are his own or "
        "what is popular."
    ),
    "rateMovies": (
        "A body is one rating, or `ratings` with 1 to 1000 of them. Checked as on the topic: one "
        "that breaks a rule refuses them all, and the error names which and why."
    ),
}
