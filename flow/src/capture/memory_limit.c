/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory_limit.h"

#include "source.h"

static uint64_t limit = SOURCE_MEMORY; /* set before the first file is opened */
static uint64_t taken;                 /* atomic */

void source_set_memory(uint64_t bytes)
{
   limit = bytes;
}

uint64_t capture_memory_limit(void)
{
   return limit;
}

bool capture_memory_take(uint64_t size, uint64_t *in_use)
{
   *in_use = __atomic_load_n(&taken, __ATOMIC_RELAXED);
   do {
      if (size > limit || *in_use > limit - size) {
         return false;
      }
   } while (!__atomic_compare_exchange_n(&taken, in_use, *in_use + size, true, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED));
   return true;
}

void capture_memory_give(uint64_t size)
{
   __atomic_sub_fetch(&taken, size, __ATOMIC_RELAXED);
}
