/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Sequence numbers of messages (those of sFlow are in sflow_sequences.c): NetFlow v5, v7 and IPFIX count records, v9 counts
 * messages. A number that is larger than expected tells what was lost; one that is a little smaller is a message that was overtaken;
 * one that is much smaller, or a clock that began anew, is an exporter that restarted.
 */
#include "state.h"

#define OVERTAKEN 64         /* messages by which one may be late */
#define JUMP      (1u << 28) /* units: not a loss, but other numbers */
#define SLACK     60000 /* milliseconds by which an uptime may be behind in messages that were overtaken */

static void restarted(struct message *m)
{
   fc_add(&m->d->counters[FC_RESTARTS], 1);
   fc_add(&m->exporter->restarts, 1);
}

static void overtaken(struct message *m, uint32_t units)
{
   uint64_t n = units < m->exporter->lost ? units : m->exporter->lost; /* it was counted as lost */
   fc_add(&m->exporter->lost, -n);
   fc_add(&m->d->counters[FC_LOST], -n);
   fc_add(&m->exporter->out_of_order, 1);
   fc_add(&m->d->counters[FC_OUT_OF_ORDER], 1);
}

void check_sequence(struct message *m, uint32_t sequence, uint32_t units, uint32_t uptime, bool has_uptime)
{
   struct domain *d = m->sequences;
   int32_t ahead = (int32_t) (sequence - d->expected);
   bool younger = has_uptime && (int32_t) (uptime - d->uptime) < -SLACK;
   d->largest = units > d->largest ? units : d->largest;
   if (d->has_expected && ahead != 0) {
      uint32_t back = d->expected - sequence;
      if (younger || ahead > (int32_t) JUMP ||
          (ahead < 0 && back > OVERTAKEN * (d->largest > 0 ? d->largest : 1))) {
         restarted(m);
      } else if (ahead > 0) {
         fc_add(&m->exporter->lost, (uint32_t) ahead);
         fc_add(&m->d->counters[FC_LOST], (uint32_t) ahead);
      } else {
         overtaken(m, units);
         return; /* what is expected stays */
      }
   }
   if (m->unsure) {
      fc_add(&m->d->counters[FC_UNSURE], 1);
   }
   d->has_expected = !m->unsure;
   d->expected = sequence + units;
   d->uptime = uptime;
}
