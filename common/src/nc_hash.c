/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_hash.h>

#include <sys/random.h>
#include <time.h>

uint64_t nc_hash_seed(void)
{
   uint64_t seed;
   if (getrandom(&seed, sizeof(seed), 0) == (ssize_t) sizeof(seed)) {
      return seed;
   }
   /* A kernel without getrandom(): the clock and the address layout are the best that is left. */
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return nc_hash_u64((uint64_t) now.tv_nsec ^ ((uint64_t) now.tv_sec << 32), (uint64_t) (uintptr_t) &seed);
}
