/* SPDX-License-Identifier: BSD-3-Clause */
/** What modules say of themselves on their service sockets, and what /proc says of them. Nothing here waits. */
#include "daemon.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS     64 /* of an output that are kept */
#define REQUEST     10
#define ANSWER      12
#define EVERY       1000  /* ms between requests */
#define TIMEOUT     10000 /* ms until an answer is given up */
#define SILENT      10    /* s until it is said that a module does not answer */
#define USAGE_EVERY 900   /* ms between looks at /proc */

void service_close(struct daemon *d, struct module *m)
{
   loop_close(d, &m->service.source);
   free(m->service.answer);
   m->service.answer = NULL;
   m->service.waiting = false;
   for (uint32_t i = 0; i < m->n_ifcs; i++) { /* what no longer answers transfers nothing */
      m->ifcs[i].rate = m->ifcs[i].drop_rate = 0;
   }
}

static uint64_t number(const json_t *o, const char *key, bool *ok)
{
   const json_t *v = json_object_get(o, key);
   *ok &= json_is_integer(v) && json_integer_value(v) >= 0;
   return json_is_integer(v) ? (uint64_t) json_integer_value(v) : 0;
}

void service_free(struct ifc_stats *ifcs, uint32_t n)
{
   for (uint32_t i = 0; i < n && ifcs != NULL; i++) {
      free(ifcs[i].clients);
   }
   free(ifcs);
}

/* Counters of clients are decimal text. */
static uint64_t text_number(const json_t *o, const char *key)
{
   const char *text = json_string_value(json_object_get(o, key));
   return text != NULL && *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : 0;
}

/* Optional: programs built with NEMEA 2 do not have all of it. The first element is about the inputs. */
static bool parse_clients(const json_t *list, struct ifc_stats *s)
{
   bool ok = true;
   size_t n = json_array_size(list);
   n = n > CLIENTS + 1 ? CLIENTS : n > 0 ? n - 1 : 0;
   s->clients = n > 0 ? calloc(n, sizeof(*s->clients)) : NULL;
   for (size_t i = 0; s->clients != NULL && i < n; i++) {
      const json_t *o = json_array_get(list, i + 1);
      s->clients[s->n_clients++] = (struct ifc_client){.id = number(o, "id", &ok),
                                                       .missed = text_number(o, "skipped_messages"),
                                                       .queued = number(o, "backlog_bytes", &ok)};
   }
   return n == 0 || s->clients != NULL;
}

static bool parse_interface(const json_t *o, bool out, struct ifc_stats *s)
{
   bool ok = true, any = true;
   const char *id = json_string_value(json_object_get(o, "ifc_id"));
   uint64_t type = number(o, "ifc_type", &ok);
   s->out = out;
   s->messages = number(o, out ? "sent-messages" : "messages", &ok);
   s->buffers = number(o, "buffers", &ok);
   s->peers = (uint32_t) number(o, out ? "num_clients" : "ifc_state", &ok);
   if (out) {
      s->dropped = number(o, "dropped-messages", &ok);
      s->autoflushes = number(o, "autoflushes", &ok);
      s->queue = number(o, "queue_bytes", &any);
      ok = parse_clients(json_object_get(o, "client_stats_arr"), s) && ok;
   } else {
      s->dropped = number(o, "missed_messages", &any);
   }
   if (!ok || id == NULL || type == 0 || type > 127 || strchr("tufgbT", (int) type) == NULL) {
      return false;
   }
   s->type = (char) type;
   (void) snprintf(s->id, sizeof(s->id), "%s", *id != 0 ? id : "none");
   for (char *p = s->id; *p != 0; p++) { /* lines of the statistics are split at commas and newlines */
      if ((unsigned char) *p < ' ' || *p == ',' || (unsigned char) *p >= 127) {
         *p = '?';
      }
   }
   return true;
}

struct ifc_stats *service_parse(const char *text, size_t length, uint32_t *n)
{
   json_t *root = json_loadb(text, length, 0, NULL), *in = json_object_get(root, "in"),
          *out = json_object_get(root, "out");
   size_t n_in = json_array_size(in), n_out = json_array_size(out);
   bool ok = json_is_array(in) && json_is_array(out) && n_in + n_out <= STATS_INTERFACES;
   struct ifc_stats *list = ok ? calloc(n_in + n_out + 1, sizeof(*list)) : NULL;
   ok = list != NULL;
   for (size_t i = 0; ok && i < n_in + n_out; i++) {
      bool is_out = i >= n_in;
      ok = parse_interface(is_out ? json_array_get(out, i - n_in) : json_array_get(in, i), is_out, &list[i]);
   }
   json_decref(root);
   if (!ok) {
      service_free(list, (uint32_t) (n_in + n_out));
      return NULL;
   }
   *n = (uint32_t) (n_in + n_out);
   return list;
}

static double per_second(uint64_t before, uint64_t after, uint64_t ms)
{
   return after > before ? (double) (after - before) * 1000 / (double) ms : 0;
}

/* Since the answer before, if that was of the same process. */
static void set_rates(const struct module *m, struct ifc_stats *ifcs, uint32_t n, uint64_t now)
{
   uint64_t ms = now - m->service.taken;
   for (uint32_t i = 0; m->service.taken != 0 && ms > 0 && i < n && i < m->n_ifcs; i++) {
      const struct ifc_stats *before = &m->ifcs[i];
      if (before->out == ifcs[i].out && before->type == ifcs[i].type) {
         ifcs[i].rate = per_second(before->messages, ifcs[i].messages, ms);
         ifcs[i].drop_rate = per_second(before->dropped, ifcs[i].dropped, ms);
      }
   }
}

/* \return false: to be closed */
static bool take_answer(struct daemon *d, struct module *m)
{
   struct service *s = &m->service;
   s->waiting = false;
   s->got = 0;
   size_t length = strnlen(s->answer, s->size);
   uint32_t n = 0;
   struct ifc_stats *ifcs = service_parse(s->answer, length, &n);
   free(s->answer);
   s->answer = NULL;
   if (ifcs != NULL) {
      set_rates(m, ifcs, n, d->now);
      service_free(m->ifcs, m->n_ifcs);
      m->ifcs = ifcs;
      m->n_ifcs = n;
      s->taken = d->now;
      s->silent = 0;
   }
   if (ifcs == NULL) {
      journal_event(d, EVENT_ERROR, m, "Module %s: its statistics cannot be read.", m->name);
   } else if (m->plan.state == STATE_STARTING) {
      m->plan.state = STATE_READY;
      journal_event(d, EVENT_READY, m, "Connected to module %s.", m->name);
   }
   return ifcs != NULL;
}

/* \return false: to be closed */
static bool read_answer(struct daemon *d, struct module *m)
{
   struct service *s = &m->service;
   bool header = s->answer == NULL;
   ssize_t n = header ? recv(s->source.fd, s->header + s->got, sizeof(s->header) - s->got, MSG_DONTWAIT)
                      : recv(s->source.fd, s->answer + s->got, s->size - s->got, MSG_DONTWAIT);
   if (n <= 0) {
      return n < 0 && (errno == EAGAIN || errno == EINTR);
   }
   if (!s->waiting) {
      return false; /* nobody asked */
   }
   s->got += (size_t) n;
   if (!header) {
      return s->got < s->size || take_answer(d, m);
   }
   if (s->got < sizeof(s->header)) {
      return true;
   }
   uint32_t size;
   memcpy(&size, s->header + 4, sizeof(size));
   if (s->header[0] != ANSWER || size == 0 || size > STATS_REPLY) {
      return false;
   }
   s->answer = malloc(size);
   s->size = size;
   s->got = 0;
   return s->answer != NULL;
}

static void service_ready(struct daemon *d, struct source *source, uint32_t events)
{
   struct module *m = (struct module *) ((char *) source - offsetof(struct module, service.source));
   if (!read_answer(d, m)) {
      service_close(d, m);
   }
}

static bool connect_to(struct daemon *d, struct module *m)
{
   char name[64], why[SOCKET_REASON_SIZE];
   struct ucred peer;
   socklen_t size = sizeof(peer);
   (void) snprintf(name, sizeof(name), "service_%d", (int) m->pid);
   int fd = socket_connect(&d->dirs, name, why);
   if (fd < 0) {
      return false;
   }
   m->service.source = (struct source){.fd = fd, .ready = service_ready};
   if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid != m->pid ||
       !loop_add(d, &m->service.source, EPOLLIN)) {
      close(fd);
      m->service.source.fd = -1;
      return false;
   }
   return true;
}

/* A module that was ready and answers no more hangs. Only seconds in which this program ran and waited count, so that it does not
 * blame modules after the machine or itself was stopped. */
static void watch_silence(struct daemon *d, struct module *m)
{
   struct service *s = &m->service;
   uint32_t first = d->watchdog > 0 && d->watchdog < SILENT ? d->watchdog : SILENT;
   if (m->plan.state != STATE_READY || d->now - s->counted < EVERY || !s->waiting) {
      return;
   }
   s->counted = d->now;
   s->silent++;
   if (d->watchdog > 0 && s->silent == d->watchdog) {
      journal_event(d, EVENT_ERROR, m, "Module %s (PID: %d) has not answered for %u s, it is killed.",
                    m->name, (int) m->pid, s->silent);
      spawn_signal(d, m, SIGKILL);
   } else if (s->silent == first) {
      journal_event(d, EVENT_ERROR, m, "Module %s (PID: %d) has not answered for %u s.", m->name,
                    (int) m->pid, s->silent);
   }
}

void service_tick(struct daemon *d, struct module *m)
{
   static const uint8_t request[8] = {REQUEST};
   struct service *s = &m->service;
   if (!m->plan.alive || m->config == NULL || m->config->n_interfaces == 0) {
      return;
   }
   watch_silence(d, m);
   if (s->waiting) {
      if (d->now - s->asked > TIMEOUT) {
         service_close(d, m);
      }
      return;
   }
   if (m->plan.state != STATE_STARTING && d->now - s->asked < EVERY) {
      return;
   }
   if (s->source.fd < 0 && !connect_to(d, m)) {
      return;
   }
   s->asked = d->now;
   s->got = 0;
   s->waiting = send(s->source.fd, request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(request);
   if (!s->waiting) {
      service_close(d, m);
   }
}

static uint64_t all_ticks(void)
{
   uint64_t sum = 0;
   unsigned long long v[10] = {0};
   FILE *f = fopen("/proc/stat", "re");
   if (f != NULL) {
      char line[512], *p = fgets(line, sizeof(line), f), *end;
      for (size_t i = 0; p != NULL && i < 8; i++) { /* the last two are in others already */
         p = i == 0 ? line + 4 : end;
         v[i] = strtoull(p, &end, 10);
         sum += v[i];
      }
      (void) fclose(f);
   }
   return sum;
}

static void read_module(struct module *m, uint64_t ticks, uint64_t now)
{
   char path[64], text[1024];
   (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) m->pid);
   FILE *f = fopen(path, "re");
   if (f == NULL) {
      return;
   }
   size_t n = fread(text, 1, sizeof(text) - 1, f);
   (void) fclose(f);
   text[n] = 0;
   char *p = strrchr(text, ')'), *rest = NULL;
   unsigned long long field[25] = {0};
   p = p != NULL && p[1] != 0 ? strtok_r(p + 2, " ", &rest) : NULL;
   for (int i = 3; p != NULL && i < 25; i++, p = strtok_r(NULL, " ", &rest)) {
      field[i] = strtoull(p, NULL, 10);
   }
   bool first = m->cpu_read == 0;
   if (ticks > 0 && !first && field[14] >= m->cpu_user && field[15] >= m->cpu_system) {
      m->cpu_user_percent = (uint32_t) ((field[14] - m->cpu_user) * 100 / ticks);
      m->cpu_system_percent = (uint32_t) ((field[15] - m->cpu_system) * 100 / ticks);
   }
   uint64_t used = field[14] + field[15], before = m->cpu_user + m->cpu_system;
   if (m->cpu_read != 0 && now > m->cpu_read && used >= before) {
      m->cpu = (double) (used - before) * 1000 / (double) sysconf(_SC_CLK_TCK) / (double) (now - m->cpu_read);
   }
   m->cpu_read = now;
   m->cpu_user = field[14];
   m->cpu_system = field[15];
   m->virtual_bytes = field[23];
   m->resident_bytes = field[24] * (uint64_t) sysconf(_SC_PAGESIZE);
}

void service_read_usage(struct daemon *d)
{
   if (d->now - d->usage_read < USAGE_EVERY && d->usage_read != 0) {
      return; /* ticks of the kernel are too coarse for shorter times */
   }
   d->usage_read = d->now;
   uint64_t all = all_ticks(), ticks = all - d->cpu_total;
   d->cpu_total = all;
   for (uint32_t i = 0; i < d->n_modules; i++) {
      if (d->modules[i]->plan.alive) {
         read_module(d->modules[i], ticks, d->now);
      }
   }
}
