/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file flow.h
 * A flow record as detectors look at it, and what kind of probe it is.
 *
 * Include after the fields.h of a detector whose NM_FIELDS name FLOW_FIELDS and FLOW_OPTIONAL_FIELDS below. Exporters
 * that send a record for each direction leave the _REV fields out; they are then zero, and an answer is a record of
 * its own.
 *
 * Scans are told from ordinary traffic by what nmap(1), "Port scanning techniques", sends and what RFC 9293 (TCP) allows.
 */
#ifndef DETECTORS_FLOW_H
#define DETECTORS_FLOW_H

#include <nemea/module.h>

/** Required fields of a detector that reads flows. */
#define FLOW_FIELDS                                                                                   \
   "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,uint8 " \
   "PROTOCOL,"                                                                                        \
   "uint8 TCP_FLAGS"
/* Optional fields: uint32 PACKETS_REV, uint8 TCP_FLAGS_REV, uint16 SRC_PORT. */

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

#define PROBE_MAX_PACKETS 4    /* a probe and its retransmissions */
#define RETRY_MAX_PACKETS 10   /* SYNs that a system sends until it gives up */
#define TCP_PROBE_FLAGS   0x3f /* without ECE and CWR, which SYNs of ordinary hosts carry, too (RFC 3168) */

/* A slow scanner that sends all TCP probes from one port, as no system does for its own connections,
 * is reported at a fifth of the threshold. */
#define SLOW_SECONDS 600
#define SLOW_SHARE   5

/** Do this many probes from one source port since first make a slow scan? */
static inline bool slow_scan(ur_time_t first, ur_time_t last, uint32_t probes, uint32_t threshold)
{
   return (last - first) >> 32 >= SLOW_SECONDS && (uint64_t) probes * SLOW_SHARE >= threshold;
}

struct flow {
   const ip_addr_t *src, *dst; /* into the record */
   ur_time_t first, last;
   uint32_t packets, packets_rev;
   uint16_t src_port, dst_port;
   uint8_t protocol;
   uint8_t flags, flags_rev; /* of TCP, without ECE and CWR */
};

/** Kind of a TCP flow, seen from its sender. */
enum probe {
   PROBE_NONE,    /**< an ordinary connection, a part of one, or an answer */
   PROBE_SYN,     /**< SYN only: not answered, or the answer is in another record */
   PROBE_RETRIED, /**< the same, with retransmissions */
   PROBE_REFUSED, /**< SYN answered by RST: the port is closed */
   PROBE_HALF,    /**< SYN answered by SYN+ACK, then dropped: the port is open */
   PROBE_EMPTY,   /**< a connection that was reset without a byte of data */
   PROBE_STEALTH  /**< flags that no connection starts with: none, FIN, FIN+PSH+URG */
};

/** Optional fields of a format, looked up once. */
struct flow_format {
   bool details; /**< PROTOCOL, PACKETS, DST_PORT and TCP_FLAGS */
   bool src_port;
   bool both_ways; /**< the _REV fields */
};

static inline void flow_format_set(struct flow_format *format, const ur_template_t *tmplt)
{
   format->details = ur_is_present(tmplt, F_PROTOCOL) && ur_is_present(tmplt, F_PACKETS) &&
                     ur_is_present(tmplt, F_DST_PORT) && ur_is_present(tmplt, F_TCP_FLAGS);
   format->src_port = ur_is_present(tmplt, F_SRC_PORT);
   format->both_ways = ur_is_present(tmplt, F_PACKETS_REV) && ur_is_present(tmplt, F_TCP_FLAGS_REV);
}

/** Absent fields are 0. */
static inline struct flow flow_read(nm_module_t *m, const void *rec, const struct flow_format *format)
{
   struct flow f = {
       .src = nm_get_ptr(m, rec, F_SRC_IP),
       .dst = nm_get_ptr(m, rec, F_DST_IP),
       .first = nm_get(m, rec, F_TIME_FIRST),
       .last = nm_get(m, rec, F_TIME_LAST),
   };
   if (format->details) {
      f.packets = nm_get(m, rec, F_PACKETS);
      f.dst_port = nm_get(m, rec, F_DST_PORT);
      f.protocol = nm_get(m, rec, F_PROTOCOL);
      f.flags = nm_get(m, rec, F_TCP_FLAGS) & TCP_PROBE_FLAGS;
   }
   if (format->src_port) {
      f.src_port = nm_get(m, rec, F_SRC_PORT);
   }
   if (format->both_ways) {
      f.packets_rev = nm_get(m, rec, F_PACKETS_REV);
      f.flags_rev = nm_get(m, rec, F_TCP_FLAGS_REV) & TCP_PROBE_FLAGS;
   }
   return f;
}

static inline enum probe flow_probe(const struct flow *f)
{
   if (f->protocol != PROTOCOL_TCP) {
      return PROBE_NONE;
   }
   if (f->packets > PROBE_MAX_PACKETS) {
      bool retried = f->flags == TCP_SYN && f->packets_rev == 0 && f->packets <= RETRY_MAX_PACKETS;
      return retried ? PROBE_RETRIED : PROBE_NONE;
   }
   switch (f->flags) {
   case TCP_SYN:
      if (f->flags_rev & TCP_SYN) {
         return PROBE_HALF;
      }
      return f->flags_rev & TCP_RST ? PROBE_REFUSED : PROBE_SYN;
   case TCP_SYN | TCP_RST: return PROBE_HALF;
   case TCP_SYN | TCP_ACK | TCP_RST: return f->flags_rev & (TCP_PSH | TCP_FIN) ? PROBE_NONE : PROBE_EMPTY;
   case 0:
   case TCP_FIN:
   case TCP_FIN | TCP_PSH | TCP_URG:
      /* Ports are 0 in fragments and wherever an exporter could not read them. */
      return f->dst_port != 0 && !(f->flags_rev & TCP_SYN) ? PROBE_STEALTH : PROBE_NONE;
   default: return PROBE_NONE;
   }
}

/** What NEMEA 2 takes for a probe: SYN and no other flag, in at most four packets. */
static inline bool flow_is_classic_probe(nm_module_t *m, const void *rec, const struct flow *f)
{
   return f->protocol == PROTOCOL_TCP && f->packets <= PROBE_MAX_PACKETS &&
          nm_get(m, rec, F_TCP_FLAGS) == TCP_SYN;
}

/** An RST that answers a probe of f's source port: refused. */
static inline bool flow_is_refusal(const struct flow *f)
{
   return f->protocol == PROTOCOL_TCP && (f->flags & TCP_RST) && !(f->flags & (TCP_SYN | TCP_PSH | TCP_FIN));
}

/** An answer of a server: from a low port to a high one. */
static inline bool flow_is_answer(const struct flow *f)
{
   return f->src_port < 1024 && f->dst_port >= 1024;
}

/** A TCP connection that carries data: ordinary use. */
static inline bool flow_is_use(const struct flow *f)
{
   return f->protocol == PROTOCOL_TCP && (f->flags & (TCP_ACK | TCP_PSH)) == (TCP_ACK | TCP_PSH);
}

#endif
