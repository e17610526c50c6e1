/* SPDX-License-Identifier: BSD-3-Clause */
/** Labels of devices and networks (models.list), and addresses with labels to learn from. */
#ifndef DEVICE_CLASSIFIER_LABELS_H
#define DEVICE_CLASSIFIER_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unirec/ip_prefix_search.h>
#include <unirec/unirec.h>

#define LABELS_WHY    256
#define MOST_LABELS   64u /* so that a set of them is an uint64_t */
#define LABEL_SIZE    32u
#define MOST_ID       65535u
#define MOST_RESERVED 4096u

struct label {
   unsigned id; /* also the name of the file of its model */
   char name[LABEL_SIZE];
};

struct labels {
   struct label list[MOST_LABELS];
   unsigned n;
   ipps_context_t *reserved; /* networks; NULL: none */
};

/** Reads lines "ID:LABEL" and "@PREFIX:LABEL"; '#' begins a comment. \return false, with the reason */
bool labels_read(struct labels *l, const char *text, size_t size, char why[LABELS_WHY]);
void labels_clear(struct labels *l);
/** Place of a label; l->n: there is none. */
unsigned labels_find(const struct labels *l, const char *name);
/** Place of an id; l->n: there is none. */
unsigned labels_find_id(const struct labels *l, unsigned id);
/** Adds a label with an id of its own. \return false: there are MOST_LABELS, or no id is left */
bool labels_add(struct labels *l, const char *name);
/** Label of the smallest reserved network that contains the address; NULL: none does. */
const char *labels_reserved(const struct labels *l, const ip_addr_t *ip);

/** Is it 1 to 31 letters, digits, '_', '-', '.' or '/'? */
bool label_is_valid(const char *name);

/** An address and its labels. */
struct lesson {
   ip_addr_t ip;
   char label[LABEL_SIZE];
};
struct lessons {
   struct lesson *list; /* by address */
   size_t n;
};
/** Reads lines "ADDRESS LABEL". \return NULL, with the reason */
struct lessons *lessons_read(const char *text, size_t size, char why[LABELS_WHY]);
/** NULL is allowed. */
void lessons_free(struct lessons *l);
/** The first lesson of an address, others of it follow; NULL: there is none. */
const struct lesson *lessons_find(const struct lessons *l, const ip_addr_t *ip);

#endif
