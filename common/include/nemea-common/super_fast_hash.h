/* SPDX-License-Identifier: BSD-3-Clause */
/** \file super_fast_hash.h
 * The hash of Paul Hsieh (http://www.azillionmonkeys.com/qed/hash.html), for values that other programs know.
 * It has no key: use nc_hash.h for tables that outsiders can fill. Thread-safe. */
#ifndef SUPER_FAST_HASH_H
#define SUPER_FAST_HASH_H

/* Also what sources written for NEMEA 2 expect this header to bring in. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** \param data bytes of any alignment. \param len their number. \return the hash; 0 for NULL or len <= 0 */
uint32_t SuperFastHash(const char *data, int len);

#ifdef __cplusplus
}
#endif
#endif
