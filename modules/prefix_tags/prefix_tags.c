/* SPDX-License-Identifier: BSD-3-Clause */
/** prefix_tags: adds the tags of the networks of addresses to records, and drops records of other networks. */
#include <nemea/module.h>

#include "fields.h"
#include "prefixes.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint32 PREFIX_TAG, uint32 PREFIX_TAG_DST)

struct prefix_tags {
   ipps_context_t *prefixes;
   bool source, destination, both;
   uint64_t tagged;
};

static void *load(nm_module_t *m, const char *path)
{
   char error[PREFIXES_ERROR];
   ipps_context_t *prefixes = prefixes_read(path, error);
   if (prefixes == NULL) {
      nm_fail_status(m, 255, "Error: Parsing configuration file failed (%s): %s", path, error);
   }
   return prefixes;
}

static void release(void *prefixes)
{
   ipps_destroy(prefixes);
}

static const nm_option_t options[] = {
    NM_FILE(
        'c', "config", struct prefix_tags, prefixes, load, release,
        "Networks, as JSON: [{\"id\": TAG, \"ip_prefix\": \"ADDRESS/LENGTH\"}, ...]. Required. Read again "
        "on SIGHUP."),
    NM_FLAG('s', "src", struct prefix_tags, source, "Look at SRC_IP only."),
    NM_FLAG('d', "dst", struct prefix_tags, destination, "Look at DST_IP only."),
    NM_FLAG('b', "both", struct prefix_tags, both,
            "Write the tag of SRC_IP to PREFIX_TAG and that of DST_IP to PREFIX_TAG_DST; 0: none."),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct prefix_tags *self = nm_self(m);
   if (self->prefixes == NULL) {
      return nm_fail_status(m, 255, "Error: a file of prefixes is needed (option -c)");
   }
   if (self->source + self->destination + self->both > 1) {
      return nm_fail(m, "options -s, -d and -b exclude each other");
   }
   nm_counter(m, "tagged", &self->tagged);
   return NM_OK;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct prefix_tags *self = nm_self(m);
   uint16_t source = nm_in(m)->offset[F_SRC_IP], destination = nm_in(m)->offset[F_DST_IP];
   for (uint32_t i = 0; i < n; i++) {
      const char *rec = recs[i].data;
      uint32_t tag = 0, tag_destination = 0;
      bool found = !self->destination && prefixes_find(self->prefixes, (const void *) (rec + source), &tag);
      if (self->both) {
         found |= prefixes_find(self->prefixes, (const void *) (rec + destination), &tag_destination);
      } else if (!found && !self->source) {
         found = prefixes_find(self->prefixes, (const void *) (rec + destination), &tag);
      }
      if (!found) {
         continue;
      }
      self->tagged++;
      void *record = nm_alert(m, rec);
      nm_set(m, record, F_PREFIX_TAG, tag);
      nm_set(m, record, F_PREFIX_TAG_DST, tag_destination);
      int rc = nm_send(m, record);
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_OK;
}

NM_MODULE("prefix_tags",
          "Sends the records of which an address is in one of the networks of a file, with the tag of the "
          "network. The tag is that "
          "of SRC_IP, or, when it is in none, of DST_IP. Of nested networks the widest counts.",
          .in = NM_INPUTS({"records", "ipaddr SRC_IP,ipaddr DST_IP"}),
          .out = NM_OUTPUTS({"tagged", "uint32 PREFIX_TAG,uint32 PREFIX_TAG_DST", .format = NM_FOLLOW}),
          .options = options, .state_size = sizeof(struct prefix_tags), .no_eos_option = "no-eof",
          .init = init, .records = records)
