/* SPDX-License-Identifier: BSD-3-Clause */
/** Flows to lines of text, for people. */
#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unirec/unirec2csv.h>
#include <unistd.h>

#define BUFFER   (256 * 1024)        /* lines are written together */
#define MAX_LINE (2 * UR_MAX_SIZE)   /* of one extension, escapes included */
#define ROOM     (BUFFER - MAX_LINE) /* a buffer filled beyond this is written */

/* The file of all text sinks. */
static struct {
   pthread_mutex_t lock;
   int fd;
} file = {PTHREAD_MUTEX_INITIALIZER, -1};

struct text_sink {
   struct flow_sink sink;
   const struct flow_sink_config *config;
   struct plugin_fields *fields;
   struct plugin_record *record;
   char *buffer;
   size_t used;
   uint64_t lines; /* in the buffer */
   /* The second that was last turned into text. */
   time_t second;
   char second_text[32];
};

int text_sink_open(const struct flow_sink_config *config)
{
   const char *heading = config->text_no_mac ? "conversation packets bytes tcp-flags time extensions\n"
                                             : "mac conversation packets bytes tcp-flags time extensions\n";
   bool standard = config->text_file == NULL || strcmp(config->text_file, "-") == 0;
   file.fd =
       standard ? STDOUT_FILENO : open(config->text_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
   if (file.fd < 0 ||
       sink_write(config->module, file.fd, heading, strlen(heading), true) != strlen(heading)) {
      return nm_fail(config->module, "cannot write %s: %s", standard ? "standard output" : config->text_file,
                     strerror(errno));
   }
   return NM_OK;
}

static void flush(struct flow_sink *sink, uint64_t now)
{
   struct text_sink *s = (struct text_sink *) sink;
   (void) now;
   if (s->used == 0) {
      return;
   }
   pthread_mutex_lock(&file.lock);
   size_t n = sink_write(s->config->module, file.fd, s->buffer, s->used, true);
   int error = errno;
   pthread_mutex_unlock(&file.lock);
   if (n < s->used) {
      s->sink.dropped += s->lines;
      s->sink.result = error == EAGAIN
                           ? NM_STOP
                           : nm_fail(s->config->module, "cannot write %s: %s",
                                     s->config->text_file != NULL ? s->config->text_file : "standard output",
                                     strerror(error));
   }
   s->used = s->lines = 0;
}

__attribute__((format(printf, 2, 3))) static void print(struct text_sink *s, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   int n = vsnprintf(s->buffer + s->used, BUFFER - s->used, format, ap);
   va_end(ap);
   s->used += n > 0 && (size_t) n < BUFFER - s->used ? (size_t) n : 0;
}

static void print_mac(struct text_sink *s, const uint8_t *m)
{
   print(s, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static void print_end(struct text_sink *s, const struct flow *f, const uint8_t *ip, uint16_t port)
{
   char text[INET6_ADDRSTRLEN] = "";
   bool v4 = f->ip_version == 4;
   inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 8 : ip, text, sizeof(text));
   print(s, v4 ? "%s:%u" : "[%s]:%u", text, port);
}

static void print_time(struct text_sink *s, uint64_t ns)
{
   time_t second = (time_t) (ns / NS);
   struct tm tm;
   if (second != s->second || s->second_text[0] == 0) {
      strftime(s->second_text, sizeof(s->second_text), "%Y-%m-%dT%H:%M:%S", localtime_r(&second, &tm));
      s->second = second;
   }
   print(s, "%s.%06" PRIu64, s->second_text, ns % NS / 1000);
}

static void print_extension(struct text_sink *s, const struct flow_plugin *plugin,
                            const struct plugin_fields *f, const void *ext, unsigned index)
{
   plugin->fill(ext, index, f->tmplt, plugin_record_begin(f->tmplt, s->record));
   plugin_record_end(f->tmplt, s->record);
   for (unsigned i = 0; i < f->n; i++) {
      if (s->used > ROOM) {
         flush(&s->sink, 0);
      }
      print(s, "%s%s=", i == 0 ? " " : ",", ur_get_name(f->ids[i]));
      int n = urcsv_field(s->buffer + s->used, (uint32_t) (BUFFER - s->used), s->record->bytes, f->ids[i],
                          f->tmplt);
      s->used += n > 0 && (size_t) n < BUFFER - s->used ? (size_t) n : 0;
   }
}

static void export(void *sink, const struct flow *f, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct text_sink *s = sink;
   sink_count_flow(&s->sink, f, reason);
   if (s->used > ROOM) {
      flush(&s->sink, 0);
   }
   if (!s->config->text_no_mac) {
      print_mac(s, f->src_mac);
      print(s, "->");
      print_mac(s, f->dst_mac);
      print(s, " ");
   }
   print(s, "%2u@", f->protocol);
   print_end(s, f, f->src_ip, f->src_port);
   print(s, "->");
   print_end(s, f, f->dst_ip, f->dst_port);
   print(s, " %" PRIu32 "->%" PRIu32 " %" PRIu64 "->%" PRIu64 " %02x->%02x ", f->packets, f->packets_rev,
         f->bytes, f->bytes_rev, f->tcp_flags, f->tcp_flags_rev);
   print_time(s, f->first);
   print(s, "->");
   print_time(s, f->last);
   for (unsigned p = 0; p < s->config->n_plugins; p++) {
      const struct flow_plugin *plugin = s->config->plugins[p];
      unsigned n = (f->plugins >> p & 1) == 0 ? 0 : plugin->records != NULL ? plugin->records(ext[p]) : 1;
      for (unsigned i = 0; i < n; i++) {
         print_extension(s, plugin, &s->fields[p], ext[p], i);
      }
   }
   print(s, "\n");
   s->lines++;
}

/* Some file systems report a full disk only now. */
static int finish(struct flow_sink *sink)
{
   const struct text_sink *s = (struct text_sink *) sink;
   int fd = file.fd;
   file.fd = -1;
   if (fd > STDERR_FILENO && close(fd) != 0) {
      return nm_fail(s->config->module, "cannot write %s: %s", s->config->text_file, strerror(errno));
   }
   return NM_OK;
}

static void close_sink(struct flow_sink *sink)
{
   struct text_sink *s = (struct text_sink *) sink;
   plugin_fields_free(s->fields, s->config->n_plugins);
   free(s->record);
   free(s->buffer);
   free(s);
}

struct flow_sink *text_sink_new(const struct flow_sink_config *config)
{
   struct text_sink *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      nm_fail(config->module, "out of memory for the text output");
      return NULL;
   }
   s->sink = (struct flow_sink){.export = export, .flush = flush, .finish = finish, .close = close_sink};
   s->config = config;
   s->fields = plugin_fields_new(config);
   s->record = malloc(sizeof(*s->record));
   s->buffer = malloc(BUFFER);
   if (s->fields == NULL || s->record == NULL || s->buffer == NULL) {
      close_sink(&s->sink);
      return NULL;
   }
   return &s->sink;
}
