"""A backend in Python that listens to a channel by gRPC and answers, and loses nothing when it stops.

    python3 -m venv venv && venv/bin/pip install grpcio grpcio-tools
    venv/bin/python -m grpc_tools.protoc -I ../../proto --python_out=. --grpc_python_out=. tidings/v1/tidings.proto
    API_KEY=… venv/bin/python backend.py 127.0.0.1:50051 group:orders

The server needs `GRPC_PORT=50051` and an API key of the scope `admin`, or two keys: this program reads, and publishes.
Each order, a message of the type `order`, is answered to its sender with one of the type `order.received`.

The position of the last message is kept in a file, once the answer is sent: after a crash the program goes on behind it.
An answer may then be sent again, so its idempotency key is the id of the order: the server stores it once.
"""

import json
import os
import random
import sys
import time
from pathlib import Path

import grpc
from tidings.v1 import tidings_pb2 as pb
from tidings.v1 import tidings_pb2_grpc as rpc

# Errors after which an equal call may succeed.
TEMPORARY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED}


class Backend:
    def __init__(self, address: str, channel: str, file: Path):
        # A ping finds out when the server is gone, also while no message comes.
        options = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]
        self.hub = rpc.TidingsStub(grpc.insecure_channel(address, options))
        self.metadata = [("x-api-key", os.environ["API_KEY"])]
        self.channel = channel
        self.file = file

    def run(self) -> None:
        """Listens, and listens again after an interruption, from where it stopped."""
        failures = 0
        while True:
            try:
                for event in self.hub.Subscribe(self.request(), metadata=self.metadata):
                    failures = 0
                    self.handle(event)
            except grpc.RpcError as error:
                if error.code() not in TEMPORARY:
                    raise
                print(f"interrupted: {error.details()}", flush=True)
            # At most 1 s, then twice as long, at most 30 s; random, so that not everybody comes back at once.
            time.sleep(random.uniform(0, min(30, 2**failures)))
            failures += 1

    def request(self) -> pb.SubscribeRequest:
        if not self.file.exists():
            return pb.SubscribeRequest(channel=self.channel, first=True)
        kept = json.loads(self.file.read_text())
        return pb.SubscribeRequest(channel=self.channel, after=pb.Position(**kept))

    def handle(self, event: pb.SubscribeResponse) -> None:
        if event.lost:
            print(f"messages before {event.position.offset} are lost", flush=True)
        if event.HasField("message") and event.message.type == "order":
            self.answer(event.message)
        self.keep(event.position)

    def answer(self, order: pb.Message) -> None:
        # Decimal numbers keep their digits: json.loads(…, parse_float=decimal.Decimal).
        data = json.loads(order.data_json)
        print(f"order {data} from {getattr(order, 'from')}", flush=True)
        fields = {"to": getattr(order, "from"), "type": "order.received", "key": f"received-{order.id}"}
        request = pb.SendMessageRequest(data_json=json.dumps({"order": order.id}), **fields)
        self.hub.SendMessage(request, metadata=self.metadata, timeout=10)

    def keep(self, position: pb.Position) -> None:
        """Replaces the file in one step: a crash leaves the former position or this one."""
        kept = {"epoch": position.epoch, "offset": position.offset, "id": position.id}
        temporary = self.file.with_suffix(".tmp")
        temporary.write_text(json.dumps(kept))
        temporary.replace(self.file)


if __name__ == "__main__":
    address, channel, *rest = sys.argv[1:]
    print(f"listening to {channel}", flush=True)
    Backend(address, channel, Path(rest[0] if rest else "position.json")).run()
