/* SPDX-License-Identifier: BSD-3-Clause */
/** Alerts of a detector as the input of a module: their format, known or changed. */
#ifndef MODULES_ALERT_FORMAT_H
#define MODULES_ALERT_FORMAT_H

#include <nemea/alert_input.h>
#include <nemea/module.h>

/** For a module's format(). \return NM_OK; nm_fail(): no alerts, or those of no known detector */
static inline int alert_format(nm_module_t *m, uint32_t input, struct alert_input *in)
{
   char why[ALERT_INPUT_WHY];
   enum nm_data data = nm_in_data(m, input);
   if (data == NM_RAW) {
      return nm_fail(m, "input %s: expected alerts, the sender has other data", nm_input_spec(m, input));
   }
   bool known = alert_input_format(in, nm_input_spec(m, input), data == NM_JSON, nm_in_format(m, input), why);
   return known ? NM_OK : nm_fail(m, "%s", why);
}

#endif
