# Copyright 2026, The grpc-swift-tunnel Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The interop service on an ordinary grpcio server."""

import threading
import time
from concurrent import futures

import grpc
import interop_pb2
import interop_pb2_grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

SERVICE = "interop.Interop"


def pattern(size):
    """The bytes of a payload that was asked for by its length."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def pairs(entries):
    """Entries of a message as grpcio's metadata."""
    return tuple(
        (entry.key, entry.binary if entry.WhichOneof("value") == "binary" else entry.text)
        for entry in entries
    )


def entries(metadata):
    """grpcio's metadata, or a list of pairs, as entries of a message."""
    return [
        interop_pb2.Entry(key=key, binary=value)
        if isinstance(value, bytes)
        else interop_pb2.Entry(key=key, text=value)
        for key, value in metadata
    ]


def rich_status(failure):
    status = status_pb2.Status(code=failure.code, message=failure.message)
    for reason in failure.reasons:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="interop"))
        status.details.append(detail)
    return status


def status_code(number):
    return next(code for code in grpc.StatusCode if code.value[0] == number)


class End:
    """What the server saw of a call that waited for its end."""

    def __init__(self, remaining):
        self.remaining_at_start = remaining
        self.started = time.monotonic()
        self.ended = threading.Event()
        self.remaining_at_end = None
        self.seconds = None

    def finish(self, remaining):
        self.remaining_at_end = remaining
        self.seconds = time.monotonic() - self.started
        self.ended.set()


class Interop(interop_pb2_grpc.InteropServicer):
    def __init__(self):
        self.ends = {}
        self.lock = threading.Condition()
        self.present = 0

    def end_of(self, name, timeout=10.0):
        """How the call that waited under `name` ended, once it has started."""
        with self.lock:
            assert self.lock.wait_for(lambda: name in self.ends, timeout), f"no call {name}"
            return self.ends[name]

    def Unary(self, request, context):
        self.begin(request, context)
        self.wait(request, context)
        self.fail_if_asked(request, context)
        return self.reply(request, context, 0, 1, len(request.payload))

    def Upload(self, request_iterator, context):
        count, size, last = 0, 0, interop_pb2.Request()
        for last in request_iterator:
            count += 1
            size += len(last.payload)
        self.begin(last, context)
        self.wait(last, context)
        self.fail_if_asked(last, context)
        return self.reply(last, context, 0, count, size)

    def Download(self, request, context):
        self.begin(request, context)
        for index in range(request.reply_count):
            yield self.reply(request, context, index, 1, len(request.payload))
        self.wait(request, context)
        self.fail_if_asked(request, context)

    def Chat(self, request_iterator, context):
        count, size, index = 0, 0, 0
        for request in request_iterator:
            count += 1
            size += len(request.payload)
            if count == 1:
                self.begin(request, context)
            for _ in range(request.reply_count or 1):
                yield self.reply(request, context, index, count, size)
                index += 1
            if request.trailing_metadata:
                context.set_trailing_metadata(pairs(request.trailing_metadata))
            self.wait(request, context)
            self.fail_if_asked(request, context)

    def begin(self, request, context):
        if request.initial_metadata:
            context.send_initial_metadata(pairs(request.initial_metadata))
        if request.trailing_metadata:
            context.set_trailing_metadata(pairs(request.trailing_metadata))

    def reply(self, request, context, index, count, size):
        reply = interop_pb2.Reply(
            payload=pattern(request.reply_size) if request.reply_size else request.payload,
            index=index,
            request_count=count,
            request_bytes=size,
        )
        if request.report_call:
            reply.metadata.extend(entries(context.invocation_metadata()))
            remaining = context.time_remaining()
            # grpcio gives a far future, not None, for a call without a deadline.
            if remaining is not None and remaining < 1e6:
                reply.remaining_milliseconds = max(1, round(remaining * 1000))
        return reply

    def wait(self, request, context):
        if request.meet:
            with self.lock:
                self.present += 1
                self.lock.notify_all()
                met = self.lock.wait_for(lambda: self.present >= request.meet, 60)
            if not met:
                context.abort(grpc.StatusCode.ABORTED, f"only {self.present} calls came")
        if request.wait_for_end:
            end = End(context.time_remaining())
            with self.lock:
                self.ends[request.wait_for_end] = end
                self.lock.notify_all()
            if not context.add_callback(lambda: end.finish(context.time_remaining())):
                end.finish(context.time_remaining())
            end.ended.wait(60)

    def fail_if_asked(self, request, context):
        if not request.HasField("failure"):
            return
        if request.failure.reasons:
            status = rpc_status.to_status(rich_status(request.failure))
            # abort_with_status replaces the trailers that were set before.
            trailers = pairs(request.trailing_metadata) + tuple(status.trailing_metadata)
            context.set_trailing_metadata(trailers)
        context.abort(status_code(request.failure.code), request.failure.message)


def start_server(address, servicer, add_more=None, compression=None, credentials=None):
    """A started server; `add_more(server)` registers further services."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=256),
        compression=compression,
        options=[("grpc.so_reuseport", 0)],
    )
    interop_pb2_grpc.add_InteropServicer_to_server(servicer, server)
    if add_more is not None:
        add_more(server)
    if credentials is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, credentials)
    server.start()
    return server


def add_health_and_reflection(server):
    """Services that the router does not know of."""
    servicer = health.HealthServicer()
    servicer.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    servicer.set("interop.Stopped", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server)
