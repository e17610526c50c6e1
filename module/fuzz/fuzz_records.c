/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: what senders control. Formats and messages of two inputs go through the kit: templates, outputs that follow, bound
 * fields, biflow halves, stream time, ends of stream.
 *
 * The input is a sequence of: one byte, whose lowest bit is the input and whose next bits say what comes; one byte of length; as many
 * bytes.
 */
#include "internal.h"

#include <nemea/module_test.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
   nm_field_t fields[3];
   uint64_t sum;
};

static int init(nm_module_t *m)
{
   static const char *const names[] = {"A", "TIME_LAST", "PACKETS_REV"};
   struct state *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < 3; i++) {
      rc = nm_field_bind(m, &self->fields[i], i % 2, names[i], false);
   }
   return rc;
}

/* Reads every byte that an accessor can reach. */
static int record(nm_module_t *m, const void *rec)
{
   struct state *self = nm_self(m);
   const ur_template_t *t = nm_in(m);
   for (int i = 0; i < t->count; i++) {
      const uint8_t *p = ur_get_ptr_by_id(t, rec, t->ids[i]);
      for (int k = 0; k < ur_get_len(t, rec, t->ids[i]); k++) {
         self->sum += p[k];
      }
   }
   for (uint32_t i = nm_input(m); i < 3; i += 2) {
      uint32_t length;
      const uint8_t *p = nm_field_data(&self->fields[i], rec, &length);
      self->sum += nm_field_u64(&self->fields[i], rec) + (length > 0 ? p[length - 1] : 0);
   }
   if (ur_rec_size(t, rec) > nm_size(m)) {
      abort();
   }
   int rc = nm_forward(m, 0, rec);
   rc = rc == NM_OK ? nm_forward(m, 1, rec) : rc;
   return rc == NM_OK ? nm_send_n(m, 2, nm_alert_n(m, 2, rec)) : rc;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   return now <= nm_now(m) ? NM_OK : nm_fail(m, "a tick of the future");
}

static const nm_module_def_t definition = {.name = "fuzz",
                                           .summary = "Takes anything.",
                                           .in = NM_INPUTS({"left", .split_biflows = true}, {"right"}),
                                           .out = NM_OUTPUTS({"same", .format = NM_FOLLOW},
                                                             {"all", "uint8 MINE", .format = NM_UNION},
                                                             {"some", "uint32 A,string B,time TIME_LAST"}),
                                           .flags = NM_SKIP_MISMATCH,
                                           .tick_every = NM_SECONDS(60),
                                           .tick = tick,
                                           .state_size = sizeof(struct state),
                                           .init = init,
                                           .record = record};

static void step(nm_test_t *t, uint8_t what, const uint8_t *data, uint8_t n)
{
   uint32_t input = what & 1;
   char format[256];
   switch (what >> 1 & 3) {
   case 0:
      memcpy(format, data, n);
      format[n] = 0;
      nm_test_format(t, input, format);
      break;
   case 1: nm_test_end(t, input); break;
   default: nm_test_feed_bytes(t, input, data, n, 0); break;
   }
   while (nm_test_next(t, 0) != NULL || nm_test_next(t, 1) != NULL || nm_test_next(t, 2) != NULL) {
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   nm_test_t *t = nm_test_new(&definition, "");
   if (t == NULL) {
      return 0;
   }
   while (size >= 2 && nm_test_error(t) == NULL) {
      uint8_t n = size - 2 < data[1] ? (uint8_t) (size - 2) : data[1];
      step(t, data[0], data + 2, n);
      data += 2 + n;
      size -= 2 + (size_t) n;
   }
   nm_test_free(t);
   return 0;
}
