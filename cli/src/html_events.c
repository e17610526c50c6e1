/* SPDX-License-Identifier: BSD-3-Clause */
/** The events of the HTML report: what each is, why, how sure, and its flows. */
#include "html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLOW_LINES 20000 /* of all events, roughly: a page of 10 000 events shall open, too */
#define PART_LINES 200   /* of one run */

void html_text(FILE *to, const char *text)
{
   for (; *text != 0; text++) {
      switch (*text) {
      case '<': fputs("&lt;", to); break;
      case '>': fputs("&gt;", to); break;
      case '&': fputs("&amp;", to); break;
      case '"': fputs("&quot;", to); break;
      case '\'': fputs("&#39;", to); break;
      default: fputc(*text, to); break;
      }
   }
}

/* A cell; its name shows on narrow screens only. */
static void put_cell(FILE *to, const char *name, const char *class, const char *text)
{
   fprintf(to, "<span data-k=\"%s\"%s%s%s>", name, *class != 0 ? " class=\"" : "", class,
           *class != 0 ? "\"" : "");
   html_text(to, text);
   fputs("</span>", to);
}

static void put_host(const struct analysis *a, FILE *to, const char *name, const char *text,
                     const ip_addr_t *ip)
{
   char place[PLACE_SIZE] = "";
   fprintf(to, "<span data-k=\"%s\">", name);
   html_text(to, text);
   if (event_ip_is_set(ip) && *places_text(a->places, ip, place, sizeof(place)) != 0) {
      fputs("<small>", to);
      html_text(to, place);
      fputs("</small>", to);
   }
   fputs("</span>", to);
}

static void put_row(const struct analysis *a, const struct event *e, FILE *to)
{
   char text[256];
   enum event_confidence sure = event_confidence(e);
   fputs("<div class=\"row\">", to);
   put_cell(to, "When", "n", format_time(e->first, text, sizeof(text)));
   put_cell(to, "For", "n", format_duration(event_seconds(e), text, sizeof(text)));
   fputs("<b data-k=\"What\">", to);
   html_text(to, event_title(e, text, sizeof(text)));
   fputs("</b>", to);
   put_host(a, to, "Who", event_source(e, text, sizeof(text)), &e->source);
   put_host(a, to, "Against", event_target(e, text, sizeof(text)), &e->target);
   put_cell(to, "How much", "n", event_amount(e, text, sizeof(text)));
   put_cell(to, "How sure", sure == EVENT_HIGH ? "high" : "", event_confidence_names[sure]);
   fputs("</div>\n", to);
}

static void put_why(const struct event *e, FILE *to)
{
   char text[1024], peak[128];
   fputs("<p>", to);
   html_text(to, event_reason(e, text, sizeof(text)));
   fputs("</p>\n<p class=\"why\">How sure: ", to);
   fputs(event_confidence_names[event_confidence(e)], to);
   if (*event_why(e, text, sizeof(text)) != 0) {
      fputs(", ", to);
      html_text(to, text);
   }
   if (*event_ports(e, text, sizeof(text)) != 0) {
      fprintf(to, " &middot; %s ", e->n_ports == 1 && !e->more_ports ? "port" : "ports");
      html_text(to, text);
   }
   if (*event_peak(e, peak, sizeof(peak)) != 0) {
      fprintf(to, " &middot; highest 10 s: %s", peak);
   }
   fprintf(to, " &middot; seen by %s", e->description->program);
   if (e->attack != NULL) {
      fprintf(to, " &middot; MITRE ATT&amp;CK %s", e->attack);
   }
   fputs("</p>\n", to);
}

/* The scans that a run was joined of. */
static void put_parts(const struct event *e, FILE *to)
{
   char title[128], target[256], amount[64], when[32];
   if (e->n_parts == 0) {
      return;
   }
   fprintf(to, "<details><summary>%" PRIu32 " scans</summary><pre>", e->n_parts);
   for (uint32_t i = 0; i < e->n_parts && i < PART_LINES; i++) {
      const struct event *part = &e->parts[i];
      fprintf(to, "%s  ", format_time(part->first, when, sizeof(when)));
      html_text(to, event_title(part, title, sizeof(title)));
      fprintf(to, " against %s, %s\n", event_target(part, target, sizeof(target)),
              event_amount(part, amount, sizeof(amount)));
   }
   if (e->n_parts > PART_LINES) {
      fprintf(to, "and %" PRIu32 " more\n", e->n_parts - PART_LINES);
   }
   fputs("</pre></details>\n", to);
}

/* "192.0.2.1:22", "[2001:db8::1]:22" */
static const char *endpoint(const ip_addr_t *ip, uint16_t port, char *to, size_t size)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(ip, text);
   if (port == 0) {
      snprintf(to, size, "%s", text);
   } else {
      snprintf(to, size, ip_is6(ip) ? "[%s]:%u" : "%s:%u", text, port);
   }
   return to;
}

/* width: of an address with its port */
static void put_flow(const struct logged_flow *f, int width, FILE *to)
{
   static const char letters[] = "FSRPAUEC";
   char src[64], dst[64], when[48], packets[32], bytes[32], flags[9] = "........";
   for (unsigned i = 0; i < 8 && f->protocol == 6; i++) {
      if ((f->tcp_flags >> i & 1) != 0) {
         flags[i] = letters[i];
      }
   }
   format_time(f->first, when, sizeof(when));
   fprintf(to, "%s.%03u  %-4s %-*s &gt; %-*s %s %s, %s\n", when,
           (unsigned) ((f->first & 0xffffffff) * 1000 >> 32),
           f->protocol == 6                        ? "TCP"
           : f->protocol == 17                     ? "UDP"
           : f->protocol == 1 || f->protocol == 58 ? "ICMP"
                                                   : "IP",
           width, endpoint(&f->src, f->src_port, src, sizeof(src)), width,
           endpoint(&f->dst, f->dst_port, dst, sizeof(dst)), f->protocol == 6 ? flags : "        ",
           format_counted(f->packets, "packet", packets, sizeof(packets)),
           format_bytes((double) f->bytes, bytes, sizeof(bytes)));
}

static void put_flows(const struct event_flows *of, uint64_t lines, FILE *to)
{
   char count[32], end[64];
   if (of->n == 0) {
      return;
   }
   fprintf(to, "<details><summary>%s</summary><pre>", format_counted(of->n, "flow", count, sizeof(count)));
   uint64_t shown = of->n < lines ? of->n : lines;
   size_t width = 0;
   for (uint64_t i = 0; i < shown; i++) {
      size_t src = strlen(endpoint(&of->list[i].src, of->list[i].src_port, end, sizeof(end)));
      size_t dst = strlen(endpoint(&of->list[i].dst, of->list[i].dst_port, end, sizeof(end)));
      width = src > width ? src : width;
      width = dst > width ? dst : width;
   }
   for (uint64_t i = 0; i < shown; i++) {
      put_flow(&of->list[i], (int) width, to);
   }
   if (of->n > shown) {
      fprintf(to, "and %s more\n", format_count(of->n - shown, count, sizeof(count)));
   }
   fputs("</pre></details>\n", to);
}

/* "vertical-scan: 12": how many of each kind, where the list is long. */
static void put_kinds(const struct analysis *a, FILE *to)
{
   bool first = true;
   char count[32];
   for (unsigned k = 0; event_kinds[k] != NULL; k++) {
      uint64_t n = 0;
      for (uint32_t i = 0; i < a->events.n; i++) {
         n += strcmp(a->events.list[i].kind, event_kinds[k]) == 0;
      }
      if (n > 0) {
         fprintf(to, "%s%s: %s", first ? "<p class=\"sub\">" : " &middot; ", event_kinds[k],
                 format_count(n, count, sizeof(count)));
         first = false;
      }
   }
   fputs(first ? "" : "</p>\n", to);
}

void html_events(const struct analysis *a, FILE *to)
{
   char count[32];
   struct event_flows *of = a->flow_log != NULL ? flow_log_match(a->flow_log, &a->events) : NULL;
   uint64_t lines = FLOW_LINES / (a->events.n + 1u);
   lines = lines < 2 ? 2 : lines > FLOWS_OF_EVENT ? FLOWS_OF_EVENT : lines;
   fputs("<h2>Attacks</h2>\n", to);
   put_kinds(a, to);
   fputs("<div class=\"row head\"><span>When (UTC)</span><span>For</span><span>What</span><span>Who</span>"
         "<span>Against whom</span><span>How much</span><span>How sure</span></div>\n",
         to);
   for (uint32_t i = 0; i < a->events.n; i++) {
      fputs("<div class=\"event\">\n", to);
      put_row(a, &a->events.list[i], to);
      put_why(&a->events.list[i], to);
      put_parts(&a->events.list[i], to);
      if (of != NULL) {
         put_flows(&of[i], lines, to);
      }
      fputs("</div>\n", to);
   }
   if (a->flow_log != NULL && (of == NULL || flow_log_missed(a->flow_log) > 0)) {
      fprintf(to, "<p class=\"note\">Not all flows are listed: %s were not kept for this page.</p>\n",
              format_counted(flow_log_missed(a->flow_log), "flow", count, sizeof(count)));
   }
   if (a->events.dropped > 0) {
      fprintf(to, "<p class=\"note\">%s more alerts are not shown: more than %d events.</p>\n",
              format_count(a->events.dropped, count, sizeof(count)), EVENTS_MAX);
   }
   free(of);
}
