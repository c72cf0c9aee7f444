"""A complete client in Python, on nothing but the package `websockets`. docs/PROTOCOL.md explains every frame.

    python3 -m venv venv && venv/bin/pip install websockets
    venv/bin/python client.py ws://127.0.0.1:8080/ws alice

Then type `bob Hello` to send "Hello" to bob, `#lobby Hello` to send it to a group, `/join lobby` or `/leave lobby`.

`Client` is what to copy: it logs in, sends with receipts, receives every stored message once and in order,
acknowledges, and after a lost connection gets exactly what it missed.
"""

import asyncio
import json
import random
import sys
import threading
import uuid
from collections.abc import Callable, Coroutine

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

FINAL_CLOSE_CODES = {1002, 1003, 1007, 1008, 1010}


class Refused(Exception):
    """The server's answer was an error; `code` is one of those in docs/PROTOCOL.md."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code


class Closed(Exception):
    """The server ended the connection for good: bad credentials, kicked, replaced, …"""


def channel_of(message: dict) -> str:
    if "group" in message:
        return f"group:{message['group']}"
    return f"user:{message['to']}" if "to" in message else "all"


class Client:
    """One user on one device, over as many connections as it takes."""

    def __init__(
        self,
        url: str,
        credentials: dict,
        on_message: Callable[[dict], None],
        on_status: Callable[[str], None],
    ):
        self.url = url
        # {"token": …}, or {"user_id": …} in development mode. In the first message they stand in no log.
        self.credentials = credentials
        self.on_message = on_message
        self.on_status = on_status
        # Where we stand on each channel, {"user:alice": {"epoch", "offset"}}: all that resuming takes.
        self.positions: dict[str, dict] = {}
        self._socket: ClientConnection | None = None
        self._last_id = 0
        self._answers: dict[int, asyncio.Future] = {}
        # Messages that have no receipt yet; they are sent again on the next connection, under the same id.
        self._unsent: dict[int, dict] = {}
        # Channels on which missing messages have been asked for; True when more were found missing since.
        self._resuming: dict[str, bool] = {}
        self._tasks: set[asyncio.Task] = set()

    async def run(self) -> None:
        """Connects, and connects again, until the server says that it is final. Raises Closed then."""
        failures = 0
        while True:
            try:
                async with connect(self.url, subprotocols=["tidings.v1"]) as socket:
                    await self._login(socket)
                    async for text in socket:  # pings are answered below this
                        self._receive(socket, json.loads(text))
                        failures = 0
                reason = str(socket.close_reason)
            except ConnectionClosed as closed:
                reason = str(closed)
                code = closed.rcvd.code if closed.rcvd else 1006
                if 4500 <= code <= 4999 or code in FINAL_CLOSE_CODES:
                    raise Closed(reason) from closed
            except InvalidStatus as refused:
                reason = str(refused)
                if refused.response.status_code < 500:
                    raise Closed(reason) from refused
            except (OSError, InvalidHandshake) as error:
                reason = str(error)
            finally:
                self._disconnected()
            # At most 1 s, then twice as long, at most 30 s; random, so that not everybody comes back at once.
            delay = random.uniform(0, min(30, 2**failures))
            failures += 1
            self.on_status(f"lost the connection ({reason}), trying again")
            await asyncio.sleep(delay)

    async def send(self, type: str, data: object, **fields: object) -> dict:
        """Sends a message `to=` a user, to a `group=`, or to everyone, and returns its receipt.

        With `ack=True` it waits until the receiver has acknowledged. Without a connection it waits for one. The key
        makes a repeat harmless: the server stores the message once and answers with the first receipt. Raises Refused.
        """
        message = {"type": type, "data": data, "key": uuid.uuid4().hex, **fields}
        self._last_id += 1
        self._unsent[self._last_id] = message
        return await self._write_and_wait({"id": self._last_id, **message})

    async def request(self, action: str, data: object = None) -> object:
        """Asks for an action and returns its reply. Raises Refused; ConnectionError without a connection."""
        if self._socket is None:
            raise ConnectionError("there is no connection")
        self._last_id += 1
        return await self._write_and_wait({"id": self._last_id, "action": action, "data": data})

    async def join(self, group: str) -> None:
        """Becomes a member of a group; naming its position at each login keeps it one."""
        position = self.positions.get(f"group:{group}")
        await self.request("group.join", {"group": group, **({"position": position} if position else {})})

    async def leave(self, group: str) -> None:
        await self.request("group.leave", {"group": group})
        self.positions.pop(f"group:{group}", None)

    # ---- what arrives ----------------------------------------------------------------------------------------

    async def _login(self, socket: ClientConnection) -> None:
        self._last_id += 1
        data = {**self.credentials, "platform": "python", "resume": self.positions}
        await socket.send(json.dumps({"id": self._last_id, "action": "robot.login", "data": data}))

    def _receive(self, socket: ClientConnection, frame: dict) -> None:
        if "type" in frame:
            if frame["type"] != "pong":
                self._received(frame)
            return
        match frame.get("event"):
            case None:
                self._answered(frame)
            case "welcome":
                self._socket = socket
                self.on_status(f"connected as {frame['user']}")
                for id, message in self._unsent.items():
                    self._write({"id": id, **message})
            case "position":
                self._moved(frame)
            case "notice":
                self.on_status(f"{frame['code']}: {frame['message']}")

    def _moved(self, frame: dict) -> None:
        """From here on the channel continues after this position."""
        channel, position = frame["channel"], {"epoch": frame["epoch"], "offset": frame["offset"]}
        if not frame["recovered"]:
            self.on_status(f"messages of {channel} are lost")
        known = self.positions.get(channel)
        is_same = frame["recovered"] and known is not None and known["epoch"] == position["epoch"]
        # The server dropped messages up to there, because this client read too slowly.
        if frame.get("missed") and known is not None:
            if not (is_same and known["offset"] >= position["offset"]):
                self._ask_for(channel)
            return
        # Answers cross with live messages: within an epoch we never go back to what has been seen.
        if not (is_same and position["offset"] < known["offset"]):
            self.positions[channel] = position

    def _received(self, message: dict) -> None:
        if "offset" not in message:  # ephemeral: at most once, no position
            self.on_message(message)
            return
        channel = channel_of(message)
        position = self.positions[channel]
        if message["offset"] <= position["offset"]:  # seen
            return
        if message["offset"] > position["offset"] + 1:  # comes again, after the missing ones
            self._ask_for(channel)
            return
        position["offset"] = message["offset"]
        self.on_message(message)
        # Cumulative: everything up to here. A sender may be waiting for it, and the next login starts there.
        if channel != "all":
            self._in_background("message.ack", {"channel": channel, **position})

    def _ask_for(self, channel: str) -> None:
        is_asked = channel in self._resuming
        self._resuming[channel] = is_asked
        if not is_asked:
            task = self._in_background("message.resume", {"channel": channel, **self.positions[channel]})
            task.add_done_callback(lambda _: self._resumed(channel))

    def _resumed(self, channel: str) -> None:
        if self._resuming.pop(channel, False):
            self._ask_for(channel)

    def _answered(self, frame: dict) -> None:
        self._unsent.pop(frame.get("id"), None)
        answer = self._answers.pop(frame.get("id"), None)
        error = frame.get("error")
        if answer is None:
            if error:
                self.on_status(f"{error['code']}: {error['message']}")
        elif not answer.done():
            answer.set_exception(Refused(**error)) if error else answer.set_result(frame["data"])

    # ---- what leaves -----------------------------------------------------------------------------------------

    async def _write_and_wait(self, frame: dict) -> object:
        answer = self._answers[frame["id"]] = asyncio.get_running_loop().create_future()
        self._write(frame)
        return await answer

    def _write(self, frame: dict) -> None:
        if self._socket is not None:
            self._start(self._send_text(self._socket, json.dumps(frame)))

    async def _send_text(self, socket: ClientConnection, text: str) -> None:
        try:
            await socket.send(text)
        except ConnectionClosed:
            pass  # `run` is told too

    def _in_background(self, action: str, data: object) -> asyncio.Task:
        return self._start(self._try(action, data))

    async def _try(self, action: str, data: object) -> None:
        try:
            await self.request(action, data)
        except (Refused, ConnectionError) as error:
            self.on_status(f"{action}: {error}")

    def _start(self, work: Coroutine) -> asyncio.Task:
        """asyncio forgets a task that nobody holds."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _disconnected(self) -> None:
        """Requests end with their connection; messages wait for the next one."""
        self._socket = None
        self._resuming.clear()
        for id in [id for id in self._answers if id not in self._unsent]:
            answer = self._answers.pop(id)
            if not answer.done():
                answer.set_exception(ConnectionError("the connection ended"))


async def main(url: str, user: str) -> None:
    def show(message: dict) -> None:
        place = f" in {message['group']}" if "group" in message else ""
        data = message["data"]
        text = data["text"] if isinstance(data, dict) and "text" in data else json.dumps(data)
        print(f"{message.get('from', 'the application')}{place}: {text}", flush=True)

    def status(text: str) -> None:
        print(f"* {text}", flush=True)

    client = Client(url, {"user_id": user}, show, status)
    tasks = {asyncio.create_task(client.run()), asyncio.create_task(type_lines(client, status))}
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()


async def type_lines(client: Client, status: Callable[[str], None]) -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)

    # A daemon: a program that is closed by the server does not wait for one more line.
    threading.Thread(target=read, daemon=True).start()
    while True:
        target, _, text = (await lines.get()).strip().partition(" ")
        try:
            if target == "/join":
                await client.join(text)
                status(f"joined {text}")
            elif target == "/leave":
                await client.leave(text)
                status(f"left {text}")
            elif target.startswith("#"):
                receipt = await client.send("chat", {"text": text}, group=target[1:])
                status(receipt["state"])
            elif target:
                receipt = await client.send("chat", {"text": text}, to=target, ack=True)
                status(receipt["state"])
        except (Refused, ConnectionError) as error:
            status(str(error))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: client.py ws://127.0.0.1:8080/ws USER")
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2]))
    except Closed as closed:
        sys.exit(f"closed by the server: {closed}")
    except KeyboardInterrupt:
        pass
