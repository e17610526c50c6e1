/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of hoststatsnemea share: configuration, statistics of a host, what the rules find. */
#ifndef HOSTSTATS_H
#define HOSTSTATS_H

#include <nemea-common/nc_hash.h>
#include <nemea/module.h>

#define CONFIG_LINE 512 /* longest line of a configuration file */
#define NOTE_SIZE   200

/* ------------------------------------------------------------ configuration */

/** Values of the configuration file; names and defaults are in config.c. */
struct config {
   bool generic, ssh, dns; /* groups of rules */
   bool port_direction;    /* requests are told by ports, not by DIRECTION_FLAGS */
   char log_directory[256];
   int log_level; /* of syslog.h: messages up to this one go to standard output, too */
   uint32_t table_size, active, inactive, check_every;
   double scan_syns, scan_syn_to_ack, scan_request_to_response, scan_hosts;
   uint32_t dos_type;
   double victim_syns, victim_others, victim_packet_ratio, victim_bytes, responsibility;
   double attacker_syns, attacker_others, attacker_packet_ratio, attacker_bytes;
   double request_share, response_share; /* of flows whose direction is unknown */
   double ssh_hosts, ssh_hosts_ratio, ssh_requests, ssh_request_min, ssh_request_max, ssh_responses,
       ssh_response_min, ssh_response_max, ssh_server_ratio;
   double dns_responses;
};

/** Takes a message: level of syslog.h, text without a line end. */
typedef void (*config_message_fn)(void *context, int level, const char *text);

/** What holds without a file. */
void config_default(struct config *c);
/** Reads the text of a file. What it does not name has the default, numbers with a warning; then unknown keys are warned of.
 * \return false: a value is bad; error names line, key, value and what was expected */
bool config_parse(struct config *c, const char *text, size_t size, config_message_fn warn, void *context,
                  char *error, size_t error_size);

/* --------------------------------------------------------------- statistics */

/** Direction of a flow: which side asks. */
enum flow_class { CLASS_REQUEST, CLASS_RESPONSE, CLASS_UNKNOWN, CLASSES };

/** All counters stop at their maximum. */
struct counts {
   uint64_t bytes;
   uint32_t flows, packets;
   uint32_t syn, ack; /* flows with the flag */
};

/** Flows that a host sent, or those that it got: a cache line. */
struct tally {
   uint32_t peers, request_peers; /* distinct */
   uint32_t big_dns;              /* DNS responses of large packets */
   uint32_t syn_packets;          /* packets of flows with SYN */
   struct counts by[CLASS_UNKNOWN];
};

/** What the rules look at: the same, and the flows whose direction is unknown. */
struct side {
   uint32_t peers, request_peers; /* distinct */
   uint32_t big_dns;              /* DNS responses of large packets */
   uint32_t syn_packets;          /* packets of flows with SYN */
   struct counts by[CLASSES];
};

struct sides {
   struct side out, in;
};

/** With its address, the entry of the table is three cache lines, of which a flow needs two. */
struct host {
   uint32_t id;            /* not used before */
   uint32_t created, last; /* stream time at the first and the last flow, s */
   uint32_t first;         /* begin of the earliest flow, s */
   uint32_t slot;          /* in the list of deadlines */
   bool ssh;               /* has an entry in the table of SSH */
   bool has_unknown;       /* has flows whose direction is unknown: struct unknown */
   uint64_t unused[3];     /* the rest of the line */
   struct tally out, in;
};

/** What is kept apart from a host: its flows whose direction is unknown. */
struct unknown {
   struct counts out, in;
};

/** SSH of a host: a flow of TCP with port 22. */
struct ssh_side {
   uint32_t peers, request_packets, response_packets, request_syns, response_syns;
};
struct ssh {
   struct ssh_side out, in;
};

struct flow_facts {
   uint64_t bytes;
   uint32_t packets;
   uint16_t src_port, dst_port;
   uint8_t protocol, flags;
   uint8_t class; /* enum flow_class */
};

static inline uint32_t add32(uint32_t a, uint32_t b)
{
   return a + b >= a ? a + b : UINT32_MAX;
}

static inline uint64_t add64(uint64_t a, uint64_t b)
{
   return a + b >= a ? a + b : UINT64_MAX;
}

static inline bool flow_is_ssh(const struct flow_facts *f)
{
   return f->protocol == 6 && (f->src_port == 22 || f->dst_port == 22);
}

/** Adds a flow to the statistics of one of its hosts. c: counts of its class */
void side_add(struct tally *s, struct counts *c, const struct flow_facts *f);
/** The side of a tally. unknown: NULL: none */
struct side side_of(const struct tally *t, const struct counts *unknown);
void ssh_side_add(struct ssh_side *s, const struct flow_facts *f);

/* --------------------------------------------------------------- distinct peers */

/** Bloom filters of what was counted, see peers.c. */
struct peers {
   uint64_t (*blocks)[2][8]; /* two filters of a cache line each, side by side */
   uint32_t mask;            /* their number less 1 */
   unsigned active;          /* the filter that decides; the other one learns */
   uint32_t added, most;     /* peers since the last change, and how many bring the next one */
   uint64_t swapped, period; /* stream time of the last change, and seconds to the next */
};

/** What is counted once for each peer. */
enum peer_kind { PEER_ALL, PEER_REQUEST, PEER_SSH };

/** A peer of a host: where its bits are, whatever is counted. */
struct peer {
   uint64_t (*block)[8];
   uint64_t hash;
};

/** \return false: no memory */
bool peers_open(struct peers *p, uint32_t table_size, uint32_t period);
void peers_close(struct peers *p);
/** Stream time goes on, or peers were added. */
void peers_advance(struct peers *p, uint64_t now);

/** \param out the host has sent to the peer */
static inline struct peer peers_find(const struct peers *p, uint32_t host, bool out, const void *peer)
{
   uint64_t key[3];
   memcpy(key, peer, sizeof(ip_addr_t));
   key[2] = (uint64_t) host << 8 | out;
   uint64_t h = nc_hash_words(key, 3);
   return (struct peer){.block = p->blocks[h & p->mask], .hash = h};
}

#define PEER_BITS 6

/** \return true: the host has not seen this peer yet */
static inline bool peers_add(struct peers *p, const struct peer *peer, enum peer_kind kind)
{
   uint64_t bits = nc_hash_fold_(peer->hash, nc_hash_key_.mix[1 + kind] | 1), known = 1;
   for (unsigned i = 0; i < PEER_BITS; i++, bits >>= 9) {
      uint64_t *active = &peer->block[p->active][bits >> 6 & 7];
      known &= *active >> (bits & 63);
      *active |= UINT64_C(1) << (bits & 63);
      peer->block[!p->active][bits >> 6 & 7] |= UINT64_C(1) << (bits & 63);
   }
   p->added += !known;
   return !known;
}

/* -------------------------------------------------------------------- rules */

enum finding_type { FOUND_SCAN = 2, FOUND_DOS = 10, FOUND_DNS = 15, FOUND_BRUTE_FORCE = 30 };

struct finding {
   enum finding_type type;
   bool is_source; /* the host attacks, or is misused */
   uint8_t protocol;
   uint16_t src_port, dst_port;
   uint32_t scale;
   char note[NOTE_SIZE];
};

#define FINDINGS_MAX 7

/** What the rules find in the statistics of a host. ssh: NULL: none. \return number of findings */
unsigned rules_judge(const struct config *c, const struct sides *h, const struct ssh *ssh,
                     struct finding found[FINDINGS_MAX]);

#endif
