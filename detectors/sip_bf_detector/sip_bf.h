/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file sip_bf.h
 * Servers, users, clients and what clients tried, shared by the parts of sip_bf_detector. README.md describes the method.
 */
#ifndef SIP_BF_H
#define SIP_BF_H

#include <nemea-common/nc_table.h>
#include <nemea/module.h>

#include "../common/pool.h"

#define USER_MAX     50 /* characters of a name */
#define USER_PADDING 13
#define DOMAIN_MAX   100

#define RECENT_SERVERS 1024

enum event_type { BRUTE_FORCE, DISTRIBUTED, SCAN };

/* What a message says. */
struct message {
   ip_addr_t server, client;
   ur_time_t time; /* whole seconds */
   uint64_t link;
   uint16_t server_port, client_port;
   uint8_t protocol;
   bool ok;                            /* 200; else a refusal */
   const char *user, *domain;          /* into the record */
   uint8_t user_length, domain_length; /* of the domain with what follows it */
};

struct server {
   uint32_t id;
   uint16_t port;
   uint8_t domain_length;
   char domain[DOMAIN_MAX];
};

struct client_key {
   uint64_t server; /* as wide as the key's alignment: no padding */
   ip_addr_t address;
};

struct pair_key {
   uint64_t user, client; /* ids */
};

/* Users with pairs of many clients, or clients with pairs of many users: tried together. With its key it is one cache line. */
struct group {
   struct link pairs; /* head */
   uint64_t id;
   ur_time_t last; /* attempt, while under attack */
   uint32_t n;     /* pairs */
   bool attack;
   bool held; /* it stays, also without pairs */
};

/* A group and the user's name. The key is a hash of the server's id and the name: it is secret and all its bits are compared, so nobody
 * can make two users alike. */
struct user {
   struct group group; /* first member */
   ip_addr_t server;
   uint8_t length;
   char name[USER_MAX];
   char rest[USER_PADDING]; /* makes an entry two cache lines, the second of which is seldom looked at */
};

_Static_assert(sizeof(struct group) + sizeof(struct client_key) <= 64, "a client is one cache line");
_Static_assert(sizeof(struct user) + sizeof(uint64_t) == 128, "a user is two cache lines");

/* What is kept apart from a group; set when it comes under attack. */
struct attack {
   struct link by_age; /* first member; those that tried last at the end */
   uint64_t other;     /* attempts without a pair */
   ur_time_t breach;
   ip_addr_t server, breacher;
   uint32_t ok; /* responses 200 */
};

/* A user that a client tried. With its key it is two cache lines. */
struct pair {
   struct link by_age; /* first member */
   struct link of_user, of_client;
   struct group *user, *client;
   ur_time_t first, last, breach;
   uint64_t attempts, link;
   uint32_t ok; /* responses 200 since the breach */
   uint16_t client_port;
   uint8_t protocol;
};

struct sip_bf {
   /* options */
   uint64_t alert_threshold, check_interval, free_delay;
   uint32_t dist_threshold, scan_threshold, ok_count;
   nc_table_t *servers; /* ip_addr_t -> struct server */
   nc_table_t *users;   /* uint64_t -> struct user */
   nc_table_t *clients; /* client_key -> struct group */
   nc_table_t *pairs;   /* pair_key -> struct pair */
   nc_table_t *rows;    /* second of an event -> next row of its ids */

   struct link pairs_by_age, users_by_age,
       clients_by_age;    /* heads; of users and clients those under attack */
   struct server *newest; /* the server of the last message, while it is in the table */
   struct server
       *recent[RECENT_SERVERS]; /* servers by a part of their addresses, while they are in the table */
   uint64_t ids;
   uint32_t server_ids;
   ur_time_t checked;
   bool had_event;
   uint64_t events, lost;
};

static inline struct attack *attack_on(const struct sip_bf *self, const struct group *group, bool is_user)
{
   return nc_table_apart(is_user ? self->users : self->clients, group);
}

static inline struct user *user_of(struct group *group)
{
   return (struct user *) group;
}
static inline struct pair *pair_of_user(struct link *link)
{
   return (struct pair *) (void *) ((char *) link - offsetof(struct pair, of_user));
}
static inline struct pair *pair_of_client(struct link *link)
{
   return (struct pair *) (void *) ((char *) link - offsetof(struct pair, of_client));
}

/* message.c */
/** The user and the domain of a "sip:user@domain". \return false: it is none */
bool message_party(struct message *msg, const char *party, uint32_t length);
/** Length of the domain without parameters and headers. */
uint8_t message_domain(const struct message *msg);
/** Is this the sequence number of a REGISTER? */
bool message_is_register(const char *cseq, uint32_t length);

/* Where a key most probably is in its table: nc_table_prefetch_hashed(). */
struct place {
   uint64_t hash;
   void *guess; /* NULL: there is none */
};

/* A message, and what it is looked up by. */
struct attempt {
   struct message msg;
   struct client_key client;
   uint64_t user;
   struct pair_key pair; /* of the user and the client as they were, or are expected, when the batch began */
   struct place at_client, at_user, at_pair;
   bool known;         /* is there a server? */
   bool user_prepared; /* are the user and the pair hashed? */
};

/* attempts.c */
void attempts_open(struct sip_bf *self);
void server_evicted(void *context, const void *key, void *value);
void user_evicted(void *context, const void *key, void *value);
void client_evicted(void *context, const void *key, void *value);
void pair_evicted(void *context, const void *key, void *value);
/** Messages in their order; n: at most NC_TABLE_BATCH. */
int attempts_add(nm_module_t *m, struct attempt *attempts, uint32_t n);
int attempts_finish(nm_module_t *m);

/* sip_bf_detector.c */
struct event {
   enum event_type type;
   ip_addr_t server, client;
   const struct user *user; /* NULL: many */
   const struct pair *pair; /* the first one */
   uint64_t attempts, average;
   ur_time_t first, last, breach;
};
int event_send(nm_module_t *m, const struct event *event);

#endif
