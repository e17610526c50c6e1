/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * nemea_tap: prints the next records of an output as JSON, one a line, and ends. The supervisor starts it for "supcli tap", so that it need not
 * read records itself. An error is a line {"error": TEXT} and exit status 1.
 */
#include <libtrap/trap.h>
#include <nemea-common/nc_json.h>
#include <nemea-common/nc_text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unirec/ur_layout.h>

#include "values.h"

#define BATCH 64

struct reader {
   trap_ctx_t *ctx;
   uint8_t kind;
   ur_layout_t *layout;
   nc_json_t text;
   unsigned long wanted, got;
   int64_t deadline; /* ms */
};

static int64_t now_ms(void)
{
   struct timespec t;
   (void) clock_gettime(CLOCK_MONOTONIC, &t);
   return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fail(struct reader *r, const char *text)
{
   nc_json_clear(&r->text);
   nc_json_raw(&r->text, "{\"error\": ", 10);
   nc_json_string(&r->text, text, strlen(text));
   printf("%.*s}\n", (int) r->text.length, r->text.data != NULL ? r->text.data : "");
   return EXIT_FAILURE;
}

static const char *read_format(struct reader *r)
{
   const char *format = NULL;
   ur_layout_free(r->layout);
   r->layout = NULL;
   if (trap_ctx_get_data_fmt(r->ctx, TRAPIFC_INPUT, 0, &r->kind, &format) != TRAP_E_OK) {
      return "the format is not known";
   }
   if (r->kind == TRAP_FMT_UNIREC && (r->layout = ur_layout_create(format != NULL ? format : "")) == NULL) {
      return "the format cannot be read";
   }
   return NULL;
}

static void write_record(struct reader *r, const trap_message_t *m)
{
   nc_json_raw(&r->text, "{", 1);
   for (int i = 0; i < ur_layout_count(r->layout); i++) {
      uint16_t length;
      const char *name = ur_layout_name(r->layout, i);
      const void *data = ur_layout_get(r->layout, m->data, i, &length);
      nc_json_raw(&r->text, ", ", i > 0 ? 2 : 0);
      nc_json_string(&r->text, name, strlen(name));
      nc_json_raw(&r->text, ": ", 2);
      value_write_data(&r->text, (uint8_t) ur_layout_type(r->layout, i), data, length, true);
   }
   nc_json_raw(&r->text, "}", 1);
}

static void write_message(struct reader *r, const trap_message_t *m)
{
   nc_json_error_t error;
   nc_json_clear(&r->text);
   if (r->kind == TRAP_FMT_UNIREC) {
      if (!ur_layout_check(r->layout, m->data, m->size)) {
         return;
      }
      write_record(r, m);
   } else if (r->kind != TRAP_FMT_JSON || !nc_json_normalize(&r->text, m->data, m->size, -1, &error)) {
      nc_json_clear(&r->text);
      nc_json_raw(&r->text, "{\"bytes\": ", 10);
      value_write_data(&r->text, UR_TYPE_BYTES, m->data, m->size, true);
      nc_json_raw(&r->text, "}", 1);
   }
   if (r->text.failed == NULL) {
      printf("%.*s\n", (int) r->text.length, r->text.data);
      r->got++;
   }
}

static int read_records(struct reader *r)
{
   trap_message_t messages[BATCH];
   while (r->got < r->wanted) {
      uint32_t n = 0;
      int64_t left = r->deadline - now_ms();
      if (left <= 0) {
         return EXIT_SUCCESS;
      }
      int rc = trap_ctx_recv_within(r->ctx, 0, (int32_t) left * 1000, messages, BATCH, &n);
      const char *wrong = rc == TRAP_E_FORMAT_CHANGED ? read_format(r) : NULL;
      if (wrong != NULL) {
         return fail(r, wrong);
      }
      if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED && rc != TRAP_E_TIMEOUT) {
         return fail(r, trap_ctx_get_last_error_msg(r->ctx));
      }
      for (uint32_t i = 0; i < n && r->got < r->wanted; i++) {
         if (messages[i].size <= 1) {
            return EXIT_SUCCESS; /* end of stream */
         }
         write_message(r, &messages[i]);
      }
   }
   return EXIT_SUCCESS;
}

static unsigned long number(const char *text, unsigned long max)
{
   char *end;
   unsigned long n = strtoul(text, &end, 10);
   return *text >= '0' && *text <= '9' && *end == 0 && n <= max ? n : 0;
}

static void help(FILE *to)
{
   fputs("usage: nemea_tap u:NAME|t:HOST:PORT RECORDS SECONDS\n"
         "\n"
         "Prints the next records of an output as JSON, one a line, and ends: after RECORDS (1 to 10000), or "
         "after SECONDS\n"
         "(1 to 60). \"supcli tap\" starts it.\n"
         "\n"
         "  -h, --help  print this help\n",
         to);
}

int main(int argc, char **argv)
{
   struct reader r = {.kind = TRAP_FMT_UNKNOWN};
   if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
      help(stdout);
      return nc_flush_stdout("nemea_tap") ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   if (argc != 4 || (r.wanted = number(argv[2], 10000)) == 0 || number(argv[3], 60) == 0) {
      help(stderr);
      return 2;
   }
   r.deadline = now_ms() + (int64_t) number(argv[3], 60) * 1000;
   (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
   r.ctx = trap_ctx_init3("nemea_tap", "", 1, 0, argv[1], NULL);
   int status;
   if (r.ctx == NULL || trap_ctx_get_last_error(r.ctx) != TRAP_E_OK) {
      status = fail(&r, r.ctx != NULL ? trap_ctx_get_last_error_msg(r.ctx) : "no memory");
   } else {
      (void) trap_ctx_set_required_fmt(r.ctx, 0, TRAP_FMT_ANY, NULL);
      status = read_records(&r);
   }
   ur_layout_free(r.layout);
   nc_json_free(&r.text);
   (void) trap_ctx_finalize(&r.ctx);
   return nc_flush_stdout("nemea_tap") ? status : EXIT_FAILURE;
}
