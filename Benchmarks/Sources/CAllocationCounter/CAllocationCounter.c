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

#include "CAllocationCounter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static _Atomic(uint64_t) count;
static _Atomic(uint64_t) bytes;

uint64_t allocation_count(void) {
  return atomic_load_explicit(&count, memory_order_relaxed);
}

uint64_t allocation_bytes(void) {
  return atomic_load_explicit(&bytes, memory_order_relaxed);
}

#if defined(__GLIBC__)

// glibc keeps its functions under these names for those who replace the usual ones.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *pointer);

static void counted(size_t size) {
  atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&bytes, size, memory_order_relaxed);
}

void *malloc(size_t size) {
  counted(size);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  counted(number * size);
  return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
  counted(size);
  return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
  counted(size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  counted(size);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  counted(size);
  void *memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *pointer = memory;
  return 0;
}

void free(void *pointer) {
  __libc_free(pointer);
}

#endif
