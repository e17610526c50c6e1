/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The report as one page: inline style and drawings, nothing loaded from elsewhere, no scripts. Values show when the mouse
 * rests on a mark. Colours follow the reader's light or dark setting.
 */
#include "html.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define WIDTH    960 /* of drawings, in units of their own; the page scales them */
#define LEFT     150
#define RIGHT    20
#define PLOT     (WIDTH - LEFT - RIGHT)
#define ROW      24
#define HEIGHT   240
#define MAX_ROWS 40 /* of the timeline; the list has all events */

static void put_head(const struct analysis *a, FILE *to)
{
   char input[512];
   fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>NEMEA: ",
         to);
   html_text(to, analysis_input(a, input, sizeof(input)));
   fprintf(to, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", html_style);
}

static void put_tile(FILE *to, const char *value, const char *name, bool bad)
{
   fprintf(to, "<div class=\"tile%s\"><b>%s</b><span>%s</span></div>\n", bad ? " bad" : "", value, name);
}

static void put_summary(const struct analysis *a, FILE *to)
{
   char text[512], from[32], until[32];
   const struct traffic *t = &a->traffic;
   fputs("<h1>Traffic analysis</h1>\n<p class=\"sub\">", to);
   html_text(to, analysis_input(a, text, sizeof(text)));
   if (t->flows > 0) {
      fprintf(to, " &middot; %s to %s UTC", format_time(t->first, from, sizeof(from)),
              format_time(t->last, until, sizeof(until)));
   }
   fputs("</p>\n", to);
   for (unsigned i = 0; i < a->n_notes; i++) {
      fputs("<p class=\"note\">", to);
      html_text(to, a->notes[i]);
      fputs("</p>\n", to);
   }
   fputs("<div class=\"tiles\">\n", to);
   put_tile(to, format_count(a->events.n, text, sizeof(text)), a->events.n == 1 ? "attack" : "attacks",
            a->events.n > 0);
   put_tile(to, format_count(t->flows, text, sizeof(text)), "flows", false);
   put_tile(to, format_count(t->packets, text, sizeof(text)), "packets", false);
   put_tile(to, format_bytes((double) t->bytes, text, sizeof(text)), "volume", false);
   put_tile(to,
            t->flows > 0
                ? format_duration(ur_time_get_sec(t->last) - ur_time_get_sec(t->first), text, sizeof(text))
                : "0 s",
            "duration", false);
   fputs("</div>\n", to);
}

/* ------------------------------------------------------------------------ axes */

/* A round step that gives about n parts. */
static double round_step(double range, double n)
{
   double raw = range / n, power = pow(10, floor(log10(raw > 0 ? raw : 1)));
   double f = raw / power;
   return (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10) * power;
}

/* A step of clock times. */
static uint64_t time_step(uint64_t seconds)
{
   static const uint64_t steps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                    600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400};
   size_t n = sizeof(steps) / sizeof(steps[0]), i = 0;
   while (i + 1 < n && seconds / steps[i] > 8) {
      i++;
   }
   return seconds / steps[i] > 8 ? (seconds / 8 + 86399) / 86400 * 86400 : steps[i];
}

struct span {
   uint64_t begin, seconds;
};

static struct span span_of(const struct traffic *t)
{
   return (struct span){.begin = t->base * t->width, .seconds = t->n_bins * t->width};
}

static double x_of(const struct span *s, double second)
{
   double x = LEFT + (second - (double) s->begin) / (double) s->seconds * PLOT;
   return x < LEFT ? LEFT : x > LEFT + PLOT ? LEFT + PLOT : x;
}

static void put_time_axis(const struct span *s, FILE *to, int top, int bottom)
{
   uint64_t step = time_step(s->seconds);
   for (uint64_t t = (s->begin + step - 1) / step * step; t <= s->begin + s->seconds; t += step) {
      char text[32];
      struct tm tm;
      time_t seconds = (time_t) t;
      strftime(text, sizeof(text),
               step < 60      ? "%H:%M:%S"
               : step < 86400 ? "%H:%M"
                              : "%m-%d",
               gmtime_r(&seconds, &tm));
      double x = x_of(s, (double) t);
      fprintf(to,
              "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" "
              "text-anchor=\"middle\">%s</text>\n",
              x, x, top, bottom, x, bottom + 16, text);
   }
}

/* ----------------------------------------------------------------------- plots */

/* Label of a bar from x to end: the source, or the target when there are many sources; right of the bar where there is room. */
static void put_bar_label(const struct event *e, double x, double end, int y, FILE *to)
{
   char name[256];
   bool on = e->sources > 1, outside = end < LEFT + PLOT * 0.7;
   fprintf(to, "<text x=\"%.1f\" y=\"%d\"%s>%s%s</text>\n", outside ? end + 8 : x - 8, y,
           outside ? "" : " text-anchor=\"end\"", on ? "on " : "",
           on ? event_target(e, name, sizeof(name)) : event_source(e, name, sizeof(name)));
}

static void put_timeline(const struct analysis *a, FILE *to)
{
   struct span s = span_of(&a->traffic);
   uint32_t rows = a->events.n < MAX_ROWS ? a->events.n : MAX_ROWS;
   int bottom = (int) rows * ROW + 6;
   fprintf(to,
           "<h2>When</h2>\n<div class=\"plot\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Attacks "
           "over time\">\n",
           WIDTH, bottom + 24);
   put_time_axis(&s, to, 0, bottom);
   for (uint32_t i = 0; i < rows; i++) {
      const struct event *e = &a->events.list[i];
      char title[128], who[64], whom[256], amount[64], first[32], duration[32];
      double x = x_of(&s, (double) e->first / 4294967296.0), end = x_of(&s, (double) e->last / 4294967296.0);
      fprintf(to,
              "<text class=\"name\" x=\"0\" y=\"%d\">%s</text><rect class=\"mark bad\" x=\"%.1f\" y=\"%d\" "
              "width=\"%.1f\" height=\"%d\" rx=\"3\"><title>",
              (int) i * ROW + 17, e->title, x, (int) i * ROW + 5, end - x < 4 ? 4 : end - x, ROW - 8);
      fprintf(to, "%s: %s against %s\n%s\n%s UTC, %s", event_title(e, title, sizeof(title)),
              event_source(e, who, sizeof(who)), event_target(e, whom, sizeof(whom)),
              event_amount(e, amount, sizeof(amount)), format_time(e->first, first, sizeof(first)),
              format_duration(event_seconds(e), duration, sizeof(duration)));
      fputs("</title></rect>\n", to);
      put_bar_label(e, x, end - x < 4 ? x + 4 : end, (int) i * ROW + 17, to);
   }
   fputs("</svg></div>\n", to);
   if (rows < a->events.n) {
      fprintf(to, "<p class=\"sub\">The first %d are drawn; the list has all.</p>\n", MAX_ROWS);
   }
}

static double highest_bin(const struct traffic *t)
{
   double most = 0;
   for (uint32_t i = 0; i < t->n_bins; i++) {
      double sum = 0;
      for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
         sum += t->bins[i][c];
      }
      most = sum > most ? sum : most;
   }
   return most / (double) t->width;
}

static void put_bin(const struct traffic *t, uint32_t i, double top, FILE *to)
{
   char from[32], bytes[32];
   double width = (double) PLOT / t->n_bins, y = HEIGHT;
   for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
      double rate = t->bins[i][c] / (double) t->width, height = rate / top * (HEIGHT - 10);
      if (height < 0.05) {
         continue;
      }
      y -= height;
      fprintf(to,
              "<rect class=\"mark c%u\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"><title>%s "
              "UTC\n%s: %s/s</title></rect>\n",
              c, LEFT + i * width, y, width > 3 ? width - 0.6 : width, height,
              format_time((ur_time_t) ((t->base + i) * t->width) << 32, from, sizeof(from)),
              traffic_class_names[c], format_bytes(rate, bytes, sizeof(bytes)));
   }
}

static void put_traffic(const struct traffic *t, FILE *to)
{
   struct span s = span_of(t);
   double top = highest_bin(t), step = round_step(top > 0 ? top : 1, 4);
   char text[32];
   top = ceil(top / step) * step;
   top = top > 0 ? top : 1;
   fputs("<h2>Traffic over time</h2>\n<p class=\"sub\">bytes a second:", to);
   for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
      fprintf(to, "<span class=\"key\" style=\"background:var(--c%u)\"></span>%s", c, traffic_class_names[c]);
   }
   fprintf(to,
           "</p>\n<div class=\"plot\"><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Traffic over "
           "time\">\n",
           WIDTH, HEIGHT + 24);
   for (double v = 0; v <= top * 1.001; v += step) {
      double y = HEIGHT - v / top * (HEIGHT - 10);
      fprintf(to,
              "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
              "text-anchor=\"end\">%s/s</text>\n",
              LEFT, LEFT + PLOT, y, y, LEFT - 8, y + 4, format_bytes(v, text, sizeof(text)));
   }
   put_time_axis(&s, to, HEIGHT, HEIGHT);
   for (uint32_t i = 0; i < t->n_bins; i++) {
      put_bin(t, i, top, to);
   }
   fputs("</svg></div>\n", to);
}

static void put_talkers(const struct analysis *a, FILE *to)
{
   const struct traffic *t = &a->traffic;
   struct talker top[TRAFFIC_TOP];
   unsigned n = traffic_top(t, top);
   int left = 290, plot = WIDTH - left - (a->places != NULL ? 300 : 110);
   fprintf(to,
           "<h2>Top hosts</h2>\n<p class=\"sub\">bytes<span class=\"key\" "
           "style=\"background:var(--c0)\"></span>sent"
           "<span class=\"key\" style=\"background:var(--c1)\"></span>received</p>\n<div class=\"plot\"><svg "
           "viewBox=\"0 0 %d "
           "%d\" role=\"img\" "
           "aria-label=\"Top hosts\">\n",
           WIDTH, (int) n * ROW + 4);
   for (unsigned i = 0; i < n; i++) {
      const struct talker *k = &top[i];
      char ip[64], sent[32], received[32], flows[32], sum[32], place[PLACE_SIZE];
      double scale = (double) plot / (double) (top[0].sent + top[0].received + 1),
             width = (double) k->sent * scale;
      ip_to_str(&k->ip, ip);
      format_bytes((double) k->sent, sent, sizeof(sent));
      format_bytes((double) k->received, received, sizeof(received));
      fprintf(
          to,
          "<text class=\"name\" x=\"0\" y=\"%d\">%s</text><g><title>%s\nsent %s, received %s in %s</title>",
          (int) i * ROW + 16, ip, ip, sent, received, format_counted(k->flows, "flow", flows, sizeof(flows)));
      fprintf(to, "<rect class=\"mark c0\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", left,
              (int) i * ROW + 3, width, ROW - 7);
      fprintf(to, "<rect class=\"mark c1\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/></g>",
              left + width, (int) i * ROW + 3, (double) k->received * scale, ROW - 7);
      fprintf(to, "<text x=\"%.1f\" y=\"%d\">%s", left + (double) (k->sent + k->received) * scale + 8,
              (int) i * ROW + 16, format_bytes((double) (k->sent + k->received), sum, sizeof(sum)));
      if (*places_text(a->places, &k->ip, place, sizeof(place)) != 0) {
         fputs(" &middot; ", to);
         html_text(to, place);
      }
      fputs("</text>\n", to);
   }
   fputs("</svg></div>\n", to);
}

bool report_html(const struct analysis *a, FILE *to)
{
   put_head(a, to);
   put_summary(a, to);
   if (a->events.n > 0) {
      html_events(a, to);
      if (a->traffic.n_bins > 0) {
         put_timeline(a, to);
      }
   } else {
      fprintf(to, "<h2>Attacks</h2>\n<p>%s</p>\n", analysis_without_events(a));
   }
   if (a->traffic.flows > 0) {
      put_traffic(&a->traffic, to);
      put_talkers(a, to);
   }
   fputs("<footer>Made by nemea analyze " NEMEA_VERSION
         ". Rest the mouse on a mark to see its values.</footer>\n</body>\n</html>\n",
         to);
   return fflush(to) == 0 && !ferror(to);
}
