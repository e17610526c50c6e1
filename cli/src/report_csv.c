/* SPDX-License-Identifier: BSD-3-Clause */
/** The events as CSV: the keys of docs/event.schema.json, lists with blanks between their items. */
#include "analysis.h"

#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <string.h>

/* Addresses that are known by name, and how many there are. */
static void put_hosts(const ip_addr_t *list, unsigned n, uint64_t count, bool more, FILE *to)
{
   char ip[INET6_ADDRSTRLEN];
   fputc(',', to);
   for (unsigned i = 0; i < n; i++) {
      ip_to_str(&list[i], ip);
      fprintf(to, "%s%s", i > 0 ? " " : "", ip);
   }
   fputc(',', to);
   if (count > n || (n > 0 && !more)) {
      fprintf(to, "%" PRIu64, count > n ? count : n);
   }
}

/* Nothing for what is unknown. */
static void put_number(uint64_t n, FILE *to)
{
   fputc(',', to);
   if (n > 0) {
      fprintf(to, "%" PRIu64, n);
   }
}

static void put_event(const struct event *e, FILE *to)
{
   char begin[48], end[48], reason[1024], column[NC_CSV_BOUND(sizeof(reason))];
   fprintf(to, "%s,%s,%s,%s,%s", e->id, e->kind, e->description->program,
           format_rfc3339(e->first, begin, sizeof(begin)), format_rfc3339(e->last, end, sizeof(end)));
   put_hosts(e->source_samples, e->n_source_samples, e->sources, e->more_sources, to);
   put_hosts(e->samples, e->n_samples, e->targets, e->more_targets, to);
   fputc(',', to);
   for (unsigned i = 0; i < e->n_ports; i++) {
      fprintf(to, "%s%u", i > 0 ? " " : "", e->ports[i]);
   }
   put_number(e->protocol, to);
   put_number(e->flows, to);
   put_number(e->packets, to);
   put_number(e->bytes, to);
   event_reason(e, reason, sizeof(reason));
   *nc_csv_string(column, reason, strlen(reason), true) = 0;
   fprintf(to, ",%s,%s,%s,%s,%" PRIu64 "\n", event_confidence_names[event_confidence(e)], column,
           e->attack != NULL ? e->attack : "", event_state_names[e->state], e->alerts);
}

bool report_csv(const struct analysis *a, FILE *to)
{
   fputs("id,kind,detector,begin,end,sources,sources_count,targets,targets_count,ports,protocol,flows,"
         "packets,bytes,"
         "confidence,reason,attack,state,alerts\n",
         to);
   for (uint32_t i = 0; i < a->events.n; i++) {
      put_event(&a->events.list[i], to);
   }
   return fflush(to) == 0 && !ferror(to);
}
