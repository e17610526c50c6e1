/* SPDX-License-Identifier: BSD-3-Clause */
/** The places of a key in both versions of the cuckoo table. The hash is keyed: senders cannot choose keys that share places. */
#ifndef CUCKOO_H
#define CUCKOO_H

#include <nemea-common/nc_hash.h>

static inline void cuckoo_places(const char *key, unsigned int key_length, unsigned int table_size,
                                 unsigned int at[3])
{
   uint64_t hash = nc_hash(key, key_length);
   at[0] = (unsigned int) ((uint32_t) hash % table_size);
   at[1] = (unsigned int) ((uint32_t) (hash >> 32) % table_size);
   at[2] = (unsigned int) (nc_hash_u64(hash) % table_size);
}

#endif
