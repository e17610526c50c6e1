/* SPDX-License-Identifier: BSD-3-Clause */
/** The slots of a time series: what one rule has counted in each step of time. */
#ifndef SCALAR_AGG_SERIES_H
#define SCALAR_AGG_SERIES_H

#include <nemea/module.h>

#include "rule.h"

/** One step of one rule. */
struct slot {
   uint64_t count;
   double sum;
   nc_table_t *distinct; /* of COUNT_UNIQ: 128 bits of hash of each value, while there is room */
   uint8_t *sketch;      /* of COUNT_UNIQ: all values */
};

/** Part of a record that falls into the slots first to last. */
struct share {
   uint32_t first, last;
   ur_time_t begin, end; /* of the flow */
   double whole;         /* of a flow in one slot: what of its value falls into it */
};

struct series {
   struct rule rule;
   nm_field_t field;
   nm_matcher_t *matcher; /* NULL: all records */
   struct slot *slots;    /* a ring */
   uint32_t n_slots;
};

/** Takes the memory of the slots. \param capacity values of COUNT_UNIQ that each slot counts exactly. \return false without memory */
bool series_open(struct series *s, uint32_t n_slots, uint32_t capacity);
/** Frees all. */
void series_close(struct series *s);

/** Adds records to the slots. \param begin, step time of the first slot and length of each, seconds; \param head place of that slot
 * in the ring */
void series_add(struct series *s, const nm_record_t *recs, const struct share *shares, uint32_t n,
                uint64_t begin, uint32_t step, uint32_t head);
/** Result of a slot. */
double series_result(const struct series *s, const struct slot *slot, uint32_t step);
/** \return true: results are whole numbers */
bool series_is_integer(const struct series *s);
/** Empties a slot. */
void slot_clear(struct slot *slot);

#endif
