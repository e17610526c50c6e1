/* SPDX-License-Identifier: BSD-3-Clause */
/** json_dump: prints JSON messages, one a line. */
#include <errno.h>
#include <nemea-common/nc_json.h>
#include <nemea/module.h>
#include <stdlib.h>

#include "tcp.h"

#define BUFFER_SIZE (1u << 18)
#define MAX_INDENT  1024

struct json_dump {
   bool no_flush, verbose;
   const char *write_path, *append_path, *target;
   int64_t indent; /* negative: one line */

   FILE *file;
   const char *path; /* of the file; NULL: standard output */
   struct tcp tcp;
   nc_json_t text;
   uint64_t skipped;
};

static const nm_option_t options[] = {
    NM_I64('I', "indent", struct json_dump, indent, -1, -1, MAX_INDENT,
           "Print each value on its own line, indented by this many spaces per level; -1: a message is "
           "one line."),
    NM_FLAG(0, "verbose", struct json_dump, verbose,
            "Print the format, each message and the end of stream (as -v)."),
    NM_FLAG(0, "noflush", struct json_dump, no_flush,
            "Write only when the buffer is full, not whenever no message is waiting."),
    NM_STRING('w', "write", struct json_dump, write_path, NULL, "Write to this file, truncated first."),
    NM_STRING('a', "append", struct json_dump, append_path, NULL, "Append to this file."),
    NM_STRING('s', "send", struct json_dump, target, NULL,
              "Send to HOST:PORT or [ADDRESS]:PORT over TCP; connects again every 5 seconds."),
    NM_END,
};

static bool stopping(void *m)
{
   return nm_stopping(m);
}

static int check(nm_module_t *m)
{
   struct json_dump *self = nm_self(m);
   self->verbose |= nm_verbosity(m) >= 0;
   self->tcp = (struct tcp){.fd = -1, .retry_ms = 5000, .stopping = stopping, .arg = m};
   if ((self->write_path != NULL) + (self->append_path != NULL) + (self->target != NULL) > 1) {
      return nm_fail_status(m, 2, "options -w, -a and -s exclude each other");
   }
   if (self->target != NULL && !tcp_parse(&self->tcp, self->target)) {
      return nm_fail(m, "Error: malformed argument of -s host:port: \"%s\"", self->target);
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct json_dump *self = nm_self(m);
   nm_counter(m, "skipped", &self->skipped);
   self->path = self->write_path != NULL ? self->write_path : self->append_path;
   self->file = self->path == NULL ? stdout : fopen(self->path, self->write_path != NULL ? "we" : "ae");
   if (self->file == NULL) {
      return nm_fail(m, "cannot open file %s: %s", self->path, strerror(errno));
   }
   setvbuf(self->file, NULL, _IOFBF, BUFFER_SIZE);
   return self->target == NULL || tcp_connect(&self->tcp) ? NM_OK : NM_STOP;
}

static int cannot_write(nm_module_t *m)
{
   const struct json_dump *self = nm_self(m);
   return nm_fail(m, "cannot write to %s: %s", self->path != NULL ? self->path : "standard output",
                  strerror(errno));
}

static int format(nm_module_t *m, uint32_t input)
{
   const struct json_dump *self = nm_self(m);
   if (self->verbose) {
      printf("Data format: %s\n", nm_in_format(m, input) != NULL ? nm_in_format(m, input) : "");
   }
   return NM_OK;
}

static int dump(nm_module_t *m, const nm_record_t *rec)
{
   struct json_dump *self = nm_self(m);
   nc_json_error_t error;
   nc_json_clear(&self->text);
   if (!nc_json_normalize(&self->text, rec->data, rec->size, (int) self->indent, &error)) {
      self->skipped++;
      nm_warn(m, "ERROR: Received invalid JSON (message skipped): byte %zu: %s", error.offset, error.reason);
      return NM_OK;
   }
   nc_json_raw(&self->text, "\n", 1);
   if (self->verbose) {
      printf("Message: %.*s", (int) self->text.length, self->text.data);
   }
   if (self->target != NULL) {
      return tcp_send(&self->tcp, self->text.data, self->text.length) ? NM_OK : NM_STOP;
   }
   return fwrite(self->text.data, self->text.length, 1, self->file) == 1 ? NM_OK : cannot_write(m);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      rc = dump(m, &recs[i]);
   }
   return rc;
}

static int idle(nm_module_t *m)
{
   const struct json_dump *self = nm_self(m);
   return self->no_flush || fflush(self->file) == 0 ? NM_OK : cannot_write(m);
}

static int end_of_input(nm_module_t *m, uint32_t input)
{
   const struct json_dump *self = nm_self(m);
   (void) input;
   if (self->verbose) {
      puts("Received \"end-of-stream\" message, going to quit.");
   }
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct json_dump *self = nm_self(m);
   if (self->path == NULL) {
      return NM_OK; /* the library writes out what standard output holds */
   }
   FILE *file = self->file;
   self->file = NULL;
   return fclose(file) == 0 ? NM_OK : cannot_write(m);
}

static void cleanup(nm_module_t *m)
{
   struct json_dump *self = nm_self(m);
   if (self->path != NULL && self->file != NULL) {
      fclose(self->file);
   }
   tcp_close(&self->tcp);
   nc_json_free(&self->text);
}

NM_MODULE("json_dump", "Prints JSON messages, one a line, to standard output, a file or a TCP server.",
          .in = NM_INPUTS({"messages", .data = NM_JSON}), .options = options,
          .state_size = sizeof(struct json_dump), .option_status = 2, .check = check, .init = init,
          .format = format, .records = records, .idle = idle, .end_of_input = end_of_input, .finish = finish,
          .cleanup = cleanup)
