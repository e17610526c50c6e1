/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file brute.h
 * Services, limits, attackers and their flows, shared by the parts of brute_force_detector. README.md describes the method.
 */
#ifndef BRUTE_H
#define BRUTE_H

#include <nemea-common/nc_table.h>
#include <nemea/module.h>
#include <stdio.h>
#include <unirec/ip_prefix_search.h>

#include "../common/pool.h"

enum service { SSH, RDP, TELNET, FTP, SERVICES };
extern const char *const service_names[SERVICES];
extern const uint16_t service_ports[SERVICES];

enum direction { INCOMING, OUTGOING, DIRECTIONS }; /* to the server, from it */

/* ---------------------------------------------------------------- config.c */

struct range {
   uint32_t min_packets, max_packets;
   uint64_t min_bytes, max_bytes; /* all zero: no flow is in it */
};

struct service_config {
   uint32_t list_size, list_threshold;
   uint32_t record_timeout, host_timeout, report_timeout, attack_timeout; /* seconds */
   struct range range[DIRECTIONS];
};

struct config {
   uint32_t check_report, check_delete; /* seconds */
   uint32_t min_events;
   uint32_t delayed_events, delayed_window; /* log-ins that the server delayed, seconds */
   double min_ratio;                        /* percent */
   bool ignore_first;
   struct service_config service[SERVICES];
};

extern const struct config config_default;

/** Reads a configuration file; what it does not name keeps its default. Lines that are wrong are warned about. */
void config_read(nm_module_t *m, FILE *file, const char *path, struct config *config);
/** nm_load_fn */
void *config_load(nm_module_t *m, const char *path);

/* ------------------------------------------------------------- whitelist.c */

struct whitelist {
   ipps_context_t *side[2]; /* networks of clients, of servers; NULL: none */
};

/** Reads a whitelist. Lines that are wrong are warned about; accepted ones are printed on to, unless it is NULL.
 * \return NULL without memory */
struct whitelist *whitelist_read(nm_module_t *m, FILE *file, const char *path, FILE *to);
void whitelist_free(void *whitelist);
/** Is the client's side or the server's side of a flow on the list? whitelist may be NULL. */
bool whitelist_has(const struct whitelist *whitelist, const ip_addr_t *client, uint16_t client_port,
                   const ip_addr_t *server, uint16_t server_port);

/* ----------------------------------------------------------------- hosts.c */

#define PENDING     8 /* flows that wait for that of the other direction */
#define DELAYED_MAX 16

struct host_key {
   ip_addr_t attacker;
   uint64_t service; /* as wide as the key's alignment: no padding */
};

/* A flow that is kept. */
struct entry {
   ip_addr_t victim;
   uint32_t seconds; /* of its TIME_LAST */
   uint32_t matched;
};

/* Kept flows of one direction. */
struct list {
   struct queue entries;
   uint32_t matched;
};

/* Log-ins that the server delayed, to one victim. */
struct delayed {
   ip_addr_t victim;
   uint32_t count;
   uint32_t seconds[DELAYED_MAX]; /* ring: when the last ones ended */
   struct {
      uint32_t victim; /* hash */
      uint16_t port;   /* of the client; 0: free */
      uint8_t direction;
   } pending[PENDING];
   uint8_t next_pending;
};

/* An attacker, or an ordinary client, of one service. */
struct host {
   struct link by_age;   /* all hosts, the one that stored a flow last at the end */
   struct link reported; /* hosts with an attack under way; next NULL: not in it */
   struct list list[DIRECTIONS];
   uint32_t total[DIRECTIONS], matched[DIRECTIONS]; /* since the last report */
   ur_time_t report;                                /* the last one; 0: not reported */
   ur_time_t last;                                  /* of the last stored flow */
   ur_time_t expired;                               /* old entries were dropped as of this time */
   ur_time_t first_matched, last_matched;           /* since the last report, as of the sums */
   uint32_t packets;                                /* of matched flows */
   uint64_t bytes;
   uint16_t port; /* of the server, in the last matched flow */
   struct delayed delayed;
};

/* What a Telnet server usually sends. */
struct profile {
   uint32_t packets[15];
   uint64_t bytes[15];
   uint32_t max_packets; /* 0: not known yet */
   uint64_t max_bytes;
   uint8_t n, at; /* flows that are there; where the next one goes */
   uint8_t since; /* flows since the limits were set */
};

struct counters {
   uint64_t flows[DIRECTIONS], matched[DIRECTIONS];
};

struct brute {
   /* options */
   bool on[SERVICES], classic, details, verbose_whitelist;
   struct config *file;
   struct whitelist *whitelist;
   nc_table_t *hosts;    /* host_key -> struct host */
   nc_table_t *profiles; /* ip_addr_t -> struct profile */
   uint32_t flows;       /* entries in the pool */

   struct counters counters[SERVICES];
   struct pool pool;             /* of struct entry */
   struct link by_age, reported; /* heads */
   ur_time_t now, checked_report, checked_delete;
   bool content;       /* the format has it */
   uint64_t displaced; /* hosts whose flows made room for others */
   uint64_t omitted;   /* victims that did not fit into a NOTE */
   uint64_t attacks;
};

static inline const struct config *config_of(const struct brute *self)
{
   return self->file != NULL ? self->file : &config_default;
}
static inline struct host *host_of_age(struct link *link)
{
   return (struct host *) (void *) link; /* its first member */
}
static inline struct host *host_of_reported(struct link *link)
{
   return (struct host *) (void *) ((char *) link - offsetof(struct host, reported));
}
static inline enum service host_service(const struct brute *self, const struct host *h)
{
   return (enum service)((const struct host_key *) nc_table_key(self->hosts, h))->service;
}

/** \return NM_OK, nm_fail() */
int hosts_open(nm_module_t *m);
void hosts_close(struct brute *self);
/** Of the table of hosts. */
void hosts_evicted(void *context, const void *key, void *value);
struct host *host_get(struct brute *self, enum service service, const ip_addr_t *attacker);
/** Keeps a flow; the oldest one goes when the list is full. now: TIME_LAST of the flow */
void host_keep(struct brute *self, struct host *h, enum direction direction, const ip_addr_t *victim,
               bool matched, ur_time_t now);
void host_clear(struct brute *self, struct host *h);
void host_set_reported(struct brute *self, struct host *h, ur_time_t now);
void host_set_unreported(struct host *h);
/** Drops hosts that were silent for their timeout. */
void hosts_forget(struct brute *self, ur_time_t now);
/* --------------------------------------------------------------- attacks.c */

struct login {
   const ip_addr_t *client, *server; /* in the record */
   ur_time_t first, last;
   uint64_t bytes;
   uint32_t packets;
   uint16_t client_port, server_port;
   enum service service;
   enum direction direction;
   uint8_t flags;
};

/** Did the flow last as long as a log-in that the server refused late? */
bool attack_delayed(const struct login *f);
/** Typed fields of alerts: always, and with --details. */
#define ATTACK_FIELDS                                                                                       \
   "ipaddr SRC_IP,time DETECTION_TIME,uint32 EVENT_SCALE,uint16 DST_PORT,uint8 PROTOCOL,uint8 WARDEN_TYPE," \
   "string NOTE"
#define ATTACK_DETAILS                                                                                 \
   ",ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint64 BYTES,uint32 PACKETS,uint32 ADDR_CNT,string " \
   "SERVICE"
const char *attack_fields(const struct brute *self);
/** A flow of a log-in, or of another use of the service, that was no scan. */
int attack_add(nm_module_t *m, const struct login *f, bool matched);
/** Stream time goes on: attacks that ended. */
int attacks_check(nm_module_t *m, ur_time_t now);
/** The stream ended. */
int attacks_finish(nm_module_t *m);

#endif
