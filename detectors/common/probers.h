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
   size_t size;   /**< of a step */
   uint32_t most; /**< steps of a batch; there is room for one more */
   /** Makes the steps of a record, two at most. \return how many */
   uint32_t (*sort_out)(void *self, void *steps, const void *rec);
   int (*do_steps)(nm_module_t *m, void *steps, uint32_t n);
};

/** Takes n records. Inlined, and with it the functions of the steps. */
__attribute__((always_inline)) static inline int probers_records(nm_module_t *m, const struct probers *p,
                                                                 const struct flow_format *format,
                                                                 const nm_record_t *recs, uint32_t n,
                                                                 const struct probers_steps *s)
{
   uint32_t waiting = 0;
   int rc = NM_OK;
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      if (i + SOURCES_AHEAD < n) {
         sources_prefetch(&p->tcp, UR_AT_(recs[i + SOURCES_AHEAD].data, format->at[F_SRC_IP]));
      }
      waiting += s->sort_out(nm_self(m), (char *) s->steps + waiting * s->size, recs[i].data);
      if (waiting >= s->most) {
         rc = s->do_steps(m, s->steps, waiting);
         waiting = 0;
      }
   }
   return rc == NM_OK ? s->do_steps(m, s->steps, waiting) : rc;
}

#endif
