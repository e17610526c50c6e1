/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file scenarios.h
 * Events about one command-and-control server or one blacklisted name, while it is watched.
 */
#ifndef ADAPTIVE_FILTER_SCENARIOS_H
#define ADAPTIVE_FILTER_SCENARIOS_H

#include <jansson.h>
#include <nemea-common/nc_table.h>
#include <unirec/unirec.h>

#define SCENARIO_KEY      256  /* bytes of a key, with its NUL */
#define SCENARIO_ENTITIES 4096 /* addresses of a scenario; more are left out */
#define SCENARIO_EVENTS   1000 /* events of a scenario that are kept; more are only counted */
#define SCENARIO_PART     100  /* events in a message */
#define SCENARIO_BYTES    60000

enum scenario_type { SCENARIO_BOTNET, SCENARIO_DNS };

struct scenario_key {
   uint8_t type;
   char text[SCENARIO_KEY]; /* address or name; the rest is zero */
};

struct scenario {
   char id[37]; /* UUID */
   ur_time_t first, last;
   uint64_t events;     /* all of them */
   json_t *grouped;     /* array of those that are kept */
   ip_addr_t *entities; /* sorted, each once */
   uint32_t n_entities;
   bool changed;    /* since the entities were looked up */
   uint64_t number; /* in the order of the begins */
};

/** Random UUID (RFC 4122, version 4). */
void scenario_make_id(char id[37]);
void scenario_release(struct scenario *s);
/** Keeps an event; takes the reference. */
void scenario_add(struct scenario *s, json_t *event, ur_time_t first, ur_time_t last);
/** \return false: no room, or no memory */
bool scenario_add_entity(struct scenario *s, const ip_addr_t *ip);
/** The scenario as messages, each at most SCENARIO_BYTES long. \param send called for each \return false: out of memory, or send() failed */
bool scenario_export(const struct scenario_key *key, const struct scenario *s,
                     bool (*send)(void *context, const char *text, size_t length), void *context);

#endif
