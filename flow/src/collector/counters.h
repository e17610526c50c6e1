/* SPDX-License-Identifier: BSD-3-Clause */
/** What a collector counts. Each worker has its own set, which others read with relaxed atomic loads. */
#ifndef FLOW_COLLECTOR_COUNTERS_H
#define FLOW_COLLECTOR_COUNTERS_H

#include <stdint.h>

enum fc_counter {
   FC_MESSAGES, /* export messages of all protocols */
   FC_BYTES,
   FC_V5,
   FC_V7,
   FC_V9,
   FC_IPFIX,
   FC_SFLOW,
   FC_RECORDS, /* data records of flows that were read */
   FC_OPTIONS, /* data records of options templates */
   FC_SENT,    /* UniRec records that went to outputs */
   FC_TEMPLATES,
   FC_WITHDRAWN,
   FC_TEMPLATES_EVICTED,
   FC_EXPORTERS, /* that were seen; one that was evicted and came again counts again */
   FC_EXPORTERS_EVICTED,
   FC_SAMPLES_PASSED, /* samples of sFlow that say nothing of flows */
   FC_LISTS_PASSED,   /* lists in records that could not be read, for each output */
   FC_WAITED,         /* sets that came before their template and were read when it came */
   FC_CONNECTIONS,    /* over TCP, TLS, DTLS and SCTP that began */
   /* Sequence numbers */
   FC_LOST,         /* messages (NetFlow v9, sFlow) or records (NetFlow v5, v7, IPFIX) that never came */
   FC_OUT_OF_ORDER, /* messages */
   FC_RESTARTS,     /* of exporters: their sequence numbers began anew */
   FC_UNSURE,       /* messages after which the next number is not known, as they had sets without template */
   /* Drops, by reason */
   FC_DROP_KERNEL,      /* datagrams: the socket's buffer was full */
   FC_DROP_NOT_ALLOWED, /* messages of exporters that are not on the list */
   FC_DROP_VERSION,     /* messages of no known protocol */
   FC_DROP_MALFORMED,   /* messages or rests of messages */
   FC_DROP_NO_TEMPLATE, /* sets whose template did not come in time */
   FC_DROP_LIMIT,       /* templates or sets beyond a limit */
   FC_DROP_MANDATORY,   /* records without a field that the output must have */
   FC_DROP_CUT,         /* datagrams of a capture that are fragments, or cut by the snapshot length */
   FC_DROP_SAMPLE,      /* samples of sFlow without a packet that could be read */
   FC_DROP_HANDSHAKE,   /* of TLS and DTLS: connections whose handshake failed, */
   FC_DROP_CERTIFICATE, /* whose exporter has no certificate that can be accepted, */
   FC_DROP_TIMEOUT,     /* whose handshake was not done in time; */
   FC_DROP_NO_SESSION,  /* datagrams of none */
   FC_DROP_SIZE,        /* records larger than a UniRec record can be */
   FC_COUNTERS
};

static inline void fc_add(uint64_t *counter, uint64_t n)
{
   __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

#endif
