/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file lookup.h
 * IPv4 addresses of names, asked from one resolver without waiting: one question under way at a time, and at most one a second.
 */
#ifndef ADAPTIVE_FILTER_LOOKUP_H
#define ADAPTIVE_FILTER_LOOKUP_H

#include <unirec/ipaddr.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOKUP_ADDRESSES 32  /* of an answer; more are left out */
#define LOOKUP_NAME      255 /* bytes of a name */

struct lookup;

/** First resolver of a file like /etc/resolv.conf. \return false: there is none */
bool lookup_system_resolver(const char *path, ip_addr_t *ip);

/** NULL: no memory, or no socket (errno). */
struct lookup *lookup_new(const ip_addr_t *resolver, uint16_t port);
void lookup_free(struct lookup *l);
/** Asks for a name, unless a question is under way or the last one was less than a second ago. \param now milliseconds of a monotonic clock
 * \param context given back with the answer \return false: not asked */
bool lookup_ask(struct lookup *l, const char *name, uint64_t context, uint64_t now);
/** What came. \param[out] context of the question \return number of addresses; -1: nothing yet; -2: no answer in time, or an error */
int lookup_answer(struct lookup *l, uint64_t now, uint64_t *context, ip_addr_t addresses[LOOKUP_ADDRESSES]);

/** Reads an answer. \param id, name of the question \return number of addresses; -1: not the answer to it; -2: says that there are none */
int lookup_parse(const uint8_t *message, size_t size, uint16_t id, const char *name,
                 ip_addr_t addresses[LOOKUP_ADDRESSES]);

#endif
