/* SPDX-License-Identifier: BSD-3-Clause */
/** read_flows: receives records and does nothing with them: what every module costs at least. */
#include <nemea/module.h>

#include "fields.h"

struct read_flows {
   uint64_t received;
};

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct read_flows *self = nm_self(m);
   (void) recs;
   self->received += n;
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   const struct read_flows *self = nm_self(m);
   printf("%llu\n", (unsigned long long) self->received);
   return NM_OK;
}

NM_MODULE("read_flows", "Receives records and does nothing with them.", .in = NM_INPUTS({"records"}),
          .state_size = sizeof(struct read_flows), .records = records, .finish = finish)
