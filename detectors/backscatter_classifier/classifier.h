/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file classifier.h
 * What the parts of backscatter_classifier share: what is known of a victim, and where reports of it go.
 */
#ifndef BACKSCATTER_CLASSIFIER_H
#define BACKSCATTER_CLASSIFIER_H

#include <nemea-common/nc_json.h>
#include <nemea/module.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NAME_SIZE 256 /* of hosts, organisations and cities */
#define UUID_SIZE 37

/** A victim, as it is reported. */
struct victim {
   ip_addr_t address;
   uint8_t protocol;     /* of the answers */
   uint32_t first, last; /* seconds */
   uint64_t flows, packets, bytes;
   uint16_t port; /* most frequent source port of the answers; 0: of ICMP */
   double probability;
   double pps, bps;      /* estimates for the whole attack; 0: unknown */
   char uuid[UUID_SIZE]; /* the same for the same report */
   char host[NAME_SIZE], organisation[NAME_SIZE], city[NAME_SIZE], country[NAME_SIZE]; /* "": unknown */
   uint32_t asn;                                                                       /* 0: unknown */
};

/** Parts of a MISP object template. */
struct template_id {
   char uuid[64], category[64];
   unsigned version;
};

struct templates {
   struct template_id ddos, organization;
};

/** Those that are built in, or, unless directory is NULL, of DIRECTORY/NAME/definition.json. \return NM_OK, or NM_ERROR after nm_fail() */
int templates_load(nm_module_t *m, const char *directory, struct templates *to);
/** The event as MISP reads it. */
void misp_event(nc_json_t *to, const struct victim *v, const struct templates *templates);

/* ------------------------------------------------------------------ databases */

struct places;
/** For NM_FILE: a database in the format of MaxMind. */
void *places_open(nm_module_t *m, const char *path);
void places_close(void *places);
/** Fills in what the databases say; either may be NULL. */
void places_find(struct places *networks, struct places *cities, struct victim *v);

/* --------------------------------------------------------------------- export */

/** Where reports are sent. */
struct destination {
   const char *name; /* "misp", "c3isp": of its files in the spool */
   const char *url;
   const char *key;             /* Authorization header; NULL: none */
   const char *user, *password; /* basic authentication; NULL: none */
   const char
       *dsa; /* number of a data sharing agreement, sent as a form with the event; NULL: the event alone */
   bool insecure; /* certificates are not checked */
};

struct export_limits {
   uint32_t queue;    /* reports that wait */
   uint32_t timeout;  /* seconds for one request */
   uint32_t last;     /* seconds that the end may take */
   const char *spool; /* directory for reports that wait; NULL: none */
};

struct exporter;
/** Starts a thread that sends; reports of the spool are sent first. \return NULL after nm_fail() */
struct exporter *export_start(nm_module_t *m, const struct destination *to,
                              const struct export_limits *limits);
/** Puts a report into the queue; never waits. look_up: ask DNS for the victim's name first. named_only: without a name it is not sent */
void export_put(struct exporter *e, const struct victim *v, const struct templates *templates, bool look_up,
                bool named_only);
/** Counters, which the thread writes; copied for the module's. */
struct export_counts {
   uint64_t sent, waiting, retries, refused, dropped, nameless;
};
void export_count(struct exporter *e, struct export_counts *to);
/** Sends what waits, within the limit, and ends. e may be NULL, counts too. */
void export_end(struct exporter *e, struct export_counts *counts);

#endif
