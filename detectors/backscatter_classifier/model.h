/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file model.h
 * Decision trees that tell vectors of floods from others. The file format is described in README.md, "The model".
 *
 * A file may come from anywhere: whatever it says, reading and evaluating it ends, stays within the memory of the model, and gives a
 * number. Nothing in it is run.
 */
#ifndef BACKSCATTER_CLASSIFIER_MODEL_H
#define BACKSCATTER_CLASSIFIER_MODEL_H

#include <stddef.h>

#define MODEL_ERROR     256
#define MODEL_FILE_MAX  (8u << 20) /* bytes */
#define MODEL_NODES_MAX 262144     /* of all trees */
#define MODEL_TREES_MAX 16384

/** What is known of a vector. */
enum value {
   VALUE_ACKSYN,
   VALUE_BYTES,
   VALUE_BYTES_AVG,
   VALUE_BYTES_STD,
   VALUE_DURATION, /* seconds */
   VALUE_FLOW_COUNT,
   VALUE_MAX_FPM,
   VALUE_PACKET_COUNT,
   VALUE_PPF_AVG,
   VALUE_PPF_STD,
   VALUE_RATE, /* flows a second */
   VALUE_RST,
   VALUE_SRC_PORT_1_COUNT,
   VALUE_SRC_PORT_2_COUNT,
   VALUE_SRC_PORT_3_COUNT,
   VALUE_UNIQUE_DST_24_SUBNETS,
   VALUE_UNIQUE_DST_IPS,
   VALUE_UNIQUE_DST_PORTS,
   VALUE_UNIQUE_SRC_PORTS,
   VALUES
};

/** The protocols that a file has models of. */
enum model_protocol { MODEL_TCP, MODEL_ICMP, MODEL_PROTOCOLS };

struct model;

/** \return NULL, with the reason in error */
struct model *model_read(const char *text, size_t size, char error[MODEL_ERROR]);
void model_free(struct model *model);
/** How likely a vector is that of a flood, 0 to 1. values: VALUES of them */
double model_probability(const struct model *model, enum model_protocol protocol, const double *values);
/** Number of trees. */
size_t model_trees(const struct model *model, enum model_protocol protocol);
/** The model that is built in: the file backscatter.model. */
extern const unsigned char model_builtin[];
extern const size_t model_builtin_size;

#endif
