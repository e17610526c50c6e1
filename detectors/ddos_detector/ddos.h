/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file ddos.h
 * State of a destination, of a source network and of a flood, shared by the parts of ddos_detector. README.md describes the
 * methods.
 */
#ifndef DDOS_H
#define DDOS_H

#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_table.h>
#include <nemea/module.h>

#define INTERVAL     60 /* seconds */
#define HISTORY      7  /* intervals */
#define NEWEST       (HISTORY - 1)
#define REPORT_EVERY 300 /* seconds between two reports of a flood */
struct flow;             /* ../common/flow.h */

enum flood_kind {
   FLOOD_VOLUME, /* many more bytes from many more sources than before: volume.c */
   FLOOD_PACKETS /* unanswered requests, unsolicited answers: packets.c */
};

struct flood {
   enum flood_kind kind;
   bool valid;      /* VOLUME: the interval in which it was found has ended */
   bool no_history; /* VOLUME: the destination had no traffic before */
   uint16_t seq;    /* of the next report */
   uint64_t id;
   uint64_t begin;      /* interval; VOLUME */
   uint64_t reported;   /* seconds: reported up to here */
   uint64_t orig_bytes; /* before the flood, in an interval */
   uint64_t orig_sources;
   uint64_t margin;       /* per cent of the threshold that it reached */
   uint64_t told;         /* bytes that were reported before their interval ended (--early) */
   uint64_t total;        /* since the last report: bytes of the flood, ... */
   uint64_t bytes;        /* ... all bytes of its intervals, ... */
   uint64_t sources;      /* ... sum of their sources ... */
   uint32_t intervals;    /* ... and their number */
   ur_time_t first, last; /* PACKETS: since the last report */
};

/* One interval's packets that look like a part of a flood. */
struct packets {
   uint32_t syn;     /* flows of SYNs only */
   uint32_t one_way; /* unanswered flows that were not requested */
   uint64_t one_way_packets;
   uint64_t
       burst_packets; /* of flows that are floods by themselves; of SYN+ACK that servers repeat each counts many times */
   uint32_t udp_packets,
       other_packets; /* other: neither TCP nor UDP nor a tunnel; as many as fit, as are the next */
   uint32_t large_pings, large_ping_packets; /* flows of many large packets of ICMP */
   uint64_t bytes;
   ur_time_t first, last;
};

#define PAST (HISTORY - 1) /* intervals before the newest one */

/* A destination (address or prefix). What every flow looks at comes first: with the key, its table's entry is four cache lines, of which
 * most flows need the first one. */
struct host {
   uint64_t id;       /* never used again for another destination */
   uint64_t total;    /* of bytes of all intervals; less those of the past it is what the newest one has */
   uint32_t interval; /* number of the newest one */
   uint32_t asked;    /* flows that the destination itself sent */
   uint32_t asked_before; /* in the interval before */
   uint32_t answers;      /* flows to it that look like answers of servers */
   uint32_t sources, flows, answered;
   uint32_t good; /* flows of ordinary use */

   struct host *next; /* list of destinations to check when an interval ends; NULL: not in it */
   struct flood *flood;
   struct lead *lead; /* detail.h; both NULL without --details */
   struct detail *detail;
   uint32_t quiet_until;               /* interval: until then its history holds a flood that was reported */
   uint8_t deaf;                       /* bit of a past interval: less than half of its flows were answered */
   bool has_packets : 1, has_past : 1; /* else what follows is to be cleared */
   uint16_t port; /* host_packets(): the candidate for that of most of them (Boyer and Moore) */

   struct host *prev;  /* in the list */
   uint32_t port_lead; /* the same */
   uint32_t networks;  /* the same: distinct source networks of the packets */

   uint32_t past_sources[PAST]; /* host_need_past(); interval n is at n % PAST */
   uint64_t past_bytes[PAST];

   struct packets packets; /* host_packets() */
};

#define HOST_CLEARED offsetof(struct host, next) /* of a new one, by its table; the rest in host_get() */
_Static_assert(sizeof(ip_addr_t) + sizeof(struct host) == 256,
               "an entry of destinations is four cache lines");

/* A source network of one destination. Sources are counted exactly, whatever addresses an attacker chooses: the key is a hash of
 * destination and network that is keyed, too, and for no two of them the same in practice (2^-64 for each two). */
struct source {
   uint32_t interval;  /* of the destination when it was last seen */
   uint8_t seen;       /* bit i: counted in the i-th interval before */
   bool among_packets; /* counted in struct packets of this interval */
};

/* The source network of a flow, which is searched when it is needed. */
struct source_ref {
   uint64_t host; /* id */
   ip_addr_t network;
   struct source *source; /* NULL: not looked up yet */
   uint64_t key;          /* source_key(), and what nc_table_prefetch_hashed() says of it, ... */
   void *guess;
   bool is_hashed; /* ... if this is set */
};

/* Where a destination most probably is in its table: nc_table_prefetch_hashed(). */
struct place {
   uint64_t hash;
   void *guess; /* NULL: there is none */
};

struct ddos {
   /* options */
   uint64_t min_attack, min_before, min_history; /* kb/s */
   uint16_t rate, source_rate;
   uint8_t source_mask, target_mask, source_mask6, target_mask6;
   uint32_t flood_flows, flood_networks;
   nc_table_t *hosts;   /* ip_addr_t -> struct host */
   nc_table_t *sources; /* source_key() -> struct source */
   bool classic;        /* floods by volume only */
   bool with_details;
   bool early;              /* a flood is reported as soon as it is one */
   struct detail **details; /* of DETAILS_MAX destinations, NULL: free */

   uint64_t last_id;                        /* of a destination */
   struct host watched;                     /* head of the list */
   uint64_t interval, watched_since, heard; /* intervals: now, since when there are records, last record */
   uint64_t floods, late, lost;
};

/* kb/s to bytes in an interval */
static inline uint64_t interval_bytes(uint64_t kbps)
{
   return kbps * INTERVAL * 1000 / 8;
}

/* hosts.c */
/* An empty list of destinations to check. */
void hosts_open(struct ddos *self);
/* Frees what the destinations hold. */
void hosts_close(struct ddos *self);
/* Of the table of destinations: this one is evicted. */
void hosts_evicted(void *context, const void *key, void *value);
/* The destination, which is added if it is new. Its windows may be behind: host_roll(). */
struct host *host_get(struct ddos *self, const ip_addr_t *target, const struct place *place);
/* Adds it to the list of destinations to check when an interval ends. */
void host_watch(struct ddos *self, struct host *h);
void host_unwatch(struct host *h);
/* The packets of the newest interval. */
struct packets *host_packets(struct host *h);
/* Must come before the intervals before the newest one are looked at; hosts in the list have them. */
void host_need_past(struct host *h);
/* What an interval had; 0 is the oldest one, the last one is NEWEST. */
static inline unsigned host_slot(const struct host *h, unsigned i)
{
   return (h->interval + i) % PAST; /* h->interval - PAST + i */
}
uint64_t host_bytes(const struct host *h, unsigned i);
static inline uint32_t *host_sources(struct host *h, unsigned i)
{
   return i == NEWEST ? &h->sources : &h->past_sources[host_slot(h, i)];
}
/* Is less than half of the flows of an interval answered? */
static inline bool host_is_deaf(const struct host *h, unsigned i)
{
   return i == NEWEST ? h->answered < h->flows / 2 : h->deaf >> host_slot(h, i) & 1;
}
/* Moves the windows on: the last ones become those of this interval. */
void host_move(struct host *h, uint64_t interval);
static inline void host_roll(struct host *h, uint64_t interval)
{
   if (interval > h->interval) {
      host_move(h, interval);
   }
}
/* Mean of the intervals before index, beginning with the first that has bytes. */
void host_baseline(struct host *h, unsigned index, uint64_t *bytes, uint64_t *sources);
/* It is its own hash, too. */
static inline uint64_t source_key(const struct source_ref *s)
{
   uint64_t words[3] = {s->host};
   memcpy(&words[1], &s->network, sizeof(s->network));
   return nc_hash_words(words, 3);
}
/* Counts it in the destination's interval of this index, once. */
void source_count(struct ddos *self, struct host *h, struct source_ref *s, unsigned index);
/* Is it the first time that it sends packets of a flood in this interval? */
bool source_joins(struct ddos *self, struct source_ref *s);

/* ddos_detector.c */
/* begin: seconds. NULL without memory. */
struct flood *flood_start(struct ddos *self, struct host *h, enum flood_kind kind, uint64_t begin);
void flood_end(struct ddos *self, struct host *h);
/* Sends an alert of the sums in h->flood with these times, and resets the sums. */
int flood_report(nm_module_t *m, struct host *h, ur_time_t first, ur_time_t last);

/* volume.c */
int volume_add(nm_module_t *m, struct host *h, const struct flow *f, struct source_ref *source);
/* Before and after the windows of h move on by one interval. */
int volume_leave(nm_module_t *m, struct host *h);
int volume_moved(nm_module_t *m, struct host *h);
int volume_finish(nm_module_t *m, struct host *h);

/* packets.c */
/* both_ways: records tell whether a flow was answered. \return true: its packets belong to no connection */
bool packets_add(struct ddos *self, struct host *h, const struct flow *f, struct source_ref *source,
                 bool both_ways);
/* Are there enough of them that the destination must be checked when the interval ends? */
bool packets_many(const struct ddos *self, struct host *h);
/* With --early: is the running interval a flood already? Then it is reported. */
int packets_look(nm_module_t *m, struct host *h);
/* The newest interval of h is over. */
int packets_judge(nm_module_t *m, struct host *h);
int packets_finish(nm_module_t *m, struct host *h);

#endif
