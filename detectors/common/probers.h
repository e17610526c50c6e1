/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file probers.h
 * How detectors of scans take records: flows are sorted out first, by fields of the record and by whether the table may know their
 * source; what is left are steps, which are done in batches, so that the table fetches what all of them look at.
 */
#ifndef DETECTORS_PROBERS_H
#define DETECTORS_PROBERS_H

#include <nemea/module.h>

#include "flow.h"
#include "sources.h"

/** A time as timers of the stream count it. */
static inline uint64_t microseconds(ur_time_t t)
{
   return NM_SECONDS(ur_time_get_sec(t)) + ur_time_get_usec(t);
}

/** Sources of a table's entries: most flows are TCP, most sources of entries have asked by another protocol. */
struct probers {
   struct sources tcp, others;
};

/** \return false: no memory */
static inline bool probers_open(struct probers *p, const nc_table_t *table)
{
   return sources_open(&p->tcp, table) && sources_open(&p->others, table);
}

static inline void probers_close(struct probers *p)
{
   sources_close(&p->tcp);
   sources_close(&p->others);
}

/** The source is about to get an entry. */
static inline void probers_add(struct probers *p, uint8_t protocol, const void *source)
{
   sources_add(protocol == PROTOCOL_TCP ? &p->tcp : &p->others, source);
}

/** Between batches. */
static inline void probers_refresh(struct probers *p, const nc_table_t *table,
                                   bool (*is_tcp)(const void *key))
{
   sources_refresh(&p->tcp, table, is_tcp, true);
   sources_refresh(&p->others, table, is_tcp, false);
}

/** What a detector does with records. */
struct probers_steps {
   void *steps;
   size_t size;      /**< of a step */
   uint32_t most;    /**< steps of a batch; there is room for one more */
   uint32_t classic; /**< not 0: only what NEMEA 2 takes for a probe counts, of at most this many packets */
   /** Makes the steps of a record, two at most. Connections with data come here only if their source may have an entry.
    * \return how many */
   uint32_t (*sort_out)(void *self, void *steps, const void *rec);
   int (*do_steps)(nm_module_t *m, void *steps, uint32_t n);
};

#define PROBERS_BLOCK 64 /* records that are looked at together */
#define PROBERS_FEW   8  /* the same, once a source was new */

/* What is known of a block's records before they are read. */
struct probers_block {
   uint64_t places[PROBERS_BLOCK]; /* of their sources, in either map: both are of one size */
   uint8_t wanted[PROBERS_BLOCK];  /* 0: for nothing, unless its source is in the map */
   uint8_t picked[PROBERS_BLOCK];  /* numbers of those that are not for nothing */
};

/* Two fields tell what most records are for; meanwhile the bits of their sources are fetched. What is the same for all records is
 * copied first: bytes are written here, which could be a part of anything to the compiler. Nor are there branches (see probers_pick()). */
static inline void probers_look(const struct probers *p, const struct flow_format *format,
                                const nm_record_t *recs, uint32_t n, struct probers_block *b)
{
   const uint64_t mix[2] = {nc_hash_key_.mix[2], nc_hash_key_.mix[3]};
   const uint64_t *const tcp = p->tcp.map, *const others = p->others.map;
   const struct flow_use_fields fields = flow_use_fields(format);
   const unsigned shift = p->tcp.shift;
   const uint16_t source = format->at[F_SRC_IP];
   for (uint32_t i = 0; i < n; i++) {
      const char *rec = recs[i].data;
      const bool wanted = !flow_record_is_use_at(rec, &fields);
      const uint64_t place = sources_place_keyed(shift, mix, rec + source);
      b->wanted[i] = wanted;
      b->places[i] = place;
      __builtin_prefetch(&(wanted ? others : tcp)[place >> 6], 1);
   }
}

static inline void probers_look_classic(const struct flow_format *format, uint32_t classic,
                                        const nm_record_t *recs, uint32_t n, struct probers_block *b)
{
   for (uint32_t i = 0; i < n; i++) {
      b->wanted[i] = flow_is_classic_probe(recs[i].data, format, classic);
   }
}

/* Picks the records from first to end that are not for nothing. Which they are cannot be foreseen: there are no branches, of which the
 * processor would guess every third wrong. \return how many */
static inline uint32_t probers_pick(const struct probers *p, uint32_t classic, uint32_t first, uint32_t end,
                                    struct probers_block *b)
{
   const uint64_t *const map = p->tcp.map;
   uint32_t n = 0;
   for (uint32_t i = first; i < end; i++) {
      uint64_t known = classic != 0 ? 0 : map[b->places[i] >> 6] >> (b->places[i] & 63) & 1;
      b->picked[n] = (uint8_t) i;
      n += b->wanted[i] | (uint32_t) known;
   }
   return n;
}

/** Takes n records. Inlined, and with it the functions of the steps. */
__attribute__((always_inline)) static inline int probers_records(nm_module_t *m, const struct probers *p,
                                                                 const struct flow_format *format,
                                                                 const nm_record_t *recs, uint32_t n,
                                                                 const struct probers_steps *s)
{
   struct probers_block block;
   uint32_t waiting = 0, first = 0, known = 0, few = PROBERS_BLOCK;
   int rc = NM_OK;
   while (first < n && rc == NM_OK) {
      const uint32_t begin = first / PROBERS_BLOCK * PROBERS_BLOCK;
      const uint32_t size = n - begin < PROBERS_BLOCK ? n - begin : PROBERS_BLOCK;
      if (first == begin) {
         if (s->classic != 0) {
            probers_look_classic(format, s->classic, recs + begin, size, &block);
         } else {
            probers_look(p, format, recs + begin, size, &block);
         }
         few = PROBERS_BLOCK;
      }
      uint32_t end = first - begin + few < size ? first - begin + few : size;
      uint32_t picked = probers_pick(p, s->classic, first - begin, end, &block);
      const uint32_t passed = end - (first - begin) - picked;
      first = begin + end;
      known = p->tcp.set;
      for (uint32_t k = 0; k < picked && rc == NM_OK; k++) {
         const uint32_t i = block.picked[k];
         waiting += s->sort_out(nm_self(m), (char *) s->steps + waiting * s->size, recs[begin + i].data);
         if (waiting >= s->most) {
            rc = s->do_steps(m, s->steps, waiting);
            waiting = 0;
         }
         /* Later records that were passed over may be of this source. */
         if (p->tcp.set != known && passed > 0) {
            first = begin + i + 1;
            few = PROBERS_FEW;
            break;
         }
      }
   }
   return rc == NM_OK ? s->do_steps(m, s->steps, waiting) : rc;
}

#endif
