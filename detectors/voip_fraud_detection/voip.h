/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file voip.h
 * Callers, the numbers that they dialled and the countries that they called, shared by the parts of voip_fraud_detection. README.md
 * describes the method.
 */
#ifndef VOIP_H
#define VOIP_H

#include <nemea-common/nc_index.h>
#include <nemea-common/nc_table.h>
#include <nemea/module.h>
#include <stdio.h>

#include "../common/pool.h"

#define TARGET_MAX    100 /* bytes of "number@domain" */
#define TARGET_SHORT  26  /* what most have at most */
#define AGENT_MAX     99
#define COUNTRIES_MAX 20 /* of an address */
#define HARMLESS      4  /* nodes that a step remembers */

/* What a caller dialled. One cache line: a longer text lies apart, see target_text(). */
struct target {
   uint64_t hash;     /* of the caller's address and the text */
   uint64_t caller;   /* id; 0: not in use */
   uint64_t agent;    /* hash of the User-Agent */
   uint32_t next;     /* of the caller, or of the free ones; 0: none */
   uint32_t invites;  /* 0: reported and not dialled since */
   uint32_t answered; /* calls */
   uint8_t length;
   bool pending : 1; /* dialled since the last step */
   bool in_tree : 1, counted : 1;
   char text[TARGET_SHORT]; /* of at most this length */
};
_Static_assert(sizeof(struct target) == 64, "a target is one cache line");

/* A node of the tree of a caller's targets that nobody answered, read from their ends: targets below it end alike. One cache line. */
struct node {
   uint32_t digit[10]; /* children that go on with a digit */
   uint32_t other;     /* first of the others, ordered by their characters */
   uint32_t sibling;
   uint32_t unanswered; /* targets that end here or below */
   uint32_t target;     /* one whose text leads here */
   uint8_t begin, end;  /* characters of this text, from its end, that belong to the node */
   bool ends;           /* target ends here */
};

struct caller {
   struct link by_use;  /* first member */
   struct link suspect; /* of those with more unanswered targets than the limit, some of them new */
   uint64_t queued;     /* s, when it came into that list */
   uint64_t id;
   uint64_t first, last, checked, attacked; /* seconds; attacked: 0: never */
   uint64_t number;                         /* hash of the number of the last attack */
   uint32_t root, targets;                  /* 0: none */
   struct queue pending;                    /* of uint32_t: targets dialled since the last step */
   uint32_t n_targets;
   uint32_t dialled, answered; /* targets; those that were reported count when they are dialled again */
   uint32_t event_id, events, attacks; /* events: with continuations */
   bool often;                         /* in the list of those that called again */
};

struct agent {
   uint8_t length;
   char text[AGENT_MAX];
};

/* A call of which an answer may come. */
struct call {
   uint64_t caller;
   uint32_t target;
};

/* Countries that an address calls. */
struct countries {
   uint8_t n;
   char code[COUNTRIES_MAX][2];
   char last[2]; /* of the last alert */
   uint32_t event_id;
   uint64_t alerted; /* seconds; 0: never */
};

/* What a guess of prefixes looked like. */
struct examination {
   uint32_t node;
   uint32_t depth; /* characters of the number without prefix, and the domain */
   uint32_t count, answered, invites;
   uint32_t best; /* the target with the longest prefix */
   uint32_t prefix_length;
};

/* An INVITE, or the answer to one. */
struct message {
   const void *rec;
   ip_addr_t caller, peer;
   uint64_t hash; /* of the caller and the target */
   uint64_t call; /* of the caller and the Call-ID */
   ur_time_t time;
   const char *target;
   uint8_t length; /* of target; 0: an answer */
};

struct voip {
   /* options */
   const char *log_path, *event_id_path, *countries_path, *prefixes_path, *dialled_abroad;
   uint32_t max_prefix, min_number, limit, max_targets, capacity;
   uint64_t interval, pause, clear, learn;
   bool detect_at_once, no_save;
   nc_table_t *callers; /* ip_addr_t -> struct caller */
   nc_table_t *calls;   /* uint64_t -> struct call */
   nc_table_t *agents;  /* uint64_t -> struct agent */
   nc_table_t *homes;   /* ip_addr_t -> struct countries */

   /* tree.c; place 0 of each is not used */
   struct target *targets;
   char (*texts)[TARGET_MAX]; /* of the targets with a longer one */
   struct node *nodes;
   nc_index_t index; /* of targets */
   void *targets_base, *texts_base, *nodes_base, *index_base;
   uint32_t free_target, next_target, free_node, next_node, n_nodes;
   uint32_t n_targets;
   struct pool pending;
   struct link suspects;    /* callers that are checked also when they call no more */
   struct link once, often; /* callers, the one that called last at the end */
   uint64_t caller_ids;

   /* countries.c */
   char (*allowed)[2];
   uint32_t n_allowed;
   bool changed;
   uint64_t saved, learn_until; /* s */

   FILE *log, *prefixes;
   uint64_t agent; /* hash of the one seen last */
   uint64_t now;   /* s, of the newest record */
   ur_time_t newest, far;
   uint64_t cleared, told; /* s */
   uint32_t event_id, reserved;
   uint64_t invites, invalid, examinations, examination_attacks, calls_abroad, country_attacks;
   uint64_t trees_replaced, callers_given_up, callers_idle, file_errors;
};

/* tree.c */
bool tree_open(struct voip *self);
void tree_close(struct voip *self);
void caller_evicted(void *context, const void *key, void *value);
/** The caller calls: it is the last one to be evicted. */
void caller_used(struct voip *self, struct caller *c);
/** Removes all targets of a caller. */
void tree_clear(struct voip *self, struct caller *c);
/** Is there something that the next step might find? */
bool caller_is_suspect(const struct voip *self, const struct caller *c);
/** The target of a message, which the next step looks at. \return 0: there is no place */
uint32_t tree_add(struct voip *self, struct caller *c, const struct message *msg);
/** A call of the target was answered. */
void tree_answered(struct voip *self, struct caller *c, uint32_t target);
/** Puts a target that nobody answered into the tree, if it is not there, and counts it. */
void tree_count(struct voip *self, struct caller *c, uint32_t target);
/** It has been reported, or was answered, and is counted no more. */
void tree_uncount(struct voip *self, struct caller *c, uint32_t target);
/** The child of a node that goes on with this character; 0: none */
uint32_t node_child(const struct voip *self, uint32_t node, char c);
/** Fetches a target. */
static inline void target_fetch(const struct voip *self, uint32_t target)
{
   __builtin_prefetch(&self->targets[target]);
}
static inline const char *target_text(const struct voip *self, const struct target *t)
{
   return t->length <= TARGET_SHORT ? t->text : self->texts[t - self->targets];
}
static inline char target_char(const struct voip *self, const struct target *t, uint32_t depth)
{
   return target_text(self, t)[t->length - 1 - depth];
}
/** Calls visit() for all nodes from this one on, in the order of their characters. */
typedef void (*node_fn)(struct voip *self, uint32_t node, void *context);
void tree_walk(struct voip *self, uint32_t node, node_fn visit, void *context);

/* examine.c */
/** Looks for guesses of prefixes among what was dialled since the last step, and closes what it finds: it is counted anew.
 * \return false: there are none */
bool examine(struct voip *self, struct caller *c, struct examination *found);

/* numbering.c */
/** The country of an international number: its digits without prefix. \return ISO 3166 code, two letters; NULL: unknown */
const char *numbering_country(const char *digits, uint32_t n);

/* countries.c */
int countries_read(nm_module_t *m);
int countries_parse(nm_module_t *m, FILE *file, const char *path);
void countries_write(const struct voip *self, FILE *to);
void countries_save(nm_module_t *m);
void countries_close(struct voip *self);
/** The country that a target is in. \return NULL: it is not an international number, or of no known country */
const char *countries_of(const struct voip *self, const char *target, uint32_t n);
/** Is a call to this country unusual for the address? Learns it otherwise. \param home what is known of the address, made if need be */
bool countries_unusual(struct voip *self, const ip_addr_t *ip, const char *country, struct countries **home);

/* state.c */
/** Replaces a file by another one, so that there is always a whole one. */
bool state_write(const char *path, const char *text, size_t size);
int event_id_read(nm_module_t *m);
int event_id_parse(nm_module_t *m, FILE *file);
uint32_t event_id_new(nm_module_t *m);
/** At the end: the last id that was given, not those in reserve. */
void event_id_close(nm_module_t *m);

/* log.c */
int logs_open(nm_module_t *m);
void logs_close(struct voip *self);
void log_line(struct voip *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_start(struct voip *self);
void log_totals(struct voip *self);
char *log_time(uint64_t seconds, char to[32]);
void log_examination(nm_module_t *m, const ip_addr_t *ip, const struct caller *c, const struct examination *e,
                     const char *agent, bool continued);
void log_country(nm_module_t *m, const struct message *msg, const struct countries *home, const char *country,
                 bool continued);
/** A line for a prefix that was tried. */
void log_prefix(struct voip *self, const struct examination *e, const struct target *t);
void log_prefixes_end(nm_module_t *m);

#endif
