/* SPDX-License-Identifier: BSD-3-Clause */
/** What is known of addresses: label of the own network, country, AS, and the name if there is a resolver. Never blocks. */
#ifndef WEB_ENRICH_H
#define WEB_ENRICH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct enrich;

struct enrich_options {
   const char *networks;     /* a file; NULL: none */
   const char *const *geoip; /* databases; none: the usual ones */
   unsigned n_geoip;
   bool resolver;
};

/** \return NULL with a message that names the file */
struct enrich *enrich_open(const struct enrich_options *o, char *why, size_t size);
void enrich_close(struct enrich *e);
/** \param list of addresses, as texts. \return {ADDRESS: {"network", "country", "as", "as_name", "name"}}, with what is known of each */
json_t *enrich_addresses(struct enrich *e, const json_t *list);
/** {"geoip": bool, "networks": N, "resolver": bool} */
json_t *enrich_about(const struct enrich *e);

#endif
