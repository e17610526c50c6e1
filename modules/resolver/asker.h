/* SPDX-License-Identifier: BSD-3-Clause */
/** A thread that asks name servers, many at a time; its owner puts questions and takes answers, and never waits. */
#ifndef RESOLVER_ASKER_H
#define RESOLVER_ASKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unirec/ipaddr.h>

#define NAME_SIZE   254 /* bytes of a name and its end */
#define ASKER_WHY   256
#define ASKER_SLOTS 1024 /* questions that may be on their way, and answers that wait */

enum question_kind { ASK_PTR, ASK_A, ASK_AAAA };

/** What a question and its answer are known by. */
struct question_key {
   uint64_t value[2]; /* the address, or two keyed hashes of the name */
   uint64_t kind;
};

struct question {
   struct question_key key;
   ip_addr_t address;    /* of ASK_PTR */
   char name[NAME_SIZE]; /* of the others */
};

struct reply {
   struct question_key key;
   bool found;
   ip_addr_t address;
   char name[NAME_SIZE];
};

struct asker;

/** \param servers "ADDRESS[:PORT],..."; NULL: those of /etc/resolv.conf \param timeout milliseconds of an attempt, of which there are two
 * \return NULL with a message */
struct asker *asker_start(const char *servers, unsigned timeout, char why[ASKER_WHY]);
/** \return false: too many are on their way */
bool asker_put(struct asker *a, const struct question *q);
/** \return false: there is no answer now */
bool asker_take(struct asker *a, struct reply *r);
/** Gives up what is on its way. NULL is allowed. */
void asker_stop(struct asker *a);

#endif
