/* SPDX-License-Identifier: BSD-3-Clause */
/** \file haddrscan.h
 * Lists of the hosts that a source probed (lists.c), and what haddrscan_detector.c shares with them. */
#ifndef HADDRSCAN_H
#define HADDRSCAN_H

#include <nemea-common/nc_hll.h>
#include <nemea-common/nc_wheel.h>
#include <nemea/module.h>

#include "fields.h"

#include "../common/probers.h"

#define ALERT                                                                                             \
   "uint8 EVENT_TYPE,time TIME_FIRST,time TIME_LAST,ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,uint32 " \
   "ADDR_CNT,"                                                                                            \
   "uint32 ADDR_THRSD,ipaddr DST_IP0,ipaddr DST_IP1,ipaddr DST_IP2,ipaddr DST_IP3"
#define DETAILS                                                                                           \
   ",uint32 HOSTS_NEW,uint32 HOSTS_REFUSED,uint32 HOSTS_OPEN,uint32 HOSTS_USED,uint8 HOSTS_ERROR,uint32 " \
   "PACKETS,"                                                                                             \
   "uint64 BYTES,uint8 SCAN_RULE"

#define EVENT_ADDRSCAN 1
#define SAMPLES        4
#define FULL_WEIGHT    2 /* of a certain probe; an uncertain one counts half */
#define ALL_PORTS      0 /* in place of a port: what a source does on all ports of a protocol together */
#define TOP_PORTS      8
#define HOSTS_A_LIST   8 /* capacity of the set of hosts per list */
#define WHEEL_BUCKETS  1024
#define EXIT_OPTION    255
#define NEIGHBOUR      2 /* addresses that differ by no more are next to each other */
#define MAX_SKETCHES   4096
#define SKETCH_P       10 /* 1 KiB */
#define SKETCH_ERROR   4  /* %: the standard error of a sketch of 1024 registers, rounded up */
#define REST_SECONDS   60 /* without a probe, then the rest of a scan is reported; with details */

#define PROTOCOL_ICMP   1
#define PROTOCOL_ICMPV6 58

/* Why a list is complete; SCAN_RULE in alerts. */
enum rule {
   RULE_NONE,  /* not yet; in alerts: the scan was reported before */
   RULE_HOSTS, /* as many hosts on one port as the threshold */
   RULE_PORTS, /* twice as many on a few ports */
   RULE_SLOW,  /* a fifth, slowly, from one source port */
};

struct list_key {
   ip_addr_t src;
   uint64_t
       service; /* the port, above it the protocol: one word, as which it is written, hashed and compared */
};

static inline uint64_t service_of(uint16_t port, uint8_t protocol)
{
   return (uint64_t) protocol << 16 | port;
}

static inline uint16_t key_port(const struct list_key *key)
{
   return (uint16_t) key->service;
}

static inline uint8_t key_protocol(const struct list_key *key)
{
   return (uint8_t) (key->service >> 16);
}

/* Hosts that one source probed on one port (or on all ports): the first ones here, all others in self->hosts. Once a source was
 * reported, its hosts stay known, so that each counts once, and numbers are of the hosts that were not reported yet. With the key, the
 * entry of the table is two cache lines. */
struct list {
   uint64_t id; /* of this scan, 0: empty; hosts of earlier ones have other ids and are evicted in time */
   ur_time_t first, last;
   uint64_t bytes; /* as packets, of all probes */
   uint32_t packets;
   uint32_t n;        /* hosts that did not answer */
   uint32_t points;   /* their weights */
   uint16_t src_port; /* of the first probe */
   bool src_ports;    /* there are others */
   bool more;         /* hosts in self->hosts */
   bool reported;
   uint8_t n_top, n_near;
   uint8_t weights[SAMPLES]; /* of the first hosts; 0: the host answered */
   uint64_t newest;          /* address of the host that was added last; of searches */
   uint32_t used; /* connections with data, each to another host than the one before, or answered probes */
   uint32_t used_host;     /* hash of that host; 0: none */
   uint32_t refused, open; /* of the n hosts */
   uint32_t neighbours;    /* hosts that came right after one of an address next to theirs; of searches */
   uint32_t elsewhere;     /* ALL_PORTS: hosts probed on other than the top ports */
   ip_addr_t near0;
};

/* What is kept apart from a list. */
struct list_rest {
   ip_addr_t near[SAMPLES - 1]; /* the first hosts after near0; also what alerts name */
   struct {
      uint16_t port, hosts;
   } top[TOP_PORTS]; /* ALL_PORTS; n_top of them */
   /* Of lists that were reported: */
   nc_timer_t timer;   /* set once an alert was sent: the rest is reported when the source falls silent */
   ur_time_t told;     /* TIME_LAST of the last alert */
   uint64_t unused[2]; /* whole cache lines */
};

/* All hosts of a list that was reported: how many there are once self->hosts had to forget some. */
struct sketch {
   uint64_t evicted; /* hosts, until it was made */
   uint32_t base;    /* hosts of the first alert, which are not in the registers */
   uint32_t told;    /* hosts of all alerts */
   uint8_t registers[NC_HLL_BYTES(SKETCH_P)];
};

#define LIST_HEAD offsetof(struct list, near0) /* what a new list needs to be zero */

struct host_key {
   ip_addr_t host; /* first: an address is written, and copied, as 16 bytes */
   uint64_t id;
};

struct haddrscan {
   uint32_t threshold;      /* options */
   uint16_t idle, interval; /* seconds */
   nc_table_t *lists;       /* list_key -> struct list */
   bool classic;            /* the kinds and counts of NEMEA 2 */
   bool details;

   struct flow_format format;
   bool icmp_type;         /* the format has it */
   struct probers probers; /* sources of lists */
   nc_table_t *hosts;      /* host_key -> uint8_t, its weight */
   nc_table_t *sketches;   /* id of a list -> struct sketch */
   nc_wheel_t *timers;
   uint64_t last_id, probes;
};

/* What is to do for a flow. Flows are sorted out first, then the tables fetch what all steps look at, then they are done. */
enum action {
   ADD,     /* a probe */
   ANSWER,  /* UDP: an answer to a probe, and then the next step is left out if it is of the same flow */
   USE,     /* a connection with data */
   CLASSIC, /* a probe, as NEMEA 2 */
};

#define LISTS \
   2 /* of a step: of the port and of all ports; that of UDP is needed for details only, ICMP has none */
#define STEPS (NC_TABLE_BATCH / LISTS)

struct step {
   struct list_key keys[LISTS];
   uint64_t hashes[LISTS];
   struct list *guesses[LISTS];             /* what nc_table_prefetch_hashed() takes for the lists */
   uint64_t ids[LISTS], host_hashes[LISTS]; /* of the lists as far as known, and of the host in them */
   uint8_t *weights[LISTS];                 /* guesses at the host's weights in them */
   const ip_addr_t *host;                   /* in the record: probed, used, or the one that answers */
   ur_time_t first, last;                   /* of the flow */
   uint64_t bytes;                          /* the same */
   uint32_t packets;
   uint16_t src_port;
   uint8_t action; /* enum action */
   uint8_t probe;  /* ADD: enum probe, of TCP */
   uint8_t points; /* ADD, CLASSIC */
   bool search;    /* ADD: a search through a network, one host after the other, gives it full weight */
   uint8_t n_lists;
   bool unless_answer; /* another step of the flow of the step before */
};

static inline struct list_rest *list_rest(const struct haddrscan *self, const struct list *list)
{
   return nc_table_apart(self->lists, list);
}

static inline struct host_key host_key_of(const struct list *list, const ip_addr_t *host)
{
   struct host_key key = {.id = list->id};
   memcpy(&key.host, host, sizeof(key.host));
   return key;
}

/* One of the first hosts. */
static inline ip_addr_t *list_near(const struct haddrscan *self, struct list *list, unsigned i)
{
   return i == 0 ? &list->near0 : &list_rest(self, list)->near[i - 1];
}

/* Was the source silent for so long that the step begins a new list? */
static inline bool list_is_old(const struct haddrscan *self, const struct list *list, const struct step *step)
{
   return list->last != 0 && step->first > list->last && (step->first - list->last) >> 32 >= self->idle;
}

static inline struct list *list_upsert(const struct haddrscan *self, const struct step *step, unsigned which)
{
   return nc_table_upsert_guessed(self->lists, &step->keys[which], step->hashes[which], step->guesses[which],
                                  NULL);
}

static inline struct list *list_peek(const struct haddrscan *self, const struct step *step, unsigned which)
{
   return nc_table_peek_guessed(self->lists, &step->keys[which], step->hashes[which], step->guesses[which]);
}

/* Reports the rest of a list that is too old, and empties it. */
int list_end(nm_module_t *m, struct list *list);
/* Forgets the hosts, and that they were reported. */
void list_clear(const struct haddrscan *self, struct list *list);
/* Will something be reported of it when the source falls silent? */
bool list_is_watched(const struct haddrscan *self, const struct list *list);
void list_unwatch(const struct haddrscan *self, const struct list *list);
/* Adds a host that is not in the list yet; gives false if it is. which: number of the list in the step */
bool list_add_host(struct haddrscan *self, struct list *list, const struct step *step, unsigned which);
/* Counts a host that is new in a list of all ports by its port. */
void list_add_port(const struct haddrscan *self, struct list *list, uint16_t port);
/* Index of the host among the first ones of a list, or their number. */
unsigned list_find_near(const struct haddrscan *self, struct list *list, const ip_addr_t *host);

/* Sends the alert of a complete list and clears the list, and that of all ports: its hosts are reported. */
int list_report(nm_module_t *m, const struct list_key *key, struct list *list, struct list *all,
                uint32_t threshold, enum rule rule);
/* Reports the rest of a source that was reported, if it is worth an alert. */
int list_report_rest(nm_module_t *m, struct list *list);
/* Sends an alert and nothing else. all: the list of all ports of the source, NULL if there is none */
int list_send_alert(nm_module_t *m, const struct list_key *key, struct list *list, const struct list *all,
                    uint32_t threshold, enum rule rule);
/* Sets the timer after which there may be a rest. now: microseconds */
void list_watch(struct haddrscan *self, struct list *list, uint64_t now);

#endif
