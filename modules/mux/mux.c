/* SPDX-License-Identifier: BSD-3-Clause */
/** mux: the streams of several inputs as one; demux takes them apart again. */
#include <nemea/module.h>
#include <stdio.h>
#include <string.h>

#include "message.h"

NM_FIELDS()

#define MAX_PAYLOAD (UINT16_MAX - sizeof(struct mux_header))

struct mux {
   uint64_t links; /* as -n says; 0: not given */
   bool ended[MUX_LINKS];
   uint64_t too_long;
};

static int set_links(nm_module_t *m, const char *text)
{
   struct mux *self = nm_self(m);
   if (!nm_number(text, 1, UINT64_MAX, &self->links)) {
      return nm_fail_status(m, 2, "Error: Number of input interfaces must be positive integer.");
   }
   if (self->links > MUX_LINKS) {
      return nm_fail_status(m, 2, "Error: More than 32 interfaces is not allowed by TRAP library.");
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('n', "link_count", "uint16", set_links,
            "Number of inputs in -i (1 to 32); default: all but the last."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct mux *self = nm_self(m);
   if (self->links != 0 && self->links != nm_inputs(m)) {
      return nm_fail_status(m, 3, "-i has %u inputs, but -n says %u", nm_inputs(m), (unsigned) self->links);
   }
   return NM_OK;
}

/* Formats are sent repeatedly, since the output may drop messages, and readers may connect at any time. */
static int init(nm_module_t *m)
{
   struct mux *self = nm_self(m);
   nm_counter(m, "too long", &self->too_long);
   nm_set_timer(m, NM_SECONDS(1));
   return NM_OK;
}

static int send_message(nm_module_t *m, uint16_t id, uint32_t link, const void *data, size_t size)
{
   struct mux *self = nm_self(m);
   struct mux_header header = {.id = id, .link = (uint16_t) link, .type = TRAP_FMT_UNIREC};
   if (size > MAX_PAYLOAD) {
      self->too_long++;
      nm_warn(m, "input %s: a message of %zu bytes is dropped, at most %zu fit after the header",
              nm_input_name(m, link), size, MAX_PAYLOAD);
      return NM_OK;
   }
   uint16_t total = (uint16_t) (sizeof(header) + size);
   void *room;
   int rc = nm_reserve(m, 0, total, &room);
   if (rc != NM_OK || room == NULL) {
      return rc;
   }
   memcpy(room, &header, sizeof(header));
   memcpy((char *) room + sizeof(header), data, size);
   return nm_commit(m, 0, total);
}

static int send_hello(nm_module_t *m, uint32_t link)
{
   const char *text = nm_in_format(m, link);
   return text != NULL ? send_message(m, MUX_HELLO, link, text, strlen(text) + 1) : NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct mux *self = nm_self(m);
   self->ended[input] = false;
   if (nm_verbosity(m) >= 0) {
      printf("Input %u: format %s\n", input, nm_in_format(m, input));
   }
   return send_hello(m, input);
}

static int timer(nm_module_t *m)
{
   struct mux *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < nm_inputs(m); i++) {
      rc = self->ended[i] ? NM_OK : send_hello(m, i);
   }
   return rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   uint32_t link = nm_input(m);
   bool verbose = nm_verbosity(m) >= 0;
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      if (verbose) {
         printf("Input %u: message of %u bytes\n", link, recs[i].size);
      }
      rc = send_message(m, MUX_DATA, link, recs[i].data, recs[i].size);
   }
   return rc;
}

/* The end of a link is a message of at most one byte, as everywhere. */
static int end_of_input(nm_module_t *m, uint32_t input)
{
   struct mux *self = nm_self(m);
   const ur_template_t *tmplt = nm_in_n(m, input);
   bool one_byte = tmplt != NULL && tmplt->static_size == 1;
   self->ended[input] = true;
   if (nm_verbosity(m) >= 0) {
      printf("Input %u: end\n", input);
   }
   return tmplt != NULL ? send_message(m, MUX_DATA, input, "", one_byte ? 0 : 1) : NM_OK;
}

NM_MODULE("mux",
          "Sends the records of several inputs, with their formats and the number of the input, over one "
          "output, from "
          "which demux gets "
          "the streams again. The output drops what nobody takes, unless -i says otherwise.",
          .in = NM_INPUTS({"links", .min = 1, .max = MUX_LINKS}),
          .out = NM_OUTPUTS({"mux", .data = NM_RAW, .timeout = NM_NO_WAIT}), .options = options,
          .state_size = sizeof(struct mux), .flags = NM_SKIP_MISMATCH, .interface_status = 3, .check = check,
          .init = init, .format = format, .records = records, .timer = timer, .end_of_input = end_of_input)
