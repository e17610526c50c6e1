/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the files of dnstunnel_detection share.
 *
 * A client has histograms of the sizes of its DNS messages, and trees of those names and answers that look as if they carried data
 * (names.c). At the end of a window each client is judged (judge.c): something is suspected first, then it is an attack, and in
 * the end it is over.
 */
#ifndef TUNNEL_H
#define TUNNEL_H

#include <nemea/module.h>
#include <stdio.h>

#define NAME_MAX_SIZE  254                 /* longer names are cut */
#define NAME_LONG      126                 /* names from here on lose what stands behind their last dot ... */
#define NAME_LONG_TAIL "max_length_domain" /* ... and get this instead */
#define NAME_ROOM      (NAME_MAX_SIZE + sizeof(NAME_LONG_TAIL))
#define ANSWER_MAX     1023
#define SAMPLE_SIZE    256
#define REQUEST_BINS   30 /* of 10 bytes each */
#define RESPONSE_BINS  150

/* ------------------------------------------------------------- messages */

struct text {
   const char *data;
   uint32_t length;
};

/** A DNS message, of a flow record or of a line of a file. */
struct message {
   ip_addr_t client;
   uint64_t time; /* ur_time_t */
   uint64_t size; /* bytes */
   bool response;
   struct text name, answers[4]; /* TXT, CNAME, MX, NS; length 0: none */
};

/* ---------------------------------------------------------------- trees */

enum tree_kind { TREE_REQUEST, TREE_NAME, TREE_TXT, TREE_CNAME, TREE_MX, TREE_NS, TREES };

struct tree {
   struct client *client;
   uint32_t
       id; /* changes when the tree is emptied: what the table of names has for the old one counts no more */
   uint32_t inserts;     /* I */
   uint32_t rare;        /* O: names seen less than 10 times */
   uint32_t names;       /* U */
   uint32_t weight;      /* J: one for each rare name, the real count of others */
   uint32_t labels;      /* labels below the root of the tree of labels */
   uint32_t most_below;  /* labels below the domain of two labels that has most of them */
   uint64_t all_inserts; /* since something is suspected */
   ur_time_t created;
   uint16_t sample_length;
   char sample[SAMPLE_SIZE]; /* the last rare name */
};

struct name_key {
   uint64_t hash;
   uint32_t tree, hash2;
};

/** A name, or a domain that names end with. */
struct name {
   uint32_t inserts;
   uint32_t below; /* of a domain of two labels: labels below it */
};

/** What a text looks like. */
struct looks {
   uint32_t length, different, digits;
};

/** What a text looks like. */
struct looks text_look(const struct text *text);
/** Lower-cases a text. */
void text_lower(const char *text, uint32_t length, char *to);
/** A name as it is looked at: cut if it is long. \param room NAME_ROOM bytes that the result may lie in */
struct text name_cut(const struct text *name, char *room);
/** Adds a text to a tree. */
void tree_insert(nc_table_t *names, struct tree *t, const char *text, uint32_t length, bool with_labels);
/** Forgets the names; what is suspected stays. */
void tree_empty(struct tree *t, uint32_t new_id);
/** Share of all labels that lie below one domain. */
double tree_share_below(const struct tree *t);

/* -------------------------------------------------------------- clients */

/** Numbers are those of TUNNEL_TYPE. */
enum detection {
   REQUEST_TUNNEL = 1,
   REQUEST_OTHER = 2,
   RESPONSE_NAME = 4,
   RESPONSE_TXT = 5,
   RESPONSE_CNAME = 6,
   RESPONSE_MX = 7,
   RESPONSE_NS = 8,
   RESPONSE_OTHER = 9,
   DETECTIONS = 10
};

enum state { NOTHING, SUSPICION, ATTACK };

struct finding {
   uint8_t state, rounds;
   uint32_t event; /* number of the attack */
};

struct sizes {
   uint64_t sum, squares;
   uint32_t count, without_name;
};

struct client {
   struct sizes requests, responses;
   struct finding found[DETECTIONS];
   struct tree *trees[TREES];
   uint64_t marked_requests;     /* sizes that look odd: what has them goes into the trees */
   uint64_t marked_responses[3]; /* a bit for each bin */
   ur_time_t last;
   bool capture_asked; /* the record of output 1 was sent */
   uint16_t request_bins[REQUEST_BINS],
       request_few[REQUEST_BINS]; /* all, and those of few different characters */
   uint16_t response_bins[RESPONSE_BINS], response_few[RESPONSE_BINS];
};

struct limits {
   uint32_t mean_min, mean_max, variance_min, variance_max;
};

struct pair {
   double first, second;
   bool set;
};

struct settings {
   struct limits requests, responses;
   struct pair letters;         /* different characters of requests, responses */
   struct pair subdomains;      /* read, unused */
   struct pair digits;          /* count, share */
   struct pair enough_requests; /* other, tunnel */
   struct pair enough_responses;
   struct pair searched; /* greatest, least share */
   struct pair rounds;   /* of suspicion, of attack */
   struct pair capture;  /* packets, seconds */
   bool requests_set, responses_set;
   double malformed;
   uint32_t request_length, window;
};

/** All that detection needs beside the module. */
struct tunnels {
   struct settings set;
   nc_table_t *clients; /* ip_addr_t -> struct client */
   nc_table_t *trees;   /* struct tree_key -> struct tree */
   nc_table_t *names;   /* struct name_key -> struct name */
   uint32_t last_id;
   uint64_t trees_lost;
};

struct tree_key {
   ip_addr_t client;
   uint64_t kind;
};

void client_add(struct tunnels *self, struct client *c, const struct message *m);
/** The trees of a client that is forgotten. */
void client_free_trees(struct tunnels *self, struct client *c);
/** A tree that made room for another. */
void tree_evicted(struct tunnels *self, const struct tree_key *key, const struct tree *t);
/** The tree of a kind, made if need be. */
struct tree *client_tree(struct tunnels *self, struct client *c, enum tree_kind kind, ur_time_t time);
/** Judges a client at the end of a window. attacks: bit of each detection that is to be reported now. \return false: nothing is known
 * of it any more that is worth keeping */
bool client_judge(struct tunnels *self, struct client *c, uint32_t *next_event, unsigned *attacks);
/** After the report: the trees of what was reported begin anew, and so do the histograms. */
void client_next_window(struct tunnels *self, struct client *c, unsigned attacks);
/** The tree that a detection looks at. */
enum tree_kind tree_of(enum detection d);
double mean(const struct sizes *s);
double variance(const struct sizes *s);

/* ---------------------------------------------------------------- files */

/** Domains (with what is below them) and addresses that are not looked at. */
struct whitelist *whitelist_domains(nm_module_t *m, FILE *file, const char *path);
struct whitelist *whitelist_addresses(nm_module_t *m, FILE *file, const char *path);
void whitelist_free(void *list);
bool whitelist_has_name(const struct whitelist *w, const char *name, uint32_t length);
bool whitelist_has_address(const struct whitelist *w, const ip_addr_t *ip);
/** A line of a file of packets. The texts point into the line, which is changed. \return false: it is none */
bool packet_parse(char *line, struct message *m);

#endif
