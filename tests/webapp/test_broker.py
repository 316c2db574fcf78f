"""The embedded broker."""

import threading
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection, Queue

from webapp.broker import Transport


def connect(folder: Path) -> Connection:
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder / "control")}
    return Connection("filesystem://", transport=Transport, transport_options=options)


def received(connection: Connection, name: str) -> list[object]:
    queue = connection.SimpleQueue(name, no_ack=True)
    bodies = []
    try:
        while True:
            bodies.append(queue.get(block=False).payload)
    except queue.Empty:
        return bodies
    finally:
        queue.close()


def test_messages_arrive_in_order_in_their_own_queue_only(tmp_path: Path) -> None:
    with connect(tmp_path) as connection:
        producer = connection.Producer(serializer="json")
        for number in range(3):
            producer.publish({"number": number}, routing_key="host.one", exchange="")
        producer.publish({"number": 9}, routing_key="host.one-b", exchange="")

        assert received(connection, "host.one") == [{"number": 0}, {"number": 1}, {"number": 2}]
        assert received(connection, "one") == []
        assert received(connection, "host.one-b") == [{"number": 9}]
    assert list(tmp_path.iterdir()) == []


def test_a_message_is_never_seen_half_written_or_twice(tmp_path: Path) -> None:
    """Two readers and two writers at once; a torn file would be a decoding error."""
    wanted, seen, failures = 200, [], []
    done = threading.Event()

    def write(side: int) -> None:
        with connect(tmp_path) as connection:
            producer = connection.Producer(serializer="json")
            for number in range(wanted // 2):
                producer.publish({"side": side, "number": number, "text": "x" * 20_000}, routing_key="q", exchange="")

    def read() -> None:
        try:
            with connect(tmp_path) as connection:
                while not done.is_set() or any(tmp_path.glob("*.q.msg")):
                    seen.extend(received(connection, "q"))
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(side,)) for side in range(2)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()

    assert failures == []
    assert len({(row["side"], row["number"]) for row in seen}) == len(seen) == wanted


@pytest.mark.parametrize("queue", ["site_tasks", "host.local"])
def test_celery_sends_through_it_without_exchange_tables(tmp_path: Path, queue: str) -> None:
    app = Celery("x", broker="filesystem://")
    app.conf.update(
        broker_transport="webapp.broker:Transport",
        broker_transport_options={"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path)},
        task_default_queue="site_tasks",
    )

    app.send_task("a.task", args=[1], queue=queue)

    (message,) = tmp_path.iterdir()
    assert message.name.endswith(f".{queue}.msg")
    with connect(tmp_path) as connection:
        Queue(queue).maybe_bind(connection.channel())
        assert received(connection, queue)[0][0] == [1]  # type: ignore[index]
    app.close()
