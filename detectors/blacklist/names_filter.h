/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file names_filter.h
 * What the filters by names share: the search for those of a batch, and alerts.
 *
 * Include after the fields.h of a filter whose NM_FIELDS name uint64 BLACKLIST.
 */
#ifndef BLACKLIST_NAMES_FILTER_H
#define BLACKLIST_NAMES_FILTER_H

#include "filter.h"

#define BL_TEXT_MAX (2 * BL_NAME_MAX) /* bytes of what is looked for */

/** Writes what is looked for in a record. \param[out] host as of bl_names_find() \return its length; 0: nothing */
typedef size_t (*bl_prepare_fn)(const void *self, const void *rec, char text[BL_TEXT_MAX], size_t *host);

static inline int bl_names_report(nm_module_t *m, const void *rec, bl_prepare_fn prepare, bool subdomains)
{
   struct bl_filter *self = nm_self(m);
   char text[BL_TEXT_MAX];
   size_t host, length = prepare(self, rec, text, &host);
   uint64_t lists = bl_names_find(self->lists->names, text, length, host, subdomains);
   if (length == 0 || lists == 0) {
      return NM_OK;
   }
   void *alert = nm_alert(m, rec);
   nm_set(m, alert, F_BLACKLIST, lists);
   self->hits++;
   return nm_send(m, alert);
}

/** Reports the records whose names are on lists. The places of all names of a batch are fetched before the first is looked at. */
__attribute__((always_inline)) static inline int
bl_names_records(nm_module_t *m, const nm_record_t *recs, uint32_t n, bl_prepare_fn prepare, bool subdomains)
{
   const struct bl_filter *self = nm_self(m);
   const struct bl_names *names = self->lists->names;
   uint64_t hashes[BL_BATCH];
   char text[BL_TEXT_MAX];
   size_t host;
   int rc = NM_OK;
   for (uint32_t first = 0; first < n && rc == NM_OK; first += BL_BATCH) {
      uint32_t end = n - first < BL_BATCH ? n : first + BL_BATCH;
      for (uint32_t i = first; i < end; i++) {
         hashes[i - first] = bl_names_hash(text, prepare(self, recs[i].data, text, &host));
         bl_names_prefetch(names, hashes[i - first]);
      }
      for (uint32_t i = first; i < end && rc == NM_OK; i++) {
         rc = bl_names_possible(names, hashes[i - first], subdomains)
                  ? bl_names_report(m, recs[i].data, prepare, subdomains)
                  : NM_OK;
      }
   }
   return rc;
}

#endif
