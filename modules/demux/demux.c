/* SPDX-License-Identifier: BSD-3-Clause */
/** demux: takes the stream of mux apart again. Each byte of it is the sender's: nothing is used before it was checked. */
#include <nemea/module.h>
#include <stdio.h>
#include <string.h>

#include "../mux/message.h"

NM_FIELDS()

struct link {
   bool known;      /* has a format */
   uint8_t type;    /* trap_data_format_t */
   uint8_t surplus; /* bytes after each message: mux of NEMEA 2 sends one of junk */
};

struct demux {
   uint64_t links; /* as -n says; 0: not given */
   struct link link[MUX_LINKS];
   uint64_t bad, unknown;
};

static int set_links(nm_module_t *m, const char *text)
{
   struct demux *self = nm_self(m);
   if (!nm_number(text, 1, UINT64_MAX, &self->links)) {
      return nm_fail_status(m, 2, "Error: Number of output interfaces must be positive integer.");
   }
   if (self->links > MUX_LINKS) {
      return nm_fail_status(m, 2, "Error: More than 32 interfaces is not allowed by TRAP library.");
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_CALL('n', "link_count", "uint16", set_links,
            "Number of outputs in -i (1 to 32); default: all but the first."),
    NM_END,
};

static int check(nm_module_t *m)
{
   struct demux *self = nm_self(m);
   if (self->links != 0 && self->links != nm_outputs(m)) {
      return nm_fail_status(m, 3, "-i has %u outputs, but -n says %u", nm_outputs(m), (unsigned) self->links);
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct demux *self = nm_self(m);
   nm_counter(m, "malformed", &self->bad);
   nm_counter(m, "of unknown format", &self->unknown);
   return NM_OK;
}

static int malformed(nm_module_t *m, uint32_t link, const char *what)
{
   struct demux *self = nm_self(m);
   self->bad++;
   nm_warn(m, "link %u: %s; skipped", link, what);
   return NM_OK;
}

/* The link's format, which must be a string. */
static int hello(nm_module_t *m, uint32_t i, uint8_t type, const char *format, size_t size)
{
   static const enum nm_data data[] = {
       [TRAP_FMT_RAW] = NM_RAW, [TRAP_FMT_UNIREC] = NM_UNIREC, [TRAP_FMT_JSON] = NM_JSON};
   struct demux *self = nm_self(m);
   size_t length = strnlen(format, size);
   if (type < TRAP_FMT_RAW || type > TRAP_FMT_JSON) {
      return malformed(m, i, "a format of unknown kind");
   }
   if (length == size || size - length > 2) {
      return malformed(m, i, "a format that is not a string");
   }
   struct link *link = &self->link[i];
   *link = (struct link){.known = true, .type = type, .surplus = (uint8_t) (size - length - 1)};
   if (nm_set_output_data(m, i, data[type], format) != NM_OK) {
      link->known = false; /* its records wait for a better format */
      nm_warn(m, "link %u: format \"%s\" is invalid, or has a field of another type than another link", i,
              format);
      self->bad++;
   } else if (nm_verbosity(m) >= 0) {
      printf("Output %u: format %s\n", i, format);
   }
   return NM_OK;
}

static int data(nm_module_t *m, uint32_t i, const char *message, size_t size)
{
   struct demux *self = nm_self(m);
   const struct link *link = &self->link[i];
   const ur_template_t *tmplt = link->known ? nm_out_n(m, i) : NULL;
   if (!link->known) {
      self->unknown++;
      return NM_OK;
   }
   if (size < link->surplus) {
      return malformed(m, i, "a message that is too short");
   }
   size -= link->surplus;
   bool one_byte = tmplt != NULL && tmplt->static_size == 1;
   if (nm_verbosity(m) >= 0) {
      printf("Output %u: message of %zu bytes\n", i, size);
   }
   if (size == 0 || (size == 1 && !one_byte)) {
      return nm_end_output(m, i);
   }
   if (tmplt != NULL && !ur_rec_check(tmplt, message, (uint16_t) size)) {
      return malformed(m, i, "a record that does not fit the link's format");
   }
   return nm_send_raw(m, i, message, (uint16_t) size);
}

static int record(nm_module_t *m, const void *message)
{
   struct mux_header header;
   uint16_t size = nm_size(m);
   if (size < sizeof(header)) {
      return malformed(m, 0, "a message without a whole header");
   }
   memcpy(&header, message, sizeof(header));
   if (header.link >= nm_outputs(m)) {
      return malformed(m, header.link, "there is no such output");
   }
   const char *payload = (const char *) message + sizeof(header);
   switch (header.id) {
   case MUX_DATA: return data(m, header.link, payload, size - sizeof(header));
   case MUX_HELLO: return hello(m, header.link, header.type, payload, size - sizeof(header));
   case MUX_ERROR: return malformed(m, header.link, "mux reports an error of its input");
   default: return malformed(m, header.link, "a message of unknown kind");
   }
}

NM_MODULE("demux",
          "Takes apart what mux joined: the records of its first input come out of the first output, and so "
          "on. The "
          "outputs drop what "
          "nobody takes, unless -i says otherwise.",
          .in = NM_INPUTS({"mux", .data = NM_RAW}),
          .out = NM_OUTPUTS({"links", .timeout = NM_NO_WAIT, .min = 1, .max = MUX_LINKS}), .options = options,
          .state_size = sizeof(struct demux), .interface_status = 3, .check = check, .init = init,
          .record = record)
