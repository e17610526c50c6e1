/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <inttypes.h>

static const char *const metric_name[METRICS] = {"flows", "packets", "bytes"};
static const char *const metric_title[METRICS] = {"Flows", "Packets", "Bytes"};

#define LINE "------------------------------------"

/* An empty line, "Top WHAT based on transferred METRIC", of a port's group with its port. */
static void put_title(const struct report *r, uint32_t group, const char *what, enum metric metric,
                      const char *of_port)
{
   fprintf(r->to, "\nTop %s based on transferred %s", what, metric_name[metric]);
   if (group > 0) {
      fprintf(r->to, " %s %u", of_port, r->ports[group - 1]);
   }
   fputs("\n" LINE "\n", r->to);
}

static void put_flows(const struct report *r, uint32_t group, enum metric metric)
{
   const struct flows *flows = &r->groups[group].flows[metric];
   struct ranking ranking = flows->ranking;
   put_title(r, group, "flows", metric, "by port");
   fprintf(r->to, "N | Src ip | Dst ip | Src port | Dst port | Protocol | %s\n", metric_title[metric]);
   ranking_sort(&ranking);
   for (uint32_t i = 0; i < ranking.n; i++) {
      const struct flow *f = &flows->flows[ranking.ranks[i].slot];
      char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
      ip_to_str(&f->source, source);
      ip_to_str(&f->destination, destination);
      fprintf(r->to, "%" PRIu32 "\t%s\t%s\t%u\t%u\t%u\t%" PRIu64 "\n", i + 1, source, destination,
              f->source_port, f->destination_port, f->protocol, ranking.ranks[i].value);
   }
}

static void put_ports(struct report *r, uint32_t group, enum metric metric)
{
   const struct counts *ports = r->groups[group].ports;
   put_title(r, group, "ports", metric, "who communicated the most with port");
   fprintf(r->to, "N\tPort\t%s\n", metric_title[metric]);
   ranking_clear(&r->ranking);
   for (uint32_t port = 0; port < PORTS; port++) {
      if (ports[port].of[metric] > 0) {
         ranking_add(&r->ranking, ports[port].of[metric], port, 0);
      }
   }
   ranking_sort(&r->ranking);
   for (uint32_t i = 0; i < r->ranking.n; i++) {
      fprintf(r->to, "%" PRIu32 "\t%u\t%" PRIu64 "\n", i + 1, (unsigned) r->ranking.ranks[i].order[0],
              r->ranking.ranks[i].value);
   }
}

static void put_addresses(struct report *r, uint32_t group, enum address_kind kind, enum metric metric)
{
   put_title(r, group, kind == HOSTS ? "IPs" : "networks", metric, "by port");
   fprintf(r->to, "N\tIP\t\t%s\n", metric_title[metric]);
   ranking_clear(&r->ranking);
   addresses_rank(&r->groups[group].addresses[kind], metric, &r->ranking, r->items);
   ranking_sort(&r->ranking);
   for (uint32_t i = 0; i < r->ranking.n; i++) {
      char text[INET6_ADDRSTRLEN];
      ip_to_str(&r->items[r->ranking.ranks[i].slot], text);
      fprintf(r->to, "%" PRIu32 "\t%s\t%" PRIu64 "\n", i + 1, text, r->ranking.ranks[i].value);
   }
}

void report_write(struct report *r, time_t at)
{
   char text[64];
   struct tm local;
   localtime_r(&at, &local);
   strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
   fprintf(r->to, "\n===================\n%s\n===================\n", text);
   for (uint32_t g = 0; g < r->n_groups; g++) {
      put_flows(r, g, BY_BYTES);
      put_flows(r, g, BY_PACKETS);
   }
   for (uint32_t g = 0; g < r->n_groups; g++) {
      for (int metric = 0; metric < METRICS; metric++) {
         put_ports(r, g, (enum metric) metric);
      }
   }
   for (int kind = 0; kind < ADDRESS_KINDS; kind++) {
      for (uint32_t g = 0; g < r->n_groups; g++) {
         const nc_table_t *table = r->groups[g].addresses[kind].table;
         for (int metric = 0; metric < METRICS && table != NULL && nc_table_count(table) > 0; metric++) {
            put_addresses(r, g, (enum address_kind) kind, (enum metric) metric);
         }
      }
   }
}
