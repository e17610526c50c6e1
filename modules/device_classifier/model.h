/* SPDX-License-Identifier: BSD-3-Clause */
/** Models of libsvm that say whether a device has a label. */
#ifndef DEVICE_CLASSIFIER_MODEL_H
#define DEVICE_CLASSIFIER_MODEL_H

#include <libsvm/svm.h>
#include <stdbool.h>
#include <stddef.h>

#include "devices.h"

#define MODEL_WHY    256
#define MOST_VECTORS 65536u

struct model;

/** Reads a model in libsvm's text format: classification (c_svc or nu_svc) into two classes, one of which is 1. All of it is
 * checked here, since libsvm itself trusts its files. \return NULL, with the reason in why */
struct model *model_read(const char *text, size_t size, char why[MODEL_WHY]);
/** NULL is allowed. */
void model_free(struct model *m);

/** Features as libsvm reads them; the list ends with index -1. */
void model_nodes(const struct feature *features, unsigned n, struct svm_node to[MOST_FEATURES + 1]);
/** \return true: class 1 */
bool model_says(const struct model *m, const struct svm_node *nodes);

#endif
