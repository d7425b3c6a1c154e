"""A real Kafka broker (one node, KRaft) that may be killed, stopped and started again."""

from __future__ import annotations

import base64
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from app.chaos.processes import end, free_ports, last_words, listens, spawn
from app.chaos.servers import ServerMissing

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

    def __init__(self, folder: Path, java: str, libraries: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"
        self._java = java
        self._libraries = libraries
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "kafka.log"

    @property
    def version(self) -> str:
        """The version that the jars name."""
        names = [jar.stem for jar in self._libraries.glob("kafka_*.jar")]
        return names[0].rpartition("-")[2] if names else "unknown"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Start the process, without waiting until it accepts connections."""
        memory = ("-Xms128m", "-Xmx512m")
        command = [*_java(self._java, self._libraries, *memory), "kafka.Kafka"]
        self._process = spawn([*command, str(self.folder / "server.properties")], self.log)

    def accepts(self) -> bool:
        """Tell whether it accepts connections. Raises RuntimeError when it has ended."""
        if not self.running:
            raise RuntimeError(f"Kafka did not start:\n{last_words(self.log)}")
        return listens(self.port)

    def start(self) -> None:
        """Start the process and wait until it accepts connections."""
        self.begin()
        deadline = time.monotonic() + START_SECONDS
        while not self.accepts():
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{last_words(self.log)}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut down in good order (SIGTERM)."""
        end(self._process)

    def kill(self) -> None:
        """Die as in a crash (SIGKILL)."""
        end(self._process, seconds=0)

    def restart(self) -> None:
        """Start again on the same port and data, after `stop` or `kill`."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections are accepted, nothing is answered."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGCONT)


def start_kafka(
    folder: Path, libraries: Path, properties: str = "", formatting: Sequence[str] = ()
) -> KafkaServer:
    """Start a broker whose files live in `folder`, from the jars in `libraries`.

    `properties` go over the usual ones, with {port} and {controller} for its own listeners;
    `formatting` goes to the tool that prepares its storage.
    Raises ServerMissing without Java, or when there are no jars and no Maven to fetch them.
    """
    java = shutil.which("java")
    if java is None:
        raise ServerMissing("Kafka needs Java 17 or later on the PATH (java)")
    fetch_libraries(libraries)
    folder.mkdir(parents=True, exist_ok=True)
    port, controller = free_ports(2)
    file = folder / "server.properties"
    file.write_text(
        (PROPERTIES + properties).format(port=port, controller=controller, data=folder / "data")
    )
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    command = [*_java(java, libraries, "-Xmx128m"), "kafka.tools.StorageTool", "format"]
    done = subprocess.run(  # noqa: S603 - a command of our own
        [*command, "-c", str(file), f"--cluster-id={cluster}", *formatting],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stderr.decode()}")
    server = KafkaServer(folder, java, libraries, port)
    server.start()
    return server


def fetch_libraries(libraries: Path) -> None:
    """Have Maven put Kafka's jars into a folder, once. Raises ServerMissing."""
    if list(libraries.glob("kafka_*.jar")):
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing(
            "Kafka's jars are missing: set KAFKA_HOME to an unpacked Kafka, name the folder of its"
            " jars (--kafka-libs), or install Maven (mvn), which fetches them"
        )
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={libraries}"]
    done = subprocess.run(  # noqa: S603 - a command of our own
        [maven, "-q", "-B", "-f", str(POM), *goal], capture_output=True, check=False
    )
    if done.returncode:
        raise ServerMissing(f"Maven could not fetch Kafka's jars:\n{done.stdout.decode()[-2000:]}")


def _java(java: str, libraries: Path, *memory: str) -> list[str]:
    level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [java, *memory, *JVM, level, "-cp", f"{libraries}/*"]
