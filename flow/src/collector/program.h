/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The conversion of an exporter's records to an output's UniRec records. It is compiled when the template arrives: a list of copy operations,
 * each from a place in the exporter's record to a place in ours. Records are then converted without looking at names or numbers.
 */
#ifndef FLOW_COLLECTOR_PROGRAM_H
#define FLOW_COLLECTOR_PROGRAM_H

#include "format.h"

#define FC_VARIABLE        65535
#define FC_TEMPLATE_FIELDS 256 /* of an exporter's template; one with more is refused and counted */

/** A field of an exporter's template. */
struct fc_field {
   uint32_t pen;
   uint16_t id, length;
};

/** Values of a record that are no fields of an output, but say how others are meant. */
enum fc_fact {
   FACT_SAMPLER,     /* which sampler chose the packets: samplerId, selectorId */
   FACT_RATE,        /* one packet of so many: samplingInterval, samplerRandomInterval */
   FACT_INTERVAL,    /* samplingPacketInterval packets are taken, */
   FACT_SPACE,       /* samplingPacketSpace are not */
   FACT_SIZE,        /* samplingSize packets of */
   FACT_POPULATION,  /* samplingPopulation */
   FACT_PROBABILITY, /* samplingProbability */
   FACT_INIT_TIME,   /* systemInitTimeMilliseconds */
   FACT_INGRESS,     /* ingressInterface */
   FACT_EGRESS,      /* egressInterface */
   FACT_WAY,         /* flowDirection: 0 ingress, 1 egress */
   FACT_BIFLOW,      /* biflowDirection: 2: source and destination are the wrong way round */
   FACT_DURATION_MS, /* flowDurationMilliseconds */
   FACT_DURATION_US, /* flowDurationMicroseconds */
   FACTS
};

struct fc_facts {
   uint64_t value[FACTS];
   uint32_t present; /* bit set of enum fc_fact */
};

/** Where the fields of a record of variable length are. */
struct fc_layout {
   const uint8_t *begin[FC_TEMPLATE_FIELDS + 1]; /* of the part after so many variable-length fields */
   const uint8_t *value[FC_TEMPLATE_FIELDS];     /* of the variable-length fields */
   uint16_t length[FC_TEMPLATE_FIELDS];
};

struct fc_shape;
struct fc_program;

/** Finds the templates of lists' records (RFC 6313), for one output. */
struct fc_sublists {
   void *context;
   /** \return false: there is no such template, or it is one of options */
   bool (*find)(void *context, uint16_t id, const struct fc_shape **shape, const struct fc_program **program);
   uint64_t passed_over; /* lists, or rests of lists, that could not be read */
};
#define FC_LIST_DEPTH 4 /* of lists in lists */

/** What a message says about the records in it. */
struct fc_context {
   uint64_t export_time; /* ur_time_t: when the message was sent by the exporter's clock */
   uint64_t init_time;   /* milliseconds since the epoch when its sysUpTime was 0; 0: not known */
   uint32_t uptime;      /* sysUpTime of the message, if has_uptime */
   uint32_t domain;
   uint64_t link;
   uint8_t direction;
   bool has_uptime;
   bool apply_rate; /* multiply counters by the sampling rate */
   uint32_t rate;   /* one packet of so many; 0: not known */
   uint8_t exporter[16];
   struct fc_sublists *lists; /* NULL: lists of whole records are not read */
};

/** What is known of an exporter's template, whatever the output. */
struct fc_shape {
   uint16_t minimum; /* bytes of the shortest record */
   uint16_t n_variable;
   uint16_t gaps[FC_TEMPLATE_FIELDS +
                 1]; /* bytes of fixed-length fields before each variable one, and after the last */
   struct {
      uint8_t fact;
      uint8_t length;
      uint16_t segment, at;
   } facts[FACTS * 2];
   unsigned n_facts;
};

/** \return false: the template cannot be used: records of no or of too many bytes */
bool fc_shape_init(struct fc_shape *shape, const struct fc_field *fields, unsigned n);
/** Finds the fields of the record at p, of which there are `left` bytes. layout is set when the template has variable-length fields.
 * \return bytes of the record; 0: it does not fit */
size_t fc_shape_measure(const struct fc_shape *shape, const uint8_t *p, size_t left,
                        struct fc_layout *layout);
/** Reads the facts of a record. */
void fc_shape_facts(const struct fc_shape *shape, const uint8_t *p, const struct fc_layout *layout,
                    struct fc_facts *facts);
/** \return one packet of so many, as facts say; 0: they do not */
uint32_t fc_facts_rate(const struct fc_facts *facts);

/** \return NULL: no memory. elements and format must outlive it. */
struct fc_program *fc_program_new(const struct fc_elements *elements, const struct fc_format *format,
                                  const struct fc_field *fields, unsigned n);
void fc_program_free(struct fc_program *p);
/** \return NULL: the template has all mandatory fields; else the name of one that it lacks */
const char *fc_program_lacks(const struct fc_program *p);
/** Writes a record of an output. room: at least the static size of the format's template, UR_MAX_SIZE if that has variable-length fields.
 * facts: of this record. \return bytes; 0: it would be larger than a record can be; FC_PROGRAM_LACKS: it has not all mandatory lists */
#define FC_PROGRAM_LACKS SIZE_MAX
size_t fc_program_run(const struct fc_program *p, const uint8_t *record, const struct fc_layout *layout,
                      const struct fc_context *context, const struct fc_facts *facts, void *room);

#endif
