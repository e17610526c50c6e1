/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_plan.h"

#include "detectors.h"
#include "programs.h"
#include "source.h"

#include <limits.h>
#include <nemea/event.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 16

/* Of records on a stream that several sources send. */
#define BASIC_FIELDS                                                                                  \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 PACKETS,"       \
   "uint32 PACKETS_REV,uint64 BYTES,uint64 BYTES_REV,time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS," \
   "uint8 TCP_FLAGS_REV,macaddr SRC_MAC,macaddr DST_MAC,uint8 DIR_BIT_FIELD,uint64 LINK_BIT_FIELD"

/* Readers of flows are never waited for on live traffic, so that none of them makes the capture lose packets; the log bridges what they
 * need at times. Readers of alerts are waited for, and each alert is in the log at once: it outlives its sender and its reader. */
#define LIVE_OUTPUT  "timeout=NO_WAIT:buffer_count=200:max_clients=64:" SOURCE_SOON
#define ALERT_OUTPUT "timeout=HALF_WAIT:buffer=off"

/* A stream of flow records: those of all flows, or with what plugins found. */
struct stream {
   char name[64], plugins[160];
   char *needs; /* fields that its readers need, as a template; NULL: the basic ones */
   unsigned readers;
};

struct planner {
   struct run_plan *p;
   const struct run_config *c;
   const char *state, *directory;
   struct stream streams[STREAMS_MAX]; /* the first has all flows */
   unsigned n_streams;
   bool captures;       /* all sources are read by flow_meter */
   bool replay;         /* one of them is a replay */
   const char *archive; /* stream that is archived */
   char *error;
};

/* ------------------------------------------------------------------------ tools */

static bool fail(struct planner *pl, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct planner *pl, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(pl->error, RUN_ERROR, format, ap);
   va_end(ap);
   return false;
}

static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text(const char *format, ...)
{
   char *to = NULL;
   va_list ap;
   va_start(ap, format);
   int n = vasprintf(&to, format, ap);
   va_end(ap);
   return n >= 0 ? to : NULL;
}

/* Appends to an allocated text, which may be NULL. \return false without memory */
static bool append(char **to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool append(char **to, const char *format, ...)
{
   char *more = NULL, *both = NULL;
   va_list ap;
   va_start(ap, format);
   int n = vasprintf(&more, format, ap);
   va_end(ap);
   if (n < 0 || asprintf(&both, "%s%s", *to != NULL ? *to : "", more) < 0) {
      both = NULL;
   }
   free(n < 0 ? NULL : more);
   if (both != NULL) {
      free(*to);
      *to = both;
   }
   return both != NULL;
}

/* A word of params: they are split at blanks, and quotes group. */
static char *word(const char *value, char *to, size_t size)
{
   char quote = strchr(value, '\'') != NULL ? '"' : '\'';
   if (strpbrk(value, " '\"") != NULL) {
      snprintf(to, size, "%c%s%c", quote, value, quote);
   } else {
      snprintf(to, size, "%s", value);
   }
   return to;
}

/* Adds a module that runs a program of this installation. \return NULL with a message */
static struct run_module *add(struct planner *pl, enum run_profile profile, const char *program,
                              const char *name)
{
   char path[PATH_MAX];
   if (!program_find(program, path, sizeof(path))) {
      fail(pl, "%s: program not found beside nemea (or in $NEMEA_BIN)", program);
      return NULL;
   }
   if (pl->p->n == RUN_MODULES) {
      fail(pl, "more than %d modules", RUN_MODULES);
      return NULL;
   }
   struct run_module *m = &pl->p->modules[pl->p->n];
   *m = (struct run_module){.profile = profile, .name = strdup(name), .path = strdup(path)};
   pl->p->n++;
   if (m->name == NULL || m->path == NULL) {
      fail(pl, "out of memory");
      return NULL;
   }
   return m;
}

static bool attach(struct planner *pl, struct run_module *m, bool out, char *params)
{
   struct run_interface *grown = reallocarray(m->interfaces, m->n_interfaces + 1, sizeof(*grown));
   if (params == NULL || grown == NULL) {
      free(params);
      m->interfaces = grown != NULL ? grown : m->interfaces;
      return fail(pl, "out of memory");
   }
   m->interfaces = grown;
   grown[m->n_interfaces++] = (struct run_interface){.out = out, .params = params};
   return true;
}

/* ---------------------------------------------------------------------- streams */

/* The stream with what these plugins find, NULL: with all flows. \return NULL with a message */
static struct stream *stream_of(struct planner *pl, const char *plugins, const char *prefix)
{
   for (unsigned i = 0; i < pl->n_streams; i++) {
      if (strcmp(pl->streams[i].plugins, plugins != NULL ? plugins : "") == 0) {
         return &pl->streams[i];
      }
   }
   if (pl->n_streams == STREAMS_MAX ||
       (plugins != NULL && strlen(plugins) >= sizeof(pl->streams[0].plugins))) {
      fail(pl, "more than %d streams of flows, or too many plugins", STREAMS_MAX);
      return NULL;
   }
   struct stream *s = &pl->streams[pl->n_streams];
   snprintf(s->plugins, sizeof(s->plugins), "%s", plugins != NULL ? plugins : "");
   if (plugins == NULL) {
      snprintf(s->name, sizeof(s->name), "flows");
   } else {
      snprintf(s->name, sizeof(s->name), "%s-%.40s", prefix,
               strpbrk(plugins, "+") == NULL ? plugins : "plugins");
   }
   pl->n_streams++;
   return s;
}

/* Adds the fields of a template to those that a stream must have. */
static bool add_needs(struct stream *s, const char *needs)
{
   for (const char *p = needs; *p != 0; p += *p == ',') {
      size_t n = strcspn(p, ",");
      char field[128];
      bool there = false;
      snprintf(field, sizeof(field), "%.*s", (int) (n < sizeof(field) ? n : sizeof(field) - 1), p);
      for (const char *k = s->needs; k != NULL && *k != 0 && !there; k += *k == ',') {
         size_t length = strcspn(k, ",");
         there = length == n && strncmp(k, field, n) == 0;
         k += length;
      }
      if (!there && !append(&s->needs, "%s%s", s->needs != NULL ? "," : "", field)) {
         return false;
      }
      p += n;
   }
   return true;
}

/* -------------------------------------------------------------------- detectors */

static const struct run_detector *wish(const struct planner *pl, const char *name)
{
   for (unsigned i = 0; i < pl->c->n_detectors; i++) {
      if (strcmp(pl->c->detectors[i].name, name) == 0) {
         return &pl->c->detectors[i];
      }
   }
   return NULL;
}

/* \return why it does not run, "" without a reason to tell; NULL: it runs */
static const char *why_not(const struct planner *pl, const struct event_description *d)
{
   const struct run_detector *w = wish(pl, d->program);
   char path[PATH_MAX];
   if (d->through != NULL) {
      return ""; /* flows are not for it */
   }
   if (w != NULL && !w->enabled) {
      return "switched off";
   }
   if (d->blacklist && (w == NULL || w->options == NULL || strstr(w->options, "--blacklist") == NULL)) {
      return "no list (detectors: {NAME: {options: --blacklist FILE}})";
   }
   return program_find(d->program, path, sizeof(path)) ? NULL : "not installed";
}

static bool add_detector(struct planner *pl, const struct event_description *d)
{
   const struct run_detector *w = wish(pl, d->program);
   bool optional = d->plugins_optional && !pl->captures; /* routers do not send what it reads */
   struct stream *s = stream_of(pl, optional ? NULL : d->plugins, "flows");
   struct run_module *m = s != NULL ? add(pl, RUN_DETECTION, d->program, d->program) : NULL;
   if (m == NULL) {
      return false;
   }
   s->readers++;
   const char *const options[] = {d->options, d->live, w != NULL ? w->options : NULL};
   bool good = (m->params = text("%s", "")) != NULL;
   for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]) && good; i++) {
      good = options[i] == NULL || append(&m->params, "%s%s", *m->params != 0 ? " " : "", options[i]);
   }
   if (!good || (d->needs != NULL && *s->plugins != 0 && !add_needs(s, d->needs))) {
      return fail(pl, "out of memory");
   }
   return attach(pl, m, false, text("%s", s->name)) &&
          attach(pl, m, true, text("%s:" ALERT_OUTPUT, d->program));
}

static bool add_detectors(struct planner *pl)
{
   for (unsigned i = 0; event_descriptions[i] != NULL; i++) {
      const struct event_description *d = event_descriptions[i];
      const char *why = why_not(pl, d);
      if (why == NULL && !add_detector(pl, d)) {
         return false;
      }
      if (why != NULL && *why != 0 && !append(&pl->p->not_run, "  %s: %s\n", d->program, why)) {
         return fail(pl, "out of memory");
      }
   }
   return true;
}

/* ---------------------------------------------------------------------- readers */

/* The reporters that know the alerts of a detector. */
static const struct {
   const char *detector, *reporter;
   const char *aggregator; /* whose alerts it reads; NULL: those of the detector */
} reporters[] = {{"amplification_detection", "amplification2idea.py", NULL},
                 {"brute_force_detector", "bruteforce2idea.py", NULL},
                 {"ddos_detector", "ddos_detector2idea.py", NULL},
                 {"dnstunnel_detection", "dnstunnel2idea.py", NULL},
                 {"haddrscan_detector", "haddrscan2idea.py", "haddrscan_aggregator"},
                 {"hoststatsnemea", "hoststats2idea.py", NULL},
                 {"miner_detector", "minerdetector2idea.py", NULL},
                 {"sip_bf_detector", "sipbf2idea.py", NULL},
                 {"voip_fraud_detection", "voipfraud2idea.py", NULL},
                 {"vportscan_detector", "vportscan2idea.py", "vportscan_aggregator"},
                 {"waintrusion_detector", "waintrusion_detector2idea.py", NULL}};

static bool has_replay(const struct run_config *c)
{
   bool any = false;
   for (unsigned i = 0; i < c->n_sources; i++) {
      any |= c->sources[i].kind == RUN_REPLAY;
   }
   return any;
}

static bool add_reporter(struct planner *pl, unsigned i)
{
   char quoted[PATH_MAX + 2], name[64];
   const char *from = reporters[i].aggregator != NULL ? reporters[i].aggregator : reporters[i].detector;
   if (reporters[i].aggregator != NULL) {
      struct run_module *a = add(pl, RUN_REPORTERS, from, from);
      if (a == NULL || !attach(pl, a, false, text("%s", reporters[i].detector)) ||
          !attach(pl, a, true, text("%s:" ALERT_OUTPUT, from))) {
         return false;
      }
   }
   snprintf(name, sizeof(name), "%.*s", (int) strcspn(reporters[i].reporter, "."), reporters[i].reporter);
   struct run_module *m = add(pl, RUN_REPORTERS, reporters[i].reporter, name);
   if (m == NULL || !attach(pl, m, false, text("%s:resume=%s", from, name))) {
      return false;
   }
   /* They skip alerts that are older than a day, as those of a capture are in general. */
   m->params =
       text("-c %s%s", word(pl->c->reporting, quoted, sizeof(quoted)), has_replay(pl->c) ? " -D" : "");
   return m->params != NULL || fail(pl, "out of memory");
}

static bool add_reporters(struct planner *pl)
{
   bool good = true;
   for (unsigned i = 0; good && pl->c->reporting != NULL && i < sizeof(reporters) / sizeof(reporters[0]);
        i++) {
      for (unsigned k = 0; k < pl->p->n && good; k++) {
         if (strcmp(pl->p->modules[k].name, reporters[i].detector) == 0) {
            good = add_reporter(pl, i);
            break;
         }
      }
   }
   return good;
}

static bool add_store(struct planner *pl)
{
   struct run_module *m = add(pl, RUN_STORES, "alert_store", "alert_store");
   char path[PATH_MAX], quoted[PATH_MAX + 2];
   if (m == NULL) {
      return false;
   }
   snprintf(path, sizeof(path), "%s/alerts/events.db", pl->state);
   m->params = text("-d %s --max-age %u --max-size %u", word(path, quoted, sizeof(quoted)),
                    pl->c->events_days, pl->c->events_mb);
   if (m->params == NULL) {
      return fail(pl, "out of memory");
   }
   bool good = true, any = false;
   for (unsigned i = 0; i < pl->p->n && good; i++) {
      const struct run_module *from = &pl->p->modules[i];
      if (from->profile == RUN_DETECTION) {
         any = true;
         good = attach(pl, m, false, text("%s:resume=store", from->name));
      }
   }
   return good && (any || fail(pl, "no detector runs"));
}

/* A module that keeps something of all flows in a directory of its own. */
static struct run_module *add_keeper(struct planner *pl, const char *program, const char *stream,
                                     const char *directory)
{
   struct run_module *m = add(pl, RUN_STORES, program, program);
   char path[PATH_MAX], quoted[PATH_MAX + 2];
   if (m == NULL || !attach(pl, m, false, text("%s:resume=%s", stream, program))) {
      return NULL;
   }
   snprintf(path, sizeof(path), "%s/%s", pl->state, directory);
   m->params = text("-d %s", word(path, quoted, sizeof(quoted)));
   for (unsigned i = 0; i < pl->n_streams; i++) {
      pl->streams[i].readers += strcmp(pl->streams[i].name, stream) == 0;
   }
   if (m->params == NULL) {
      fail(pl, "out of memory");
      return NULL;
   }
   return m;
}

static bool add_keepers(struct planner *pl)
{
   char path[PATH_MAX];
   if (program_find("flow_archive", path, sizeof(path))) { /* it needs libzstd */
      struct run_module *m = add_keeper(pl, "flow_archive", pl->archive, "flows");
      if (m == NULL || !append(&m->params, " -r %s", pl->c->flows)) {
         return m != NULL && fail(pl, "out of memory");
      }
   }
   pl->p->traffic = program_find("traffic_stats", path, sizeof(path));
   return !pl->p->traffic || add_keeper(pl, "traffic_stats", "flows", "traffic") != NULL;
}

/* -------------------------------------------------------------------------- page */

static bool option(struct run_module *m, const char *name, const char *value)
{
   char quoted[PATH_MAX + 2];
   return value == NULL || append(&m->params, " %s %s", name, word(value, quoted, sizeof(quoted)));
}

static bool state_option(struct planner *pl, struct run_module *m, const char *name, const char *file)
{
   char path[PATH_MAX];
   snprintf(path, sizeof(path), "%s/%s", pl->state, file);
   return option(m, name, path);
}

static bool page_options(struct planner *pl, struct run_module *m)
{
   char list[RUN_GEOIP * 1100] = "", networks[PATH_MAX];
   snprintf(networks, sizeof(networks), "%s/" RUN_NETWORKS_FILE, pl->directory);
   const struct run_config *c = pl->c;
   for (unsigned i = 0; i < c->n_geoip; i++) {
      size_t n = strlen(list);
      snprintf(list + n, sizeof(list) - n, "%s%s", i > 0 ? "," : "", c->geoip[i]);
   }
   return state_option(pl, m, "--supervisor", "run/supervisor.sock") &&
          state_option(pl, m, "--alerts", "run/trap-alert_store.sock") &&
          (!pl->p->traffic || state_option(pl, m, "--traffic", "run/trap-traffic_stats.sock")) &&
          state_option(pl, m, "--archive", "flows") && state_option(pl, m, "--token", "page/token") &&
          option(m, "--listen", c->listen != NULL ? c->listen : "127.0.0.1:8080") &&
          option(m, "--tls-cert", c->tls_cert) && option(m, "--tls-key", c->tls_key) &&
          (c->n_networks == 0 || option(m, "--networks", networks)) &&
          option(m, "--geoip", *list != 0 ? list : NULL) &&
          (!c->resolver || append(&m->params, " --resolver"));
}

static bool add_page(struct planner *pl)
{
   char path[PATH_MAX];
   pl->p->page = program_find("nemea_page", path, sizeof(path));
   struct run_module *m = pl->p->page ? add(pl, RUN_PAGE, "nemea_page", "nemea_page") : NULL;
   if (m == NULL) {
      return !pl->p->page;
   }
   return page_options(pl, m) || fail(pl, "out of memory");
}

/* ----------------------------------------------------------------------- sources */

/* What a source calls a stream: of several sources, each has names of its own. */
static char *output_of(const struct planner *pl, const struct stream *s, unsigned source)
{
   char name[80];
   snprintf(name, sizeof(name), pl->c->n_sources > 1 ? "%s.%u" : "%s", s->name, source + 1);
   unsigned readers = pl->c->n_sources > 1 ? 1 : s->readers;
   if (pl->c->sources[source].kind ==
       RUN_REPLAY) { /* begins when all readers are there, and waits for them */
      return text("%s:timeout=WAIT:min_clients=%u:max_clients=64", name, readers);
   }
   return text("%s:" LIVE_OUTPUT, name);
}

/* One flow_meter: for all flows, or for what plugins find, since those end flows earlier than the other detectors are used to. */
static bool add_meter(struct planner *pl, unsigned source, bool plugins)
{
   const struct run_source *src = &pl->c->sources[source];
   char name[64], quoted[PATH_MAX + 2], list[STREAMS_MAX * 170] = "";
   snprintf(name, sizeof(name), pl->c->n_sources > 1 ? "flow_meter%s_%u" : "flow_meter%s",
            plugins ? "_plugins" : "", source + 1);
   struct run_module *m = add(pl, RUN_DATA_SOURCES, "flow_meter", name);
   if (m == NULL) {
      return false;
   }
   m->once = src->kind == RUN_REPLAY;
   for (unsigned i = plugins ? 1 : 0; i < (plugins ? pl->n_streams : 1); i++) {
      size_t n = strlen(list);
      snprintf(list + n, sizeof(list) - n, "%s%s", n > 0 ? "," : "",
               i == 0 ? "basic" : pl->streams[i].plugins);
      if (!attach(pl, m, true, output_of(pl, &pl->streams[i], source))) {
         return false;
      }
   }
   word(src->value, quoted, sizeof(quoted));
   m->params = src->kind == RUN_INTERFACE ? text("-I %s", quoted)
                                          : text("-r %s --speed %g", quoted, src->speed > 0 ? src->speed : 1);
   /* Options as of nemea analyze -i. No end of stream: readers go on when the source is started again. */
   return append(&m->params, " --early -t 60:30 -p %s --tunnels inner --direction=tcp -n", list) ||
          fail(pl, "out of memory");
}

/* Names of the fields of a template, the basic ones where there is none. */
static char *names_of(const char *needs)
{
   char *names = NULL;
   for (const char *p = needs; *p != 0; p += *p == ',') {
      p += strcspn(p, " ,");
      p += *p == ' ';
      size_t n = strcspn(p, ",");
      if (!append(&names, "%s%.*s", names != NULL ? "," : "", (int) n, p)) {
         break;
      }
      p += n;
   }
   return names;
}

static bool add_collector(struct planner *pl, unsigned source)
{
   const char *value = pl->c->sources[source].value;
   char name[64];
   snprintf(name, sizeof(name), pl->c->n_sources > 1 ? "flow_collector%s%u" : "flow_collector", "_",
            source + 1);
   struct run_module *m = add(pl, RUN_DATA_SOURCES, "flow_collector", name);
   if (m == NULL) {
      return false;
   }
   m->params = text("-u %s -t %s -n", value, value);
   bool good = m->params != NULL;
   for (unsigned i = 0; i < pl->n_streams && good; i++) {
      const struct stream *s = &pl->streams[i];
      char *fields = *s->plugins != 0 && s->needs != NULL ? names_of(s->needs) : NULL;
      if (*s->plugins != 0 && fields == NULL) {
         continue; /* nobody reads it */
      }
      good = append(&m->params, " -f %s", fields != NULL ? fields : "basic") &&
             attach(pl, m, true, output_of(pl, s, source));
      free(fields);
   }
   return good || fail(pl, "out of memory");
}

static bool add_merger(struct planner *pl, const struct stream *s)
{
   char name[80];
   snprintf(name, sizeof(name), "merger-%s", s->name);
   struct run_module *m = add(pl, RUN_DATA_SOURCES, "merger", name);
   if (m == NULL) {
      return false;
   }
   m->params = text("-I -n -u '%s'", *s->plugins != 0 && s->needs != NULL ? s->needs : BASIC_FIELDS);
   bool good = m->params != NULL;
   for (unsigned i = 0; i < pl->c->n_sources && good; i++) {
      good = attach(pl, m, false, text("%s.%u", s->name, i + 1));
   }
   return good &&
          attach(pl, m, true,
                 pl->replay ? text("%s:timeout=WAIT:min_clients=%u:max_clients=64", s->name, s->readers)
                            : text("%s:" LIVE_OUTPUT, s->name));
}

static bool add_sources(struct planner *pl)
{
   bool good = true;
   for (unsigned i = 0; i < pl->c->n_sources && good; i++) {
      if (pl->c->sources[i].kind == RUN_COLLECT) {
         good = add_collector(pl, i);
      } else {
         good = add_meter(pl, i, false) && (pl->n_streams == 1 || add_meter(pl, i, true));
      }
   }
   for (unsigned i = 0; i < pl->n_streams && pl->c->n_sources > 1 && good; i++) {
      good = add_merger(pl, &pl->streams[i]);
   }
   return good;
}

/* The plugins that were asked for share a stream, which is archived then. */
static bool plan_plugins(struct planner *pl)
{
   char *all = NULL;
   for (unsigned i = 0; i < pl->c->n_sources; i++) {
      const char *plugins = pl->c->sources[i].plugins;
      if (plugins != NULL && (all == NULL || strcmp(all, plugins) != 0)) {
         if (all != NULL) {
            free(all);
            return fail(
                pl, "sources with different plugins (expected the same ones of all sources that have some)");
         }
         all = strdup(plugins);
      }
   }
   const struct stream *s = stream_of(pl, NULL, "");
   pl->archive = s->name;
   if (all != NULL && pl->c->n_sources > 1) {
      free(all);
      return fail(pl, "plugins with several sources (expected one source)");
   }
   if (all != NULL) { /* those that flow records get, so all flows are in it */
      char list[160];
      snprintf(list, sizeof(list), "basic+%.150s", all);
      s = stream_of(pl, list, "archive");
      pl->archive = s != NULL ? s->name : pl->archive;
      free(all);
   }
   return s != NULL;
}

/* Modules are started and stopped in the order of their profiles. */
static int by_profile(const void *a, const void *b)
{
   const struct run_module *x = a, *y = b;
   return (int) x->profile - (int) y->profile;
}

bool run_plan_make(struct run_plan *p, const struct run_config *c, const char *state, const char *directory,
                   char error[RUN_ERROR])
{
   struct planner pl = {
       .p = p, .c = c, .state = state, .directory = directory, .captures = true, .error = error};
   memset(p, 0, sizeof(*p));
   p->not_run = strdup("");
   for (unsigned i = 0; i < c->n_sources; i++) {
      pl.captures = pl.captures && c->sources[i].kind != RUN_COLLECT;
      pl.replay = pl.replay || c->sources[i].kind == RUN_REPLAY;
   }
   bool good = (p->not_run != NULL || fail(&pl, "out of memory")) && plan_plugins(&pl) &&
               add_detectors(&pl) && add_store(&pl) && add_reporters(&pl) && add_keepers(&pl) &&
               add_page(&pl) && add_sources(&pl);
   for (unsigned i = 0; i < pl.n_streams; i++) {
      free(pl.streams[i].needs);
   }
   if (good) {
      qsort(p->modules, p->n, sizeof(p->modules[0]), by_profile);
   }
   return good;
}

void run_plan_free(struct run_plan *p)
{
   for (unsigned i = 0; i < p->n; i++) {
      struct run_module *m = &p->modules[i];
      for (unsigned k = 0; k < m->n_interfaces; k++) {
         free(m->interfaces[k].params);
      }
      char *texts[] = {m->name, m->path, m->params};
      for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
         free(texts[k]);
      }
      free(m->interfaces);
   }
   free(p->not_run);
   memset(p, 0, sizeof(*p));
}
