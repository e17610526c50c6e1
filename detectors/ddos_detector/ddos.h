/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file ddos.h
 * State of a destination, of a source network and of a flood, shared by the parts of ddos_detector. README.md describes the
 * methods.
 */
#ifndef DDOS_H
#define DDOS_H

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

/* A destination (address or prefix). What every flow looks at comes first: with the key, its table's entry is five cache lines, of which
 * most flows need one or two. The last three are cleared when they are needed. */
struct host {
   uint64_t id;       /* never used again for another destination */
   uint64_t interval; /* number of the newest one */
   uint64_t total;    /* of bytes */
   uint64_t bytes;    /* of the newest interval, as up to networks */
   uint32_t sources, flows, answered;
   uint32_t good; /* flows of ordinary use */

   struct host *next; /* list of destinations to check when an interval ends; NULL: not in it */
   struct flood *flood;
   uint64_t quiet_until; /* interval: until then its history holds a flood that was reported */
   struct lead *lead;    /* detail.h; both NULL without --details */
   struct detail *detail;
   uint32_t asked;        /* flows that the destination itself sent */
   uint32_t answers;      /* flows to it that look like answers of servers */
   uint32_t asked_before; /* asked, in the interval before */
   uint32_t networks;     /* distinct source networks of the packets */
   uint32_t port_lead;    /* of the candidate for the port of most of them (Boyer and Moore) */
   uint16_t port;
   bool has_packets, has_past; /* what follows is cleared */

   struct packets packets; /* host_packets() */

   uint64_t past_bytes[PAST]; /* oldest first; host_need_past() */
   uint32_t past_sources[PAST], past_flows[PAST], past_answered[PAST];
   struct host *prev; /* in the list */
};

#define HOST_CLEARED offsetof(struct host, packets) /* of a new one */

struct source_key {
   uint64_t host; /* id */
   ip_addr_t network;
};

/* A source network of one destination. Sources are counted exactly, whatever addresses an attacker chooses. */
struct source {
   uint32_t interval;  /* of the destination when it was last seen */
   uint8_t seen;       /* bit i: counted in the i-th interval before */
   bool among_packets; /* counted in struct packets of this interval */
};

struct ddos {
   /* options */
   uint64_t min_attack, min_before, min_history; /* kb/s */
   uint16_t rate, source_rate;
   uint8_t source_mask, target_mask, source_mask6, target_mask6;
   uint32_t flood_flows, flood_networks;
   nc_table_t *hosts;   /* ip_addr_t -> struct host */
   nc_table_t *sources; /* struct source_key -> struct source */
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
/* The destination, with its windows at this interval. hash: of nc_table_prefetch(), here and below */
struct host *host_get(struct ddos *self, const ip_addr_t *target, uint64_t hash, uint64_t interval);
/* The same, NULL when it is not known. */
struct host *host_find(const struct ddos *self, const ip_addr_t *target, uint64_t hash, uint64_t interval);
/* Adds it to the list of destinations to check when an interval ends. */
void host_watch(struct ddos *self, struct host *h);
void host_unwatch(struct host *h);
/* The packets of the newest interval. */
struct packets *host_packets(struct host *h);
/* Must come before the intervals before the newest one are looked at; hosts in the list have them. */
void host_need_past(struct host *h);
/* What an interval had; oldest first, the last one is NEWEST. */
static inline uint64_t *host_bytes(struct host *h, unsigned i)
{
   return i == NEWEST ? &h->bytes : &h->past_bytes[i];
}
static inline uint32_t *host_sources(struct host *h, unsigned i)
{
   return i == NEWEST ? &h->sources : &h->past_sources[i];
}
/* Is less than half of the flows of an interval answered? */
static inline bool host_is_deaf(const struct host *h, unsigned i)
{
   return i == NEWEST ? h->answered < h->flows / 2 : h->past_answered[i] < h->past_flows[i] / 2;
}
/* Moves the windows on: the last ones become those of this interval. */
void host_roll(struct host *h, uint64_t interval);
/* Mean of the intervals before index, beginning with the first that has bytes. */
void host_baseline(struct host *h, unsigned index, uint64_t *bytes, uint64_t *sources);
/* A source network of a destination, as of this interval; valid until the next call. hash: of the key */
struct source *source_get(struct ddos *self, const struct source_key *key, uint64_t hash, uint64_t interval);
/* Counts a source in the destination's interval of this index, once. */
void source_count(struct host *h, struct source *s, unsigned index);

/* ddos_detector.c */
/* begin: seconds. NULL without memory. */
struct flood *flood_start(struct ddos *self, struct host *h, enum flood_kind kind, uint64_t begin);
void flood_end(struct ddos *self, struct host *h);
/* Sends an alert of the sums in h->flood with these times, and resets the sums. */
int flood_report(nm_module_t *m, struct host *h, ur_time_t first, ur_time_t last);

/* volume.c */
int volume_add(nm_module_t *m, struct host *h, const struct flow *f, uint64_t bytes, struct source *source);
/* Before and after the windows of h move on by one interval. */
int volume_leave(nm_module_t *m, struct host *h);
int volume_moved(nm_module_t *m, struct host *h);
int volume_finish(nm_module_t *m, struct host *h);

/* packets.c */
/* both_ways: records tell whether a flow was answered. \return true: its packets belong to no connection */
bool packets_add(struct host *h, const struct flow *f, uint64_t bytes, struct source *source, bool both_ways);
/* Are there enough of them that the destination must be checked when the interval ends? */
bool packets_many(const struct ddos *self, struct host *h);
/* With --early: is the running interval a flood already? Then it is reported. */
int packets_look(nm_module_t *m, struct host *h);
/* The newest interval of h is over. */
int packets_judge(nm_module_t *m, struct host *h);
int packets_finish(nm_module_t *m, struct host *h);

#endif
