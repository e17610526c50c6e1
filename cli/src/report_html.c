/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The report as one page: inline style and drawings, nothing loaded from elsewhere, no scripts. Values show when the mouse
 * rests on a mark. Colours follow the reader's light or dark setting.
 */
#include "analysis.h"

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
#define MAX_ROWS 40 /* of the timeline; the table has all events */

static void put_escaped(FILE *to, const char *text)
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

static void put_head(const struct analysis *a, FILE *to)
{
   char input[512];
   fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>NEMEA: ",
         to);
   put_escaped(to, analysis_input(a, input, sizeof(input)));
   fputs(
       "</title>\n<style>\n"
       ":root{color-scheme:light "
       "dark;--bg:#fff;--fg:#1c2330;--soft:#667085;--line:#e4e7ec;--card:#f8f9fb;--c0:#2f6fde;--c1:#e08a1e;"
       "--c2:#2a9d6f;--c3:#8b93a5;--bad:#d1383d}\n"
       "@media "
       "(prefers-color-scheme:dark){:root{--bg:#12161d;--fg:#e6e9ef;--soft:#98a2b3;--line:#2b3240;--card:#"
       "1a2029;--c0:#6ea0ff;"
       "--c1:#f0a94a;--c2:#4fc796;--c3:#7d8798;--bad:#ff6b6f}}\n"
       "body{background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif;margin:0 "
       "auto;max-width:1040px;padding:28px 20px}\n"
       "h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:34px 0 "
       "10px}p.sub{color:var(--soft);margin:0 0 18px}\n"
       ".tiles{display:flex;flex-wrap:wrap;gap:12px}.tile{background:var(--card);border:1px solid "
       "var(--line);border-radius:8px;"
       "padding:10px 16px;min-width:110px}.tile b{display:block;font-size:21px}.tile "
       "span{color:var(--soft);font-size:13px}\n"
       ".tile.bad b{color:var(--bad)}.note{border-left:4px solid "
       "var(--c1);background:var(--card);padding:8px 14px;margin:8px 0}\n"
       "svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:12px}svg "
       "text.name{fill:var(--fg)}\n"
       ".grid{stroke:var(--line)}.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}"
       ".bad{fill:var(--bad)}\n"
       "rect.mark:hover{opacity:.7}table{border-collapse:collapse;width:100%;font-size:14px}th{text-align:"
       "left;color:var(--soft);"
       "font-weight:500}td,th{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}"
       "td.n{font-variant-numeric:tabular-nums;white-space:nowrap}.key{display:inline-block;width:11px;"
       "height:11px;border-radius:2px;"
       "margin:0 5px 0 14px}.scroll{overflow-x:auto}\n"
       "footer{color:var(--soft);font-size:13px;margin-top:34px}\n</style>\n</head>\n<body>\n",
       to);
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
   put_escaped(to, analysis_input(a, text, sizeof(text)));
   if (t->flows > 0) {
      fprintf(to, " &middot; %s to %s UTC", format_time(t->first, from, sizeof(from)),
              format_time(t->last, until, sizeof(until)));
   }
   fputs("</p>\n", to);
   for (unsigned i = 0; i < a->n_notes; i++) {
      fputs("<p class=\"note\">", to);
      put_escaped(to, a->notes[i]);
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
   fprintf(to, "<h2>When</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Attacks over time\">\n",
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
   fputs("</svg>\n", to);
   if (rows < a->events.n) {
      fprintf(to, "<p class=\"sub\">The first %d are drawn; the table has all.</p>\n", MAX_ROWS);
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
   fprintf(to, "</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Traffic over time\">\n", WIDTH,
           HEIGHT + 24);
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
   fputs("</svg>\n", to);
}

static void put_talkers(const struct traffic *t, FILE *to)
{
   struct talker top[TRAFFIC_TOP];
   unsigned n = traffic_top(t, top);
   int left = 290, plot = WIDTH - left - 110;
   fprintf(to,
           "<h2>Top hosts</h2>\n<p class=\"sub\">bytes<span class=\"key\" "
           "style=\"background:var(--c0)\"></span>sent"
           "<span class=\"key\" style=\"background:var(--c1)\"></span>received</p>\n<svg viewBox=\"0 0 %d "
           "%d\" role=\"img\" "
           "aria-label=\"Top hosts\">\n",
           WIDTH, (int) n * ROW + 4);
   for (unsigned i = 0; i < n; i++) {
      const struct talker *k = &top[i];
      char ip[64], sent[32], received[32], flows[32], sum[32];
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
      fprintf(to, "<text x=\"%.1f\" y=\"%d\">%s</text>\n",
              left + (double) (k->sent + k->received) * scale + 8, (int) i * ROW + 16,
              format_bytes((double) (k->sent + k->received), sum, sizeof(sum)));
   }
   fputs("</svg>\n", to);
}

/* A row below that of the event: why it is one, how sure that is, and the parts of a run. */
static void put_why(const struct event *e, FILE *to)
{
   char text[1024], title[128], target[256], amount[64];
   fputs("<tr><td></td><td colspan=\"6\">", to);
   put_escaped(to, event_reason(e, text, sizeof(text)));
   if (*event_peak(e, text, sizeof(text)) != 0) {
      fprintf(to, "<br>Highest 10 s: %s", text);
   }
   if (*event_why(e, text, sizeof(text)) != 0) {
      fprintf(to, "<br>How sure: %s, ", event_confidence_names[event_confidence(e)]);
      put_escaped(to, text);
   }
   if (e->n_parts > 0) {
      fprintf(to, "<details><summary>%u scans</summary>", e->n_parts);
      for (uint32_t i = 0; i < e->n_parts; i++) {
         fprintf(to, "%s against %s, %s<br>", event_title(&e->parts[i], title, sizeof(title)),
                 event_target(&e->parts[i], target, sizeof(target)),
                 event_amount(&e->parts[i], amount, sizeof(amount)));
      }
      fputs("</details>", to);
   }
   fputs("</td></tr>\n", to);
}

static void put_table(const struct analysis *a, FILE *to)
{
   fputs("<h2>Attacks</h2>\n<div class=\"scroll\"><table>\n<tr><th>When "
         "(UTC)</th><th>For</th><th>What</th><th>Who</th><th>Against whom</th>"
         "<th>How much</th><th>How sure</th></tr>\n",
         to);
   for (uint32_t i = 0; i < a->events.n; i++) {
      const struct event *e = &a->events.list[i];
      char title[128], who[64], whom[256], amount[64], first[32], duration[32];
      fprintf(to,
              "<tr><td class=\"n\">%s</td><td "
              "class=\"n\">%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
              format_time(e->first, first, sizeof(first)),
              format_duration(event_seconds(e), duration, sizeof(duration)),
              event_title(e, title, sizeof(title)), event_source(e, who, sizeof(who)),
              event_target(e, whom, sizeof(whom)), event_amount(e, amount, sizeof(amount)),
              event_confidence_names[event_confidence(e)]);
      put_why(e, to);
   }
   fputs("</table></div>\n", to);
}

bool report_html(const struct analysis *a, FILE *to)
{
   put_head(a, to);
   put_summary(a, to);
   if (a->events.n > 0) {
      put_table(a, to);
      if (a->traffic.n_bins > 0) {
         put_timeline(a, to);
      }
   } else {
      fprintf(to, "<h2>Attacks</h2>\n<p>%s</p>\n", analysis_without_events(a));
   }
   if (a->traffic.flows > 0) {
      put_traffic(&a->traffic, to);
      put_talkers(&a->traffic, to);
   }
   fputs("<footer>Made by nemea analyze " NEMEA_VERSION
         ". Rest the mouse on a mark to see its values.</footer>\n</body>\n</html>\n",
         to);
   return fflush(to) == 0 && !ferror(to);
}
