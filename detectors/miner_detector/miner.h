/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of miner_detector share. */
#ifndef MINER_H
#define MINER_H

#include "../blacklist/lines.h"
#include "probe.h"

#include <nemea/module.h>

#define MINER_PATH      256
#define LEARNED_SECONDS 86400 /* how long the result of a check counts */

/* ------------------------------------------------------------- configuration */

/** Pools by address and port; port 0: any. */
struct pool_list {
   nc_table_t
       *entries;  /* struct pool -> uint32_t: the second at which it expires, UINT32_MAX: never; NULL: none */
   bool any_port; /* it has had an entry of any port */
};

struct miner_config {
   uint32_t conn_timeout, read_timeout; /* s */
   uint32_t timeout_active, timeout_inactive, check_period;
   uint32_t score_threshold;
   uint32_t suspects, blacklisted, whitelisted; /* capacities */
   bool stratum_check;
   char store_blacklist[MINER_PATH], store_whitelist[MINER_PATH]; /* "": not stored */
   struct pool_list black, white;                                 /* of the files */
};

/** For NM_FILE_OR(). */
void *config_load(nm_module_t *m, const char *path);
void config_free(void *config);
/** Reads the numbers and paths. \param lists the paths of both lists, MINER_PATH bytes each; "": none \return false: error is set */
bool config_read(const char *path, struct miner_config *config, char lists[2][MINER_PATH],
                 char error[BL_ERROR]);

/** Parses "IPV4[:PORT]", "IPV6" or "[IPV6]:PORT"; blanks count nothing. \return false: it is none of these */
bool pool_parse(const char *text, size_t length, struct pool *pool);
/** \return false: no memory */
bool pool_list_open(struct pool_list *list, uint32_t capacity, bool evict);
void pool_list_close(struct pool_list *list);
/** \return false: the list is full */
bool pool_list_add(struct pool_list *list, const struct pool *pool, uint32_t expires);
/** Is the pool, or its address with any port, in the list at this second? */
bool pool_list_has(const struct pool_list *list, const ip_addr_t *ip, uint16_t port, uint32_t now);
/** Reads a file of pools into a list. */
bool pool_list_read(nm_module_t *m, struct pool_list *list, const char *path, uint32_t capacity,
                    char error[BL_ERROR]);
/** Writes what both lists hold at this second. */
bool pool_list_store(const struct pool_list *one, const struct pool_list *two, const char *path, uint32_t now,
                     char error[BL_ERROR]);

/* ------------------------------------------------------------------- suspects */

struct suspect_key {
   ip_addr_t src, dst;
   uint16_t port; /* of dst */
   uint16_t zero[3];
};

/** What an alert relies on; the order is that of the field MINER_EVIDENCE. */
enum evidence { EVIDENCE_NONE, EVIDENCE_LIST, EVIDENCE_CHECK, EVIDENCE_CONTENT, EVIDENCE_SCORE };

/** Flows of a client to a port of a server. */
struct suspect {
   uint64_t bytes;
   uint64_t packets;
   uint32_t ack, ackpush, syn, rst, fin, other, req; /* flows */
   uint32_t first, last, exported;                   /* s */
   uint8_t evidence;
   bool request, answer, job; /* of the protocol of mining pools, see stratum_is_request() and so on */
};

/** Points by traffic statistics, at most 13. */
unsigned judge_score(const struct suspect *s);
/** The decision tree. */
bool judge_tree(const struct suspect *s);

/** Of the stratum protocol and its relatives: a request of a miner; what may be an answer to it; work that a pool hands out. */
bool stratum_is_request(const char *data, size_t n);
bool stratum_is_answer(const char *data, size_t n);
bool stratum_is_job(const char *data, size_t n);

/* --------------------------------------------------------------------- module */

struct miner {
   struct miner_config *config;
   bool no_check, allow_private, details, unconfirmed;
   nc_table_t *suspects;              /* struct suspect_key -> struct suspect */
   nc_table_t *asked;                 /* struct pool -> uint32_t: the second of the last question */
   struct pool_list confirmed, clean; /* what checks found */
   struct probe *probe;               /* NULL: no checks */
   uint32_t now, next_check;          /* s */
   bool content;                      /* the input has IDP_CONTENT */
   bool live;                         /* the input is no recording */
   uint64_t alerts, checks, checks_positive, checks_negative, checks_failed, not_public, queue_full;
};

bool is_blacklisted(const struct miner *self, const ip_addr_t *ip, uint16_t port);
bool is_whitelisted(const struct miner *self, const ip_addr_t *ip, uint16_t port);
/** The first flow of a new suspect was at this second. */
void suspect_begin(struct suspect *s, uint32_t last);
/** Counts a flow. */
void suspect_add(struct suspect *s, uint8_t protocol, uint8_t flags, uint16_t src_port, uint16_t dst_port,
                 uint32_t packets, uint64_t bytes, uint32_t last);
/** nc_table_evict_fn of the table of suspects. */
void suspect_evicted(void *context, const void *key, void *value);
/** Looks at all suspects. */
int suspects_check(nm_module_t *m, uint32_t now);
/** Looks at all suspects a last time, and reports those that are miners. */
int suspects_finish(nm_module_t *m);
/** Begins to ask servers, if the configuration wants it and the input is live. */
int checks_open(nm_module_t *m);
/** Takes the results of checks. */
void checks_collect(nm_module_t *m);

int alert_send(nm_module_t *m, const struct suspect_key *key, const struct suspect *s);

#endif
