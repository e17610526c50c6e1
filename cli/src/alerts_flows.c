/* SPDX-License-Identifier: BSD-3-Clause */
/** The flows behind an event, from an archive of flow_archive. */
#include "alerts.h"
#include "flows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Hosts that are named; where others are not, any host may be at this end. */
static void take_hosts(const json_t *hosts, struct flows_end *end)
{
   size_t i;
   const json_t *host;
   json_array_foreach(hosts, i, host)
   {
      const char *ip = json_string_value(json_object_get(host, "ip"));
      if (ip == NULL || end->n == FLOWS_HOSTS || !flows_parse_host(ip, &end->hosts[end->n])) {
         end->n = 0;
         return;
      }
      end->n++;
   }
}

/* Sources are known, or targets, or both: one of them is enough to search for. */
static void take_event(const json_t *event, struct flows_query *q)
{
   size_t i;
   const json_t *port, *protocol = json_object_get(event, "protocol");
   double begin, end;
   const char *from = json_string_value(json_object_get(event, "begin")),
              *to = json_string_value(json_object_get(event, "end"));
   take_hosts(json_object_get(event, "sources"), &q->ends[0]);
   take_hosts(json_object_get(event, "targets"), &q->ends[1]);
   q->protocol = json_is_integer(protocol) && json_integer_value(protocol) > 0
                     ? (int) json_integer_value(protocol)
                     : -1;
   json_array_foreach(json_object_get(event, "ports"), i, port)
   {
      if (q->n_ports == FLOWS_PORTS) {
         q->n_ports = 0; /* some of many ports: not all of its flows have one of them */
         break;
      }
      q->ports[q->n_ports++] = (uint16_t) json_integer_value(port);
   }
   if (from != NULL && alerts_time(from, &begin) && to != NULL && alerts_time(to, &end)) {
      q->since = ur_time_from_sec_msec((uint32_t) begin, 0);
      q->until = ur_time_from_sec_msec((uint32_t) end + 1, 0);
   }
}

int alerts_flows(const json_t *event, const char *directory, long limit)
{
   struct flows f = {.q = {.protocol = -1, .limit = (uint64_t) limit}, .to = stdout, .what = directory};
   struct flows_found found;
   char why[4400];
   take_event(event, &f.q);
   if (f.q.ends[0].n == 0 && f.q.ends[1].n == 0) {
      puts("  flows        not searched for: the event names neither all of its sources nor all of its "
           "targets");
      return CLI_OK;
   }
   flows_catch_signals();
   puts("");
   if (!flows_read_archive(&f, directory, &found, why, sizeof(why))) {
      flows_end(&f);
      printf("No flows: there is no archive (%s). flow_archive writes one; --archive DIR names it.\n", why);
      return CLI_OK;
   }
   flows_end(&f);
   if (f.status != CLI_OK) {
      return f.status;
   }
   if (f.shown == 0) {
      printf("No flows of it are in the archive %s (of %u files %u read, %u skipped by time, %u by "
             "addresses).\n",
             directory, found.files, found.read, found.by_time, found.by_filter);
   } else if (f.stop && f.shown >= f.q.limit) {
      printf("The first %" PRIu64 " flows; --limit N shows more.\n", f.shown);
   }
   return CLI_OK;
}

/* Flows, an object in a line, as an array. \return NULL: no memory, or it is no JSON */
static json_t *array_of(const char *lines)
{
   json_t *list = json_array();
   while (list != NULL && *lines != 0) {
      size_t n = strcspn(lines, "\n");
      if (json_array_append_new(list, json_loadb(lines, n, 0, NULL)) != 0) {
         json_decref(list);
         return NULL;
      }
      lines += n + (lines[n] != 0);
   }
   return list;
}

int alerts_add_flows(json_t *event, const char *directory, long limit)
{
   char *lines = NULL, why[4400];
   size_t size = 0;
   struct flows f = {.q = {.protocol = -1, .limit = (uint64_t) limit}, .form = FLOWS_JSON, .what = directory};
   struct flows_found found;
   json_t *list = NULL;
   take_event(event, &f.q);
   if (f.q.ends[0].n > 0 || f.q.ends[1].n > 0) {
      f.to = open_memstream(&lines, &size);
      if (f.to == NULL) {
         cli_error("out of memory for flows");
         return CLI_MODULE;
      }
      flows_catch_signals();
      bool searched = flows_read_archive(&f, directory, &found, why, sizeof(why));
      flows_end(&f);
      if (fclose(f.to) != 0 || (searched && f.status == CLI_OK && (list = array_of(lines)) == NULL)) {
         cli_error("out of memory for flows");
         f.status = CLI_MODULE;
      }
      free(lines);
   }
   json_object_set_new(event, "flow_records", list != NULL ? list : json_null());
   return f.status;
}
