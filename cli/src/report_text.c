/* SPDX-License-Identifier: BSD-3-Clause */
/** The report on the terminal. */
#include "analysis.h"

#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SPARK_WIDTH 60

char *analysis_input(const struct analysis *a, char *to, size_t size)
{
   if (a->collect != NULL) {
      snprintf(to, size, "exporters at port %s", a->collect);
      return to;
   }
   if (a->interface != NULL) {
      size_t n = (size_t) snprintf(to, size, "interface ");
      nc_text_terminal(to + n, size - n, a->interface, strlen(a->interface));
   } else if (a->n_files == 1) {
      const char *name = strcmp(a->files[0], "-") == 0 ? "standard input" : a->files[0];
      nc_text_terminal(to, size, name, strlen(name));
   } else {
      snprintf(to, size, "%u files", a->n_files);
   }
   return to;
}

const char *analysis_without_events(const struct analysis *a)
{
   return a->status != CLI_OK ? "The analysis failed: it is not known whether there were attacks."
          : a->n_notes > 0    ? "No attacks found in what was analysed."
                              : "No attacks found.";
}

/* "192.0.2.1 (CZ)", when the country is known. */
static void add_country(const struct analysis *a, const ip_addr_t *ip, char *text, size_t size)
{
   struct place place;
   size_t n = strlen(text);
   if (event_ip_is_set(ip) && places_find(a->places, ip, &place) && place.country[0] != 0 && n < size) {
      snprintf(text + n, size - n, " (%s)", place.country);
   }
}

static void print_alerts(const struct analysis *a, FILE *to)
{
   static const char *const titles[] = {"WHEN (UTC)", "FOR", "WHAT", "WHO", "AGAINST WHOM", "HOW MUCH"};
   enum { COLUMNS = sizeof(titles) / sizeof(titles[0]) };
   size_t width[COLUMNS];
   char cell[COLUMNS][256];
   for (unsigned c = 0; c < COLUMNS; c++) {
      width[c] = strlen(titles[c]);
   }
   /* Once to measure, once to print. */
   for (int pass = 0; pass < 2; pass++) {
      for (unsigned c = 0; c < COLUMNS && pass == 1; c++) {
         fprintf(to, "%-*s  ", (int) width[c], titles[c]);
      }
      fputs(pass == 1 ? "HOW SURE\n" : "", to);
      for (uint32_t i = 0; i < a->events.n; i++) {
         const struct event *e = &a->events.list[i];
         format_time(e->first, cell[0], sizeof(cell[0]));
         format_duration(event_seconds(e), cell[1], sizeof(cell[1]));
         event_title(e, cell[2], sizeof(cell[2]));
         event_source(e, cell[3], sizeof(cell[3]));
         add_country(a, &e->source, cell[3], sizeof(cell[3]));
         event_target(e, cell[4], sizeof(cell[4]));
         add_country(a, &e->target, cell[4], sizeof(cell[4]));
         event_amount(e, cell[5], sizeof(cell[5]));
         for (unsigned c = 0; c < COLUMNS; c++) {
            size_t n = strlen(cell[c]);
            width[c] = n > width[c] ? n : width[c];
            if (pass == 1) {
               fprintf(to, "%-*s  ", (int) width[c], cell[c]);
            }
         }
         fputs(pass == 1 ? event_confidence_names[event_confidence(e)] : "", to);
         fputs(pass == 1 ? "\n" : "", to);
      }
   }
}

/* Where an address is, when that is known. */
static void print_place(const struct analysis *a, const char *label, const ip_addr_t *ip, FILE *to)
{
   char text[INET6_ADDRSTRLEN], place[PLACE_SIZE];
   if (event_ip_is_set(ip) && *places_text(a->places, ip, place, sizeof(place)) != 0) {
      ip_to_str(ip, text);
      fprintf(to, "   %-8s %s: %s\n", label, text, place);
   }
}

/* --details: why each event is one and how sure that is, and what a run was joined of. */
static void print_details(const struct analysis *a, FILE *to)
{
   for (uint32_t i = 0; i < a->events.n; i++) {
      const struct event *e = &a->events.list[i];
      char text[1024], when[32], title[128], target[256], amount[64];
      fprintf(to, "\n%s  %s against %s\n", format_time(e->first, when, sizeof(when)),
              event_title(e, title, sizeof(title)), event_target(e, target, sizeof(target)));
      fprintf(to, "   reason   %s\n", event_reason(e, text, sizeof(text)));
      if (*event_why(e, text, sizeof(text)) != 0) {
         fprintf(to, "   %-8s %s\n", event_confidence_names[event_confidence(e)], text);
      }
      if (*event_peak(e, text, sizeof(text)) != 0) {
         fprintf(to, "   peak     %s in the highest 10 s\n", text);
      }
      if (*event_ports(e, text, sizeof(text)) != 0) {
         fprintf(to, "   %-8s %s\n", e->n_ports == 1 && !e->more_ports ? "port" : "ports", text);
      }
      print_place(a, "source", &e->source, to);
      print_place(a, "target", &e->target, to);
      for (uint32_t k = 0; k < e->n_parts; k++) {
         const struct event *part = &e->parts[k];
         fprintf(to, "   part     %s  %s against %s, %s\n", format_time(part->first, when, sizeof(when)),
                 event_title(part, title, sizeof(title)), event_target(part, target, sizeof(target)),
                 event_amount(part, amount, sizeof(amount)));
      }
   }
}

/* Traffic over time as a line of blocks, the highest of them full. */
static void print_spark(const struct traffic *t, FILE *to)
{
   static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
   double sums[SPARK_WIDTH] = {0}, most = 0;
   uint32_t per = (t->n_bins + SPARK_WIDTH - 1) / SPARK_WIDTH, n = (t->n_bins + per - 1) / per;
   for (uint32_t i = 0; i < t->n_bins; i++) {
      for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
         sums[i / per] += t->bins[i][c];
      }
      most = sums[i / per] > most ? sums[i / per] : most;
   }
   char bytes[32], width[32];
   fputs("Over time   ", to);
   for (uint32_t i = 0; i < n; i++) {
      fputs(blocks[most > 0 ? (unsigned) (sums[i] / most * 8 + 0.5) : 0], to);
   }
   fprintf(to, "  (%s each, highest %s/s)\n", format_duration(per * t->width, width, sizeof(width)),
           format_bytes(most / (double) (per * t->width), bytes, sizeof(bytes)));
}

static void print_traffic(const struct analysis *a, FILE *to)
{
   const struct traffic *t = &a->traffic;
   char flows[32], packets[32], bytes[32], first[32], duration[32], ip[64], sent[32], received[32],
       place[PLACE_SIZE];
   struct talker top[TRAFFIC_TOP];
   fprintf(to, "Traffic     %s, %s, %s; from %s for %s\n",
           format_counted(t->flows, "flow", flows, sizeof(flows)),
           format_counted(t->packets, "packet", packets, sizeof(packets)),
           format_bytes((double) t->bytes, bytes, sizeof(bytes)), format_time(t->first, first, sizeof(first)),
           format_duration(ur_time_get_sec(t->last) - ur_time_get_sec(t->first), duration, sizeof(duration)));
   fputs("Protocols   ", to);
   for (unsigned c = 0, n = 0; c < TRAFFIC_CLASSES; c++) {
      if (t->classes[c].flows > 0) {
         fprintf(to, "%s%s %s in %s", n++ > 0 ? ", " : "", traffic_class_names[c],
                 format_bytes((double) t->classes[c].bytes, bytes, sizeof(bytes)),
                 format_counted(t->classes[c].flows, "flow", flows, sizeof(flows)));
      }
   }
   fputc('\n', to);
   print_spark(t, to);
   unsigned n = traffic_top(t, top);
   for (unsigned i = 0; i < n; i++) {
      ip_to_str(&top[i].ip, ip);
      places_text(a->places, &top[i].ip, place, sizeof(place));
      fprintf(to, "%s%-39s  sent %8s  received %8s  in %s%s%s\n", i == 0 ? "Top hosts   " : "            ",
              ip, format_bytes((double) top[i].sent, sent, sizeof(sent)),
              format_bytes((double) top[i].received, received, sizeof(received)),
              format_counted(top[i].flows, "flow", flows, sizeof(flows)), *place != 0 ? "  " : "", place);
   }
   if (traffic_forgotten(t) > 0) {
      fprintf(to, "            (%s hosts were not kept: more than %d at a time)\n",
              format_count(traffic_forgotten(t), flows, sizeof(flows)), TRAFFIC_TALKERS);
   }
}

/* Detectors that were not run, those with the same reason together. */
static void print_skipped(const struct analysis *a, FILE *to)
{
   for (unsigned i = 0; i < a->n_skipped; i++) {
      bool told = false;
      for (unsigned k = 0; k < i && !told; k++) {
         told = strcmp(a->skipped[k].reason, a->skipped[i].reason) == 0;
      }
      for (unsigned k = i, n = 0; k < a->n_skipped && !told; k++) {
         if (strcmp(a->skipped[k].reason, a->skipped[i].reason) == 0) {
            fprintf(to, "%s%s", n++ == 0 ? "Not run     " : ", ", a->skipped[k].detector);
         }
      }
      if (!told) {
         fprintf(to, ": %s\n", a->skipped[i].reason);
      }
   }
}

/* Packets that are in no flow, by reason. */
static void print_packets(const struct packet_counts *c, FILE *to)
{
   const struct {
      uint64_t n;
      const char *what;
   } reasons[] = {{c->not_ip, "not IP"},
                  {c->malformed, "malformed"},
                  {c->truncated, "cut below their headers"},
                  {c->unknown_link, "of link types that are not supported"}};
   char count[32];
   bool any = false;
   for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
      if (reasons[i].n > 0) {
         fprintf(to, "%s%s %s", any ? ", " : "In no flow  ", format_count(reasons[i].n, count, sizeof(count)),
                 reasons[i].what);
         any = true;
      }
   }
   if (any) {
      fprintf(to, "; of %s\n", format_counted(c->all, "packet", count, sizeof(count)));
   }
}

bool report_text(const struct analysis *a, FILE *to)
{
   char input[512], count[32];
   fprintf(to, "Analysis of %s\n", analysis_input(a, input, sizeof(input)));
   for (unsigned i = 0; i < a->n_notes && a->status == CLI_OK; i++) { /* errors go to standard error */
      fprintf(to, "! %s\n", a->notes[i]);
   }
   fputc('\n', to);
   if (a->events.n > 0) {
      print_alerts(a, to);
      if (a->details) {
         print_details(a, to);
      }
   } else {
      fprintf(to, "%s\n", analysis_without_events(a));
   }
   if (a->events.dropped > 0) {
      fprintf(to, "(%s more alerts are not shown: more than %d events)\n",
              format_count(a->events.dropped, count, sizeof(count)), EVENTS_MAX);
   }
   fputc('\n', to);
   if (a->traffic.flows > 0) {
      print_traffic(a, to);
   } else {
      fputs("Traffic     no flows\n", to);
   }
   print_packets(&a->packets, to);
   print_skipped(a, to);
   return fflush(to) == 0 && !ferror(to);
}
