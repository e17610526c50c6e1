/* SPDX-License-Identifier: BSD-3-Clause */
/** Flows to UniRec records: one or more outputs, each with the basic fields and those of its plugins. */
#ifndef FLOW_EXPORT_H
#define FLOW_EXPORT_H

#include "cache.h"

#include <nemea/module.h>

#define MAX_OUTPUTS 32

struct flow_exporter;

struct flow_exporter_config {
   nm_module_t *module;
   const struct flow_plugin *plugins[MAX_PLUGINS];
   unsigned n_plugins;
   uint32_t output_plugins[MAX_OUTPUTS]; /**< by output: set of plugins; 0: every flow, basic fields only */
   unsigned n_outputs;
   uint64_t link_bit_field; /**< or observation domain */
   uint8_t direction;
   bool odid; /**< uint32 ODID in place of LINK_BIT_FIELD */
};

/** Sets the formats of the module's outputs. \return NULL: failed, the module has the message */
struct flow_exporter *flow_exporter_new(const struct flow_exporter_config *config);
void flow_exporter_free(struct flow_exporter *e);
/** A flow_export_fn. Sending errors are kept for flow_exporter_result(). */
void flow_exporter_export(void *exporter, const struct flow *flow, void *const ext[MAX_PLUGINS],
                          enum flow_end reason);
/** NM_OK, or what the last send that did not succeed returned. */
int flow_exporter_result(const struct flow_exporter *e);

#endif
