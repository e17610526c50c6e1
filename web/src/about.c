/* SPDX-License-Identifier: BSD-3-Clause */
#include "about.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>

void about_init(struct about *a, struct server *server, const struct sources *sources, struct enrich *enrich)
{
   *a = (struct about){.server = server, .sources = sources, .enrich = enrich, .started = time(NULL)};
}

void about_count(struct about *a, unsigned status)
{
   a->answers[status / 100 < 6 ? status / 100 : 5]++;
}

static json_t *disk_of(const char *path)
{
   struct statvfs st;
   if (path == NULL || statvfs(path, &st) != 0) {
      return json_null();
   }
   json_int_t size = st.f_frsize, blocks = st.f_blocks, available = st.f_bavail;
   return json_pack("{s:s,s:I,s:I}", "path", path, "bytes", size * blocks, "free", size * available);
}

json_t *about_system(struct about *a, json_t *info, json_t *error)
{
   struct about_numbers n;
   struct utsname name = {.sysname = ""};
   server_numbers(a->server, &n);
   uname(&name);
   json_t *page = json_pack(
       "{s:s,s:I,s:i,s:i,s:i,s:I,s:I,s:s}", "version", NEMEA_VERSION, "started", (json_int_t) a->started,
       "sessions", (int) n.sessions, "browsers", (int) n.browsers, "connections", (int) n.connections,
       "evicted", (json_int_t) n.evicted, "slow", (json_int_t) n.slow, "libmicrohttpd", MHD_get_version());
   json_t *system =
       json_pack("{s:s,s:s,s:s}", "host", name.nodename, "system", name.sysname, "release", name.release);
   json_t *o = json_object();
   json_object_set_new(o, "page", page);
   json_object_set_new(o, "host", system != NULL ? system : json_null());
   json_object_set_new(o, "addresses", enrich_about(a->enrich));
   json_object_set_new(o, "disk", disk_of(a->sources->archive));
   json_object_set_new(o, "supervisor", info != NULL ? info : json_null());
   if (error != NULL) {
      json_object_set_new(o, "unavailable", error);
   }
   return o;
}

static bool is_ready(const char *state)
{
   static const char *const good[] = {"ready", "running", "stopped", "finished"};
   for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
      if (strcmp(state, good[i]) == 0) {
         return true;
      }
   }
   return false;
}

json_t *about_ready(const struct about *a, json_t *answer, unsigned *status, bool trusted)
{
   json_t *missing = json_array(), *module;
   size_t i;
   bool ready = *status == 200 || a->sources->supervisor == NULL;
   json_array_foreach(*status == 200 ? answer : NULL, i, module)
   {
      const char *state = json_string_value(json_object_get(module, "state"));
      if (state == NULL || !is_ready(state)) {
         json_array_append(missing, json_object_get(module, "name"));
      }
   }
   ready = ready && json_array_size(missing) == 0;
   json_t *said = json_pack("{s:b}", "ready", ready);
   if (trusted && *status == 200) {
      json_object_set(said, "modules", missing);
   } else if (trusted && !ready) {
      json_object_set(said, "error", json_object_get(answer, "error"));
   }
   json_decref(missing);
   json_decref(answer);
   *status = ready ? 200 : 503;
   return said;
}

/* Numbers of messages of interfaces: NAME_INIFC0, NAME_OUTIFC0, NAME_OUTIFC0_dropped. */
static void add_interfaces(json_t *stats, const char *name, const json_t *list, bool out)
{
   char key[512];
   size_t i;
   json_t *o;
   json_array_foreach((json_t *) list, i, o)
   {
      (void) snprintf(key, sizeof(key), "%s_%sIFC%zu", name, out ? "OUT" : "IN", i);
      json_object_set(stats, key, json_object_get(o, "messages"));
      if (out) {
         (void) snprintf(key, sizeof(key), "%s_OUTIFC%zu_dropped", name, i);
         json_object_set(stats, key, json_object_get(o, "dropped"));
      }
   }
}

char *about_stats(const json_t *modules)
{
   char key[512];
   json_t *stats = json_object(), *m;
   long cores = sysconf(_SC_NPROCESSORS_ONLN);
   size_t i;
   json_array_foreach((json_t *) modules, i, m)
   {
      const char *name = json_string_value(json_object_get(m, "name"));
      if (name == NULL || json_integer_value(json_object_get(m, "pid")) == 0) {
         continue; /* running ones only */
      }
      (void) snprintf(key, sizeof(key), "%s_mem", name);
      json_object_set_new(stats, key,
                          json_real((double) json_integer_value(json_object_get(m, "memory")) / 1000));
      (void) snprintf(key, sizeof(key), "%s_cpu", name); /* percent of the whole machine */
      json_object_set_new(stats, key,
                          json_integer((json_int_t) (json_real_value(json_object_get(m, "cpu")) * 100 /
                                                     (double) (cores > 0 ? cores : 1))));
      add_interfaces(stats, name, json_object_get(m, "inputs"), false);
      add_interfaces(stats, name, json_object_get(m, "outputs"), true);
   }
   json_t *o = json_pack("{s:o}", "stats", stats);
   char *text = json_dumps(o, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(15)), *line = NULL;
   if (text != NULL && asprintf(&line, "%s\n", text) < 0) {
      line = NULL;
   }
   free(text);
   json_decref(o);
   return line;
}

char *about_metrics(struct about *a, const json_t *supervisor)
{
   static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
   const char *text =
       json_string_value(json_is_string(supervisor) ? supervisor : json_object_get(supervisor, "text"));
   struct about_numbers n;
   char *all = NULL;
   size_t size = 0, length = text != NULL ? strlen(text) : 0;
   FILE *to = open_memstream(&all, &size);
   if (to == NULL) {
      return NULL;
   }
   if (length >= 6 && strcmp(text + length - 6, "# EOF\n") == 0) { /* ours stand before the end */
      length -= 6;
   }
   fwrite(text != NULL ? text : "", 1, length, to);
   server_numbers(a->server, &n);
   fputs("# TYPE nemea_page_responses counter\n# HELP nemea_page_responses Responses, by the class of their "
         "status.\n",
         to);
   for (unsigned i = 1; i < 6; i++) {
      fprintf(to, "nemea_page_responses_total{class=\"%s\"} %llu\n", classes[i],
              (unsigned long long) a->answers[i]);
   }
   fprintf(to,
           "# TYPE nemea_page_supervisor_up gauge\n# HELP nemea_page_supervisor_up The supervisor answered "
           "for this scrape.\n"
           "nemea_page_supervisor_up %d\n",
           supervisor != NULL);
   fprintf(to,
           "# TYPE nemea_page_connections gauge\n# HELP nemea_page_connections Open "
           "connections.\nnemea_page_connections %u\n",
           n.connections);
   fprintf(to,
           "# TYPE nemea_page_sessions gauge\n# HELP nemea_page_sessions Sessions.\nnemea_page_sessions %u\n",
           n.sessions);
   fprintf(to,
           "# TYPE nemea_page_browsers gauge\n# HELP nemea_page_browsers Browsers that follow "
           "live.\nnemea_page_browsers %u\n",
           n.browsers);
   fprintf(to,
           "# TYPE nemea_page_connections_closed counter\n# HELP nemea_page_connections_closed Connections "
           "that were closed: too many "
           "without a session, or too slow.\n"
           "nemea_page_connections_closed_total{reason=\"many\"} "
           "%llu\nnemea_page_connections_closed_total{reason=\"slow\"} %llu\n# EOF\n",
           (unsigned long long) n.evicted, (unsigned long long) n.slow);
   return fclose(to) == 0 ? all : NULL;
}
