/* SPDX-License-Identifier: BSD-3-Clause */
/** sampler: sends every N-th record. */
#include <inttypes.h>
#include <nemea/module.h>

#include "../appfs/statistics.h"

NM_FIELDS()

struct sampler {
   uint64_t rate;
   uint64_t skip; /* records before the next one that is sent */
   uint64_t total, sampled;
   struct statistics files;
};

static int set_rate(nm_module_t *m, const char *text)
{
   struct sampler *self = nm_self(m);
   return nm_number(text, 1, UINT64_MAX, &self->rate)
              ? NM_OK
              : nm_fail(m,
                        "option -r, --rate: \"%s\" is not a number: Sampling rate must be higher than zero.",
                        text);
}

static const nm_option_t options[] = {
    NM_CALL('r', "rate", "uint64", set_rate, "Send every Nth record. Required."),
    STATISTICS_OPTION(struct sampler, files),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct sampler *self = nm_self(m);
   return self->rate == 0 ? nm_fail(m, "option -r, --rate is needed") : NM_OK;
}

static int publish(nm_module_t *m)
{
   const struct sampler *self = nm_self(m);
   statistics_input(m, &self->files);
   statistics_file(m, &self->files, "sampler", "stats",
                   "totalRecords: %" PRIu64 "\nsampledRecords: %" PRIu64 "\n", self->total, self->sampled);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct sampler *self = nm_self(m);
   self->skip = self->rate - 1;
   nm_counter(m, "totalRecords", &self->total);
   nm_counter(m, "sampledRecords", &self->sampled);
   int rc = statistics_open(m, &self->files);
   return rc == NM_OK ? publish(m) : rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct sampler *self = nm_self(m);
   int rc = NM_OK;
   uint64_t i = self->skip;
   statistics_count(&self->files, recs, n);
   for (; rc == NM_OK && i < n; i += self->rate) {
      self->sampled++;
      rc = nm_forward_n(m, 0, &recs[i]);
   }
   self->total += n;
   self->skip = i - n;
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct sampler *self = nm_self(m);
   statistics_close(&self->files);
}

NM_MODULE("sampler", "Sends every N-th record, unchanged, in the format of the input.",
          .in = NM_INPUTS({"records"}), .out = NM_OUTPUTS({"sampled", .format = NM_FOLLOW}),
          .options = options, .state_size = sizeof(struct sampler), .no_eos_option = "no-eof", .check = check,
          .init = init, .records = records, .timer = publish, .idle = publish, .finish = publish,
          .cleanup = cleanup)
