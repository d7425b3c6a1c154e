"""A real Kafka broker (one node, KRaft) for a test run."""

from __future__ import annotations

import atexit
import base64
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

from tests.servers import ServerMissing

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARIES = REPOSITORY / ".cache" / "kafka-libs"
POM = Path(__file__).with_name("kafka-pom.xml")
START_SECONDS = 60
JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.net.preferIPv4Stack=true"]

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=2
num.io.threads=2
"""


class KafkaServer:
    """A running broker. Its data stays in `folder` over `restart`."""

    def __init__(self, folder: Path, java: str, port: int) -> None:
        self.folder = folder
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"
        self._java = java
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it accepts connections."""
        with (self.folder / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *_java(self._java, "-Xms128m", "-Xmx512m"),
                    "kafka.Kafka",
                    str(self.folder / "server.properties"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{self._last_words()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut down in good order (SIGTERM)."""
        self._end(hard=False)

    def kill(self) -> None:
        """Die as in a crash (SIGKILL)."""
        self._end(hard=True)

    def restart(self) -> None:
        """Start again on the same port and data, after `stop` or `kill`."""
        self.stop()
        self.start()

    def _end(self, *, hard: bool) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        if hard:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def _accepts(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def _last_words(self) -> str:
        return (self.folder / "kafka.log").read_text(errors="replace")[-3000:]


def start_kafka(folder: Path) -> KafkaServer:
    """Start a broker whose files live in `folder`; `ServerMissing` without Java or Maven."""
    java = shutil.which("java")
    if java is None:
        raise ServerMissing("Kafka needs Java 17 or later on the PATH (java)")
    _fetch_libraries()
    folder.mkdir(parents=True, exist_ok=True)
    port, controller = _free_ports(2)
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(port=port, controller=controller, data=folder / "data"))
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    command = [*_java(java, "-Xmx128m"), "kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        [*command, "-c", str(properties), f"--cluster-id={cluster}"],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stderr.decode()}")
    server = KafkaServer(folder, java, port)
    server.start()
    return server


_shared: list[KafkaServer] = []


def shared_kafka(folder: Path) -> KafkaServer:
    """The one broker of this test run, started in the first caller's `folder`.

    It is stopped when the process ends: use topics and groups of your own, and do not kill it.
    """
    if not _shared:
        server = start_kafka(folder)
        atexit.register(server.stop)
        _shared.append(server)
    return _shared[0]


def _java(java: str, *memory: str) -> list[str]:
    level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [java, *memory, *JVM, level, "-cp", f"{LIBRARIES}/*"]


def _fetch_libraries() -> None:
    """Have Maven put Kafka's jars into the repository's cache, once."""
    if list(LIBRARIES.glob("kafka_*.jar")) and list(LIBRARIES.glob("kafka-tools-*.jar")):
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing("Kafka's jars are fetched by Maven: install it (mvn), or Kafka's tests")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={LIBRARIES}"]
    done = subprocess.run(
        [maven, "-q", "-B", "-f", str(POM), *goal], capture_output=True, check=False
    )
    if done.returncode:
        raise ServerMissing(f"Maven could not fetch Kafka's jars:\n{done.stdout.decode()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
