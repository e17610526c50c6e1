/* SPDX-License-Identifier: BSD-3-Clause */
#include "source.h"
#include "programs.h"
#include "cli.h"

#include <collector/recognise.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libtrap/trap.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unirec/unirec.h>
#include <unistd.h>

#define MAX_ARGUMENTS 65536
#define MAX_COLLECTOR 4096     /* of flow_collector's */
#define MAX_PATHS     0x100000 /* bytes of them in a command line; the kernel takes 2 MB */
#define HEAD          64

static bool is_capture(const uint8_t *head)
{
   static const uint8_t magics[][4] = {
       {0xa1, 0xb2, 0xc3, 0xd4}, {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d}, {0x4d, 0x3c, 0xb2, 0xa1},
       {0x0a, 0x0d, 0x0d, 0x0a}, {0x28, 0xb5, 0x2f, 0xfd}, {0x04, 0x22, 0x4d, 0x18}};
   if (memcmp(head, "\x1f\x8b", 2) == 0 || memcmp(head, "BZh", 3) == 0 ||
       memcmp(head,
              "\xfd"
              "7zXZ",
              5) == 0) { /* the meter finds out whether it is a capture */
      return true;
   }
   for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
      if (memcmp(head, magics[i], 4) == 0) {
         return true;
      }
   }
   return false;
}

static bool has_suffix(const char *path, const char *suffix)
{
   size_t n = strlen(path), m = strlen(suffix);
   return n >= m && strcmp(path + n - m, suffix) == 0;
}

bool source_is_stream(const char *path)
{
   struct stat st;
   return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/* "ipaddr DST_IP,...": the types of UniRec and names. */
static bool is_title(const char *text)
{
   size_t n = strcspn(text, " *");
   for (int type = 0; type < UR_COUNT_OF_TYPES && text[n] != 0; type++) {
      if (strncmp(text, ur_field_type_str[type], n) == 0 && strcspn(ur_field_type_str[type], "*") == n) {
         return true;
      }
   }
   return false;
}

/* "compressed with gzip: try ...", "" for what is none of these. */
static const char *other_kind(const uint8_t *head, size_t n, const char **pipe)
{
   static const struct {
      const char *magic;
      size_t size;
      const char *name, *pipe;
   } kinds[] = {{"\x1f\x9d", 2, "compressed with compress", "zcat"},
                {"PK\x03\x04", 4, "a ZIP archive", "unzip -p"},
                {"7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive", "7z x -so"}};
   for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
      if (n >= kinds[i].size && memcmp(head, kinds[i].magic, kinds[i].size) == 0) {
         *pipe = kinds[i].pipe;
         return kinds[i].name;
      }
   }
   return "";
}

static bool is_flow_file(const char *path)
{
   return has_suffix(path, ".trapcap") || strstr(path, ".trapcap.") != NULL;
}

enum source_kind source_kind_of(const char *path, char *why, size_t size)
{
   static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
   uint8_t head[HEAD] = {0};
   if (source_is_stream(path)) { /* it can be read only once: not here */
      return SOURCE_CAPTURE;
   }
   int fd = open(path, O_RDONLY | O_CLOEXEC);
   ssize_t n = fd >= 0 ? read(fd, head, sizeof(head) - 1) : -1;
   if (n < 0) {
      snprintf(why, size, "%s: %s", path, strerror(errno));
   }
   if (fd >= 0) {
      close(fd);
   }
   if (n < 0) {
      return SOURCE_BAD;
   }
   if (n >= 4 && is_capture(head)) {
      return memcmp(head, zstd, sizeof(zstd)) == 0 && is_flow_file(path) ? SOURCE_FLOWS
             : fc_is_export_file(path)                                   ? SOURCE_EXPORT
                                                                         : SOURCE_CAPTURE;
   }
   if (n >= 4 && head[0] == 0 && head[1] == 10 && fc_is_export_file(path)) {
      return SOURCE_EXPORT;
   }
   if (is_title((const char *) head)) {
      return SOURCE_CSV;
   }
   const char *pipe = NULL, *other = other_kind(head, (size_t) n, &pipe);
   if (pipe != NULL) {
      snprintf(why, size, "%s: %s; try %s FILE | nemea analyze -", path, other, pipe);
      return SOURCE_BAD;
   }
   if (is_flow_file(path) && n > 0) {
      return SOURCE_FLOWS;
   }
   snprintf(why, size, "%s: %s (expected pcap, pcapng, .trapcap, an IPFIX file or the CSV of logger -t)",
            path, n == 0 ? "the file is empty" : "neither a capture nor flow records");
   return SOURCE_BAD;
}

unsigned source_take(const char *const *files, const enum source_kind *kinds, unsigned n, unsigned from,
                     struct source_job *job)
{
   job->kind = kinds[from];
   job->files = files + from;
   unsigned to = from + 1;
   size_t bytes = strlen(files[from]);
   unsigned most = job->kind == SOURCE_CAPTURE  ? MAX_ARGUMENTS / 4
                   : job->kind == SOURCE_EXPORT ? MAX_COLLECTOR / 4
                                                : 1;
   while (to < n && to - from < most && kinds[to] == job->kind && bytes + strlen(files[to]) < MAX_PATHS) {
      bytes += strlen(files[to++]);
   }
   job->n_files = to - from;
   return to;
}

static char *format_of_csv(const char *path)
{
   char *line = NULL;
   size_t size = 0;
   FILE *file = fopen(path, "re");
   ssize_t n = file != NULL ? getline(&line, &size, file) : -1;
   if (file != NULL) {
      fclose(file);
   }
   if (n < 0) {
      free(line);
      return NULL;
   }
   line[strcspn(line, "\r\n")] = 0;
   return line;
}

char *source_quote(const char *path, char *to, size_t size)
{
   size_t n = 0;
   for (; *path != 0 && n + 3 < size; path++) {
      if (strchr(",:\\$~*?[]", *path) != NULL) {
         to[n++] = '\\';
      }
      to[n++] = *path;
   }
   to[n] = 0;
   return to;
}

static char *format_of_records(const char *path)
{
   char spec[2 * PATH_MAX + 8], quoted[2 * PATH_MAX];
   const void *data;
   const char *text = NULL;
   uint16_t size;
   uint8_t type = 0;
   snprintf(spec, sizeof(spec), "f:%s", source_quote(path, quoted, sizeof(quoted)));
   trap_ctx_t *ctx = trap_ctx_init3("format", "", 1, 0, spec, NULL);
   if (ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK) {
      trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_UNIREC, "");
      int rc = trap_ctx_recv(ctx, 0, &data, &size);
      if (rc == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED) {
         trap_ctx_get_data_fmt(ctx, TRAPIFC_INPUT, 0, &type, &text);
      }
   }
   char *format = text != NULL ? strdup(text) : NULL;
   trap_ctx_finalize(&ctx);
   return format;
}

char *source_format(const char *path, enum source_kind kind)
{
   return kind == SOURCE_CSV ? format_of_csv(path) : kind == SOURCE_FLOWS ? format_of_records(path) : NULL;
}

/* -------------------------------------------------------------- relay of files */

/* Reads a file of flow records and sends it on, in a process of its own. */
static int relay(void *context)
{
   const struct source_job *job = context;
   char spec[2 * PATH_MAX + 128], quoted[2 * PATH_MAX];
   const void *data;
   uint16_t size;
   snprintf(spec, sizeof(spec), "f:%s,u:flows:min_clients=%u:timeout=WAIT",
            source_quote(job->files[0], quoted, sizeof(quoted)), job->readers);
   trap_ctx_t *ctx = trap_ctx_init3("relay", "", 1, 1, spec, NULL);
   if (ctx == NULL || trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      nc_text_line(stderr, "", "%s", ctx != NULL ? trap_ctx_get_last_error_msg(ctx) : "out of memory");
      return EXIT_FAILURE;
   }
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_UNIREC, "");
   for (;;) {
      int rc = trap_ctx_recv(ctx, 0, &data, &size);
      if (rc == TRAP_E_FORMAT_CHANGED) {
         const char *format = NULL;
         uint8_t type = 0;
         trap_ctx_get_data_fmt(ctx, TRAPIFC_INPUT, 0, &type, &format);
         trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_UNIREC, format);
      } else if (rc != TRAP_E_OK) {
         nc_text_line(stderr, "", "%s: %s", job->files[0], trap_ctx_get_last_error_msg(ctx));
         return EXIT_FAILURE;
      }
      if (size <= 1) {
         break;
      }
      trap_ctx_send(ctx, 0, data, size);
   }
   if (job->last) {
      trap_ctx_send(ctx, 0, "", 1);
   }
   trap_ctx_finalize(&ctx);
   return EXIT_SUCCESS;
}

/* -------------------------------------------------------------------- programs */

static bool start(struct process *p, const char *program, char **argv, bool report, char *why, size_t size)
{
   char path[4096];
   if (!program_find(program, path, sizeof(path))) {
      snprintf(why, size, "%s: module not found beside nemea (or in $NEMEA_BIN)", program);
      return false;
   }
   if (!process_start(p, path, argv, report)) {
      snprintf(why, size, "%s: %s", program, strerror(errno));
      return false;
   }
   return true;
}

static bool start_meter(const struct source_job *job, struct process *p, char *interfaces, char *plugins,
                        char *why, size_t size)
{
   static char *argv[MAX_ARGUMENTS]; /* too large for the stack */
   memcpy(argv, (char *[]){"flow_meter", "-i", interfaces, "-p", plugins, "--tunnels", "inner"},
          7 * sizeof(*argv));
   char number[8], since[24], until[24];
   unsigned n = 7;
   argv[n++] = "--direction=tcp";
   if (job->interface != NULL) {
      argv[n++] = "--early";
      argv[n++] = "-I";
      argv[n++] = (char *) (uintptr_t) job->interface;
      argv[n++] = "-t"; /* for users who watch: alerts are sent during the attack, not after it */
      argv[n++] = "60:30";
   }
   for (unsigned i = 0; i < job->n_files && job->interface == NULL; i++) {
      argv[n++] = "-r";
      argv[n++] = (char *) (uintptr_t) job->files[i];
   }
   if (job->filter != NULL) {
      argv[n++] = "-F";
      argv[n++] = (char *) (uintptr_t) job->filter;
   }
   snprintf(since, sizeof(since), "%" PRIu64, job->since);
   snprintf(until, sizeof(until), "%" PRIu64, job->until);
   if (job->since != 0 || job->until != 0) {
      argv[n++] = "--since";
      argv[n++] = since;
      argv[n++] = "--until";
      argv[n++] = until;
   }
   snprintf(number, sizeof(number), "%d", PROCESS_REPORT);
   bool reports = job->n_plugins == 0;
   if (reports) {
      argv[n++] = "--progress";
      argv[n++] = number;
   }
   if (job->interface == NULL && !job->last) {
      argv[n++] = "-n";
   }
   argv[n] = NULL;
   return start(p, "flow_meter", argv, reports, why, size);
}

/* Appends to a text what fits. */
static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...)
{
   size_t n = strlen(text);
   va_list ap;
   va_start(ap, format);
   vsnprintf(text + n, size - n, format, ap);
   va_end(ap);
}

/* Exporters' flows, each to the outputs that it has the fields of. One process has all outputs: a port cannot be read by two. */
static bool start_collector(const struct source_job *job, struct process *p, char *why, size_t size)
{
   char interfaces[(SOURCE_PLUGINS_MAX + 1) * 80] = "";
   char *argv[MAX_COLLECTOR] = {"flow_collector", "-i", interfaces, "-f",
                                job->format != NULL ? (char *) (uintptr_t) job->format
                                                    : "basic,?SAMPLING_RATE"};
   unsigned n = 5;
   const char *soon = job->collect != NULL ? ":" SOURCE_SOON : "";
   append(interfaces, sizeof(interfaces), "u:flows:min_clients=%u:timeout=WAIT%s", job->readers, soon);
   for (unsigned i = 0; i < job->n_plugins; i++) {
      append(interfaces, sizeof(interfaces), ",u:%s:min_clients=%u:timeout=WAIT%s", job->plugins[i].socket,
             job->plugins[i].readers, soon);
      argv[n++] = "-f";
      argv[n++] = (char *) (uintptr_t) job->plugins[i].format;
   }
   for (unsigned i = 0; i < job->n_files && job->collect == NULL; i++) {
      argv[n++] = "-r";
      argv[n++] = (char *) (uintptr_t) job->files[i];
   }
   if (job->collect != NULL) {
      argv[n++] = "-u";
      argv[n++] = (char *) (uintptr_t) job->collect;
      argv[n++] = "-t";
      argv[n++] = (char *) (uintptr_t) job->collect;
   } else if (!job->last) {
      argv[n++] = "-n";
   }
   argv[n] = NULL;
   return start(p, "flow_collector", argv, false, why, size);
}

void source_need(struct source_plugins *p, const char *fields, bool optional)
{
   static const char basic[] =
       ",SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,PACKETS,BYTES,PACKETS_REV,BYTES_REV,"
       "TIME_FIRST,TIME_LAST,TCP_FLAGS,TCP_FLAGS_REV,DIR_BIT_FIELD,SRC_MAC,DST_MAC,"
       "LINK_BIT_FIELD,";
   char name[128], with[sizeof(p->format) + 128];
   bool any = false;
   if (p->format[0] == 0) {
      append(p->format, sizeof(p->format), "basic");
   }
   for (const char *f = fields; f != NULL && *f != 0; f += *f == ',') {
      f += strcspn(f, " ");
      f += strspn(f, " ");
      snprintf(name, sizeof(name), ",%.*s,", (int) strcspn(f, ","), f);
      f += strcspn(f, ",");
      snprintf(with, sizeof(with), ",%s,", p->format);
      bool plugin = strstr(basic, name) == NULL;
      any |= plugin;
      if (plugin && strstr(with, name) == NULL) {
         append(p->format, sizeof(p->format), ",%s%.*s", optional ? "?" : "", (int) strlen(name) - 2,
                name + 1);
      }
   }
   /* The other fields of the plugins; if the reader names none, a record must have them all, as a record of flow_meter does. */
   for (const char *n = p->names; *n != 0; n += *n == '+') {
      size_t length = strcspn(n, "+");
      snprintf(name, sizeof(name), "plugin:%.*s", (int) length, n);
      if (strstr(p->format, name) == NULL) {
         append(p->format, sizeof(p->format), ",%s%s",
                any || optional || n[length] == '+' || n != p->names ? "?" : "", name);
      }
      n += length;
   }
}

bool source_is_one(const struct source_job *job)
{
   return job->collect != NULL || (job->interface == NULL && job->kind == SOURCE_EXPORT);
}

bool source_start(struct source_job *job, struct process *p, char *why, size_t size)
{
   char interfaces[(SOURCE_PLUGINS_MAX + 1) * 80] = "", plugins[(SOURCE_PLUGINS_MAX + 1) * 64] = "";
   if (source_is_one(job)) {
      return start_collector(job, p, why, size);
   }
   const char *soon = job->interface != NULL || job->follow ? ":" SOURCE_SOON : "";
   if (job->n_plugins == 0) {
      append(interfaces, sizeof(interfaces), "u:flows:min_clients=%u:timeout=WAIT%s", job->readers, soon);
      append(plugins, sizeof(plugins), "basic");
   }
   if (job->interface != NULL || job->kind == SOURCE_CAPTURE) {
      for (unsigned i = 0; i < job->n_plugins; i++) {
         append(interfaces, sizeof(interfaces), "%su:%s:min_clients=%u:timeout=WAIT%s", i > 0 ? "," : "",
                job->plugins[i].socket, job->plugins[i].readers, soon);
         append(plugins, sizeof(plugins), "%s%s", i > 0 ? "," : "", job->plugins[i].names);
      }
      return start_meter(job, p, interfaces, plugins, why, size);
   }
   switch (job->kind) {
   case SOURCE_CSV: {
      char *argv[] = {"logreplay",
                      "-d",
                      "-i",
                      interfaces,
                      "-f",
                      (char *) (uintptr_t) job->files[0],
                      job->last ? NULL : "-n",
                      NULL};
      return start(p, "logreplay", argv, false, why, size);
   }
   case SOURCE_FLOWS:
      if (process_fork(p, job->files[0], relay, job)) {
         return true;
      }
      snprintf(why, size, "%s", strerror(errno));
      return false;
   default:
      job->unreadable = true;
      source_kind_of(job->files[0], why, size);
      return false;
   }
}
