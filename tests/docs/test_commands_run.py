"""Every command of the README and of docs/ runs as it is written: each in a small installation."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.docs.pages import ROOT, read_pages
from tests.docs.shell_blocks import ShellCommand, shell_commands
from tests.docs.walkthrough import REFUSED, Walkthrough, get, write_files
from tests.servers.kafka import KafkaServer

pytestmark = pytest.mark.timeout(300)  # the first one waits for the worker

#: What is not run here: why not, and the test (or file) that does it or stands for it.
ELSEWHERE = {
    r"^make (demo|test|install)\b": ("runs this", ".ci/run"),
    r"^(python3 -m venv|pip install)": ("needs a package index", "tests/test_packaging.py"),
    r"roberta-large": ("a model of 1.4 GB", "tests/adapters/scorer/test_encoders.py"),
    r"^answerloop chaos run": ("takes minutes", "tests/chaos/test_command.py"),
    r"^(docker|kubectl|(cd|cp|sh) docker)|docker/secrets/": (
        "needs an engine of containers",
        "tests/docker",
    ),
}
#: These go on until Ctrl-C: they are given a while, and must end well then.
SERVES = re.compile(
    r"answerloop (worker|score-server|load|watch(?!.*--once)|fake-llm(?!.*--list)|ratings consume)"
    r"|faust .* worker|--watch|curl -N|--rate 200/s|topics tail (?!.* -e)"
)
#: These of them say something before they are ready: they are given longer.
WORKS = re.compile(r"answerloop worker|faust .* worker|answerloop load")
#: These work on an installation whose engine is stopped.
IDLE = re.compile(
    r"answerloop (ratings (reset|verify|produce .*--bad)|groups reset|dlq purge|db )"
    r"|answerloop run .*--threshold"
)
#: Real servers, which the command's own settings name.
SERVERS = re.compile(r"kafka://|postgresql://|redis://")
#: A verdict of 1 is an answer, too: about the installation, a threshold, a gate.
VERDICTS = re.compile(
    r"answerloop (doctor|config check|gate|groups lag|report .*--fail-under)|--fail-"
)
#: Examples of what is refused, and the exit code (22: curl's for an HTTP error).
REFUSALS = {r'"rating": 3\.25': 22}
COMMANDS = list(shell_commands(read_pages()))


def elsewhere(command: ShellCommand) -> str | None:
    """Return the pattern of `ELSEWHERE` that a command falls under."""
    return next((each for each in ELSEWHERE if re.search(each, command.text)), None)


@pytest.fixture(scope="module")
def walkthrough(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walkthrough]:
    """A worker with answered, weak and dead questions and some ratings, and the pages' files."""
    folder = tmp_path_factory.mktemp("walkthrough") / "here"
    folder.mkdir()
    write_files(folder)
    settings = {"SCORER": "memory:", "LLM_MODEL": "smol", "DATA_DIR": "data", "HTTP_PORT": "0"}
    here = Walkthrough(folder, {**settings, "MAX_GENERATIONS": "1"})
    script = {"questions": {REFUSED: [{"status": 401}]}}
    (folder / "refused.json").write_text(json.dumps(script))
    with ExitStack() as stack:
        models = "smol:latest,llama3.1:8b"
        server = stack.enter_context(
            here.serving(
                *("fake-llm", "--port", "0", "--latency", "0", "--models", models),
                *("--answers", "questions.csv", "--good-share", "1", "--script", "refused.json"),
            )
        )
        assert server.stdout
        model = server.stdout.readline().decode().strip().removeprefix("http://")
        here.settings["LLM"] = f"ollama://{model}"
        here.answerloop("run", "questions.csv", "--out", "idle.csv", DATA_DIR="idle")
        here.answerloop("topics", "create", DATA_DIR="idle")
        here.answerloop("ratings", "produce", "--count", "500", DATA_DIR="idle")
        stack.enter_context(here.serving("worker"))
        _fill(here, here.worker_url())
        here.put_in |= {
            r"ollama://(gpu-box:11434|127.0.0.1:11435)": f"ollama://{model}",
            r"http://127.0.0.1:11435": f"http://{model}",
        }
        yield here


def _fill(here: Walkthrough, url: str) -> None:
    """Give the worker something to show, and put its names into the commands."""
    here.answerloop("run", "questions.jsonl", "--out", "results.jsonl")
    for name in ("before.jsonl", "after.jsonl"):
        (here.folder / name).write_bytes((here.folder / "results.jsonl").read_bytes())
    here.answerloop("ask", REFUSED)
    here.answerloop("ratings", "produce", "--count", "500", "--users", "40", "--movies", "320")
    question = json.loads((here.folder / "results.jsonl").read_text().splitlines()[0])
    [letter] = get(f"{url}/dead-letters")["letters"]
    [message] = get(f"{url}/ui/api/topics/dead-letters/messages")["messages"]
    dead = letter["question_id"]
    ids = r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    here.put_in |= {
        rf"dlq show {ids}": f"dlq show {dead}",
        rf"QUESTION_ID|(?<!dlq show ){ids}": question["question_id"],
        r"llm-responses-error/3/17": "/".join(
            str(letter[part]) for part in ("topic", "partition", "offset")
        ),
        r"dead-letters/0/7": f"dead-letters/{message['partition']}/{message['offset']}",
        r"http://(127.0.0.1:(6066|8000)|worker-\d:6066)|localhost:6066": url,
        r"fake-llm( --port \d+)?": "fake-llm --port 0",
        r"score-server( --port \d+)?": "score-server --port 0",
        r"--host 0.0.0.0( --port \d+)?": "--host 127.0.0.1",
        r"answerloop load (?!.*--url)": f"answerloop load --url {url} ",
        r"--count 50000": "--count 500",
        r"--out answers\.csv": "--out six-answers.csv",
    }


@pytest.fixture
def real_servers(request: pytest.FixtureRequest, walkthrough: Walkthrough) -> dict[str, str]:
    """Put real servers where the pages name some, for an installation of its own there."""
    kafka: KafkaServer = request.getfixturevalue("kafka")
    walkthrough.put_in |= {
        r"kafka://[\w.:,-]+": f"kafka://{kafka.bootstrap}",
        r"postgresql://[\w.:@/-]+": request.getfixturevalue("postgres_dsn"),
        r"redis://[\w.:/]+": request.getfixturevalue("redis_url"),
    }
    name = f"w{uuid4().hex[:8]}"
    return {"APP_ID": name, "TOPIC_PREFIX": f"{name}."}


@pytest.mark.parametrize(
    "command",
    [each for each in COMMANDS if not elsewhere(each)],
    ids=lambda command: f"{Path(command.page).name}: {command.text[:70]}",
)
def test_it_runs_as_it_is_written(
    command: ShellCommand, walkthrough: Walkthrough, request: pytest.FixtureRequest
) -> None:
    settings: dict[str, str] = {}
    if SERVERS.search("\n".join((*command.before, command.text))):
        settings = request.getfixturevalue("real_servers")
    serves = SERVES.search(command.text)
    if (serves and "answerloop worker" in command.text) or command.text.startswith("faust"):
        settings |= {"DATA_DIR": f"alone-{uuid4().hex[:8]}"}
    elif IDLE.search(command.text):
        settings |= {"DATA_DIR": "idle"}
    seconds = 3 if WORKS.search(command.text) else 1
    ended = walkthrough.run(command, settings=settings, interrupt_after=seconds if serves else None)
    allowed = {0, 130, -signal.SIGINT} if serves else {0}
    if VERDICTS.search(command.text):
        allowed.add(1)
    allowed = {code for each, code in REFUSALS.items() if re.search(each, command.text)} or allowed
    assert ended.code in allowed, ended.out
    assert "Traceback" not in ended.out


def test_what_is_not_run_here_is_run_elsewhere() -> None:
    for pattern, (_, place) in ELSEWHERE.items():
        assert (ROOT / place).exists(), place
        assert any(elsewhere(each) == pattern for each in COMMANDS), f"no command is {pattern}"


def test_a_command_that_fails_is_found(walkthrough: Walkthrough) -> None:
    wrong = ShellCommand("README.md", "answerloop run no-such-file.csv --out results.csv")
    assert walkthrough.run(wrong).code == 2
