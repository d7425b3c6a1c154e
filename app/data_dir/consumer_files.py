"""Groups that read the embedded log from outside of its engine: offsets in `DATA_DIR/consumers`.

The log is the engine's to write, so `ratings consume` keeps its offsets in `GROUP.json` there:
`{topic: {partition: next offset}}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote, unquote

from app.data_dir.private_files import (
    make_data_dir,
    make_private_folder,
    read_private,
    write_private,
)
from app.errors import InputError

#: Topic -> partition (as JSON has it) -> the offset to go on from.
Offsets = dict[str, dict[str, int]]


def consumer_file(data_dir: Path, group: str) -> Path:
    """Return the file with the offsets of a group."""
    return data_dir / "consumers" / f"{quote(group, safe='')}.json"


def file_groups(data_dir: Path) -> list[str]:
    """Return the groups that have a file, by name."""
    return sorted(unquote(path.stem) for path in (data_dir / "consumers").glob("[!.]*.json"))


def read_offsets(data_dir: Path, group: str) -> Offsets:
    """Return what a group has committed; nothing without a file. Raises InputError, naming it."""
    path = consumer_file(data_dir, group)
    try:
        found = json.loads(read_private(path))
        return {
            str(topic): {str(int(partition)): int(offset) for partition, offset in kept.items()}
            for topic, kept in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} can't be read ({error}): remove it") from error


def write_offsets(data_dir: Path, group: str, offsets: Offsets) -> None:
    """Keep what a group has committed, whole or not at all."""
    path = consumer_file(data_dir, group)
    make_data_dir(data_dir)
    make_private_folder(path.parent)
    write_private(path, json.dumps(offsets))
