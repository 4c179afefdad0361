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

"""Services that the router knows nothing of: health and reflection of the Python server."""

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from support.service import SERVICE

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class AddMetadata(grpc.StreamStreamClientInterceptor):
    """Adds what selects the agent to the calls of a client that has no place for it."""

    def __init__(self, metadata):
        self.metadata = metadata

    def intercept_stream_stream(self, continuation, details, request_iterator):
        details = details._replace(metadata=self.metadata)
        return continuation(details, request_iterator)


@pytest.fixture
def health(route):
    return health_pb2_grpc.HealthStub(route.channel)


def test_health_check(route, health):
    def check(service):
        request = health_pb2.HealthCheckRequest(service=service)
        return health.Check(request, metadata=route.metadata(), timeout=20).status

    assert check("") == SERVING
    assert check(SERVICE) == SERVING
    assert check("interop.Stopped") == NOT_SERVING
    with pytest.raises(grpc.RpcError) as caught:
        check("no.Such")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_watch(route, health):
    request = health_pb2.HealthCheckRequest(service=SERVICE)
    watch = health.Watch(request, metadata=route.metadata(), timeout=20)
    assert next(watch).status == SERVING
    watch.cancel()


def test_reflection(route):
    channel = grpc.intercept_channel(route.channel, AddMetadata(route.metadata()))
    database = ProtoReflectionDescriptorDatabase(channel)
    assert SERVICE in database.get_services()
    service = DescriptorPool(database).FindServiceByName(SERVICE)
    assert [method.name for method in service.methods] == ["Unary", "Upload", "Download", "Chat"]
    assert service.methods_by_name["Chat"].client_streaming
