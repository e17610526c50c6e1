/* SPDX-License-Identifier: BSD-3-Clause */
/** What a decoder remembers: exporters, their observation domains, templates, and sets that wait for a template. */
#ifndef FLOW_COLLECTOR_STATE_H
#define FLOW_COLLECTOR_STATE_H

#include "decode.h"
#include "sflow.h"

#include <nemea-common/nc_table.h>

#define MAX_SAMPLERS 16 /* of a domain; further ones take the place of the oldest */

struct template;

struct exporter {
   uint64_t uid; /* never used again: domains of an exporter that was evicted cannot be found any more */
   uint64_t messages, records, lost, out_of_order, restarts, malformed, no_template;
   struct template *newest, *oldest; /* its templates, by last use */
   uint32_t n_templates;
   uint8_t version;
};

struct domain_key {
   uint64_t exporter;
   uint32_t id;
   uint16_t version, stream;
};

struct domain {
   uint64_t uid;
   uint32_t expected; /* next sequence number, if has_expected */
   uint32_t uptime;   /* of the last message */
   uint32_t waiting;  /* sets that wait for a template */
   bool has_expected;
   uint32_t largest; /* step of sequence numbers in one message so far */
   uint64_t init_time;
   uint32_t rate; /* without sampler; 0: not said */
   struct {
      uint64_t id;
      uint32_t rate;
   } samplers[MAX_SAMPLERS];
   uint32_t n_samplers;
};

struct template_key {
   uint64_t domain;
   uint64_t id;
};

struct template
{
   struct exporter *exporter;
   struct template *newer, *older;
   struct fc_program *programs[FC_MAX_OUTPUTS]; /* NULL of options templates */
   struct fc_shape *shape;
   uint8_t *definition; /* as it came: a template that is sent again is not compiled again */
   uint32_t definition_size;
   bool options;
};

struct waiting; /* see waiting.c */

struct fc_decoder {
   struct fc_decoder_config config;
   nc_table_t *exporters, *domains, *templates;
   struct waiting *waiting;
   uint64_t next_uid;
   uint64_t counters[FC_COUNTERS];
   uint64_t sent[FC_MAX_OUTPUTS];
   const char *lacks[FC_MAX_OUTPUTS]; /* a mandatory field that a record did not have */
   struct template *fixed[4];         /* of NetFlow v5 and v7, of sFlow with addresses of IPv4 and of IPv6 */
   struct fc_sflow *sflow;
   struct fc_layout layout;
   struct fc_sublists lists; /* of the set that is being read, for this output of this message: */
   unsigned list_output;
   struct message *list_message;
   /* The exporter of the last message, to look it up once for many. */
   struct fc_peer last_peer;
   struct exporter *last_exporter;
};

/** A message while it is read. */
struct message {
   struct fc_decoder *d;
   const struct fc_peer *peer;
   struct exporter *exporter;
   struct domain *domain;
   struct domain
       *sequences; /* whose sequence numbers the message has: of the domain, or one for its stream */
   struct fc_context context;
   uint64_t now;
   uint8_t version;
   uint16_t stream;  /* of SCTP */
   uint32_t records; /* data records, options included */
   bool unsure;      /* it has sets whose records cannot be counted */
};

/* templates.c */
void read_templates(struct message *m, const uint8_t *p, size_t size, bool options);
struct template *find_template(struct message *m, uint16_t id);
/** Compiles a template. \return NULL: no memory, or a template that cannot be used */
struct template *make_template(struct fc_decoder *d, const struct fc_field *fields, unsigned n, bool options,
                               const uint8_t *definition, size_t size);
void free_template(struct template *t);
void template_evicted(void *decoder, const void *key, void *value);
void exporter_evicted(void *decoder, const void *key, void *value);

/* records.c */
void read_records(struct message *m, const struct template *t, const uint8_t *p, size_t size);
void malformed(struct message *m);

/* waiting.c */
struct waiting *waiting_new(uint32_t bytes);
void waiting_free(struct waiting *w);
/** Keeps a set until its template comes. */
void waiting_add(struct message *m, uint16_t id, const uint8_t *p, size_t size);
/** Reads the sets of a template that came. */
void waiting_read(struct message *m, uint16_t id, const struct template *t);
void waiting_expire(struct fc_decoder *d, uint64_t before);

/* sequence.c */
/** units: what the message counts for. */
void check_sequence(struct message *m, uint32_t sequence, uint32_t units, uint32_t uptime, bool has_uptime);

#endif
