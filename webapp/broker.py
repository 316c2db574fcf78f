"""The embedded broker: a folder of message files, safe with several processes.

Kombu's own filesystem transport writes a message in place, so a consumer that looks at the wrong moment takes half of
it and dies on it. Here a message appears whole or not at all. Every queue is addressed by its name alone, so the
exchange tables, files that processes of different users would have to share, are not needed.
"""

import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """Messages are files `<time>_<id>.<queue>.msg`, renamed into place and renamed away."""

    supports_fanout = False

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # kombu disagrees with itself
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        draft = folder / f".{name}"
        draft.write_text(dumps(payload))
        draft.replace(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        for name in sorted(path.name for path in folder.iterdir()):
            if name.startswith(".") or name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.taken"
            try:
                (folder / name).replace(taken)
            except FileNotFoundError:
                continue  # another consumer was faster
            payload = taken.read_text()
            taken.unlink()
            return loads(payload)
        raise Empty

    def _lookup(self, exchange: str, routing_key: str, default: str | None = None) -> list[str]:
        return [routing_key or default or ""]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Nothing to keep: the routing key is the queue."""

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        self._purge(queue)


class Transport(filesystem.Transport):
    """For `broker_transport`; the URL stays `filesystem://`."""

    Channel = Channel
