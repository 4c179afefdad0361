/*
 * Copyright 2026, The grpc-swift-tunnel Authors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

#ifndef C_BENCHMARK_SUPPORT_H
#define C_BENCHMARK_SUPPORT_H

#include <stdint.h>

// User and system time of this process, in microseconds.
uint64_t bench_cpu_microseconds(void);

// Resident memory of this process, in bytes; 0 where the system does not tell.
uint64_t bench_resident_bytes(void);

// Bytes allocated on the heap and not freed; 0 where the allocator does not tell.
uint64_t bench_heap_bytes(void);

// Gives free heap memory back to the system, where the allocator can.
void bench_trim_heap(void);

#endif
