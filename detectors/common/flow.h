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
/* Optional fields: uint32 PACKETS_REV, uint8 TCP_FLAGS_REV, uint16 SRC_PORT, uint64 BYTES. */

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
   uint64_t bytes;
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

/** Fields of a format, looked up once. */
struct flow_format {
   const uint16_t *at; /**< offsets of the template */
   bool details;       /**< PROTOCOL, PACKETS, DST_PORT and TCP_FLAGS */
   bool src_port;
   bool bytes;
   bool both_ways; /**< the _REV fields */
};

static inline void flow_format_set(struct flow_format *format, const ur_template_t *tmplt)
{
   format->at = tmplt->offset;
   format->details = ur_is_present(tmplt, F_PROTOCOL) && ur_is_present(tmplt, F_PACKETS) &&
                     ur_is_present(tmplt, F_DST_PORT) && ur_is_present(tmplt, F_TCP_FLAGS);
   format->src_port = ur_is_present(tmplt, F_SRC_PORT);
   format->bytes = ur_is_present(tmplt, F_BYTES);
   format->both_ways = ur_is_present(tmplt, F_PACKETS_REV) && ur_is_present(tmplt, F_TCP_FLAGS_REV);
}

/* Value of a field that the format has. */
#define FLOW_FIELD_(rec, format, field) \
   (*(const UR_U_(field##_T) *) (const void *) UR_AT_(rec, (format)->at[field]))

/** Absent fields are 0. */
static inline struct flow flow_read(const void *rec, const struct flow_format *format)
{
   struct flow f = {
       .src = (const ip_addr_t *) (const void *) UR_AT_(rec, format->at[F_SRC_IP]),
       .dst = (const ip_addr_t *) (const void *) UR_AT_(rec, format->at[F_DST_IP]),
       .first = FLOW_FIELD_(rec, format, F_TIME_FIRST),
       .last = FLOW_FIELD_(rec, format, F_TIME_LAST),
   };
   if (format->details) {
      f.packets = FLOW_FIELD_(rec, format, F_PACKETS);
      f.dst_port = FLOW_FIELD_(rec, format, F_DST_PORT);
      f.protocol = FLOW_FIELD_(rec, format, F_PROTOCOL);
      f.flags = FLOW_FIELD_(rec, format, F_TCP_FLAGS) & TCP_PROBE_FLAGS;
   }
   if (format->src_port) {
      f.src_port = FLOW_FIELD_(rec, format, F_SRC_PORT);
   }
   if (format->bytes) {
      f.bytes = FLOW_FIELD_(rec, format, F_BYTES);
   }
   if (format->both_ways) {
      f.packets_rev = FLOW_FIELD_(rec, format, F_PACKETS_REV);
      f.flags_rev = FLOW_FIELD_(rec, format, F_TCP_FLAGS_REV) & TCP_PROBE_FLAGS;
   }
   return f;
}

/** A TCP connection that carries data: ordinary use, which most flows are. */
static inline bool flow_is_use(uint8_t protocol, uint8_t flags)
{
   return protocol == PROTOCOL_TCP && (flags & (TCP_ACK | TCP_PSH)) == (TCP_ACK | TCP_PSH);
}

/** The same of a record. Such a flow is of none of the other kinds, so it need not be read to be sorted out. */
static inline bool flow_record_is_use(const void *rec, const struct flow_format *format)
{
   return format->details &&
          flow_is_use(FLOW_FIELD_(rec, format, F_PROTOCOL), FLOW_FIELD_(rec, format, F_TCP_FLAGS));
}

/** Where the fields that tell it are in a record. */
struct flow_use_fields {
   uint16_t protocol, flags;
   bool there;
};

static inline struct flow_use_fields flow_use_fields(const struct flow_format *format)
{
   /* Where they are not there, any bytes of the record may be looked at: there is always an address. */
   return (struct flow_use_fields){.protocol = format->at[format->details ? F_PROTOCOL : F_SRC_IP],
                                   .flags = format->at[format->details ? F_TCP_FLAGS : F_SRC_IP],
                                   .there = format->details};
}

/** flow_record_is_use() for many records of a format, without a branch. */
static inline bool flow_record_is_use_at(const void *rec, const struct flow_use_fields *fields)
{
   const uint8_t *bytes = rec, flags = bytes[fields->flags];
   return (fields->there & (bytes[fields->protocol] == PROTOCOL_TCP) &
           ((flags & (TCP_ACK | TCP_PSH)) == (TCP_ACK | TCP_PSH))) != 0;
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

/** What NEMEA 2 takes for a probe: SYN and no other flag, in at most this many packets. */
static inline bool flow_is_classic_probe(const void *rec, const struct flow_format *format, uint32_t packets)
{
   return format->details && FLOW_FIELD_(rec, format, F_PROTOCOL) == PROTOCOL_TCP &&
          FLOW_FIELD_(rec, format, F_TCP_FLAGS) == TCP_SYN && FLOW_FIELD_(rec, format, F_PACKETS) <= packets;
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

#endif
