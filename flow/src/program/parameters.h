/* SPDX-License-Identifier: BSD-3-Clause */
/** Parameters of ipfixprobe's plugins: "name;param;param=value". */
#ifndef FLOW_PARAMETERS_H
#define FLOW_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARAMETER_ERROR 1536

enum parameter_type {
   PARAMETER_FLAG,         /**< bool */
   PARAMETER_BOOL,         /**< bool: true or false */
   PARAMETER_TEXT,         /**< const char * */
   PARAMETER_NUMBER,       /**< uint32_t, min to max; decimal, 0x, 0 */
   PARAMETER_MAYBE_NUMBER, /**< int64_t: -1 not given, -2 given without a value */
   PARAMETER_LONG          /**< uint64_t */
};

/** A table of these ends with one without a name. */
struct parameter {
   const char *short_name, *name;
   enum parameter_type type;
   void *to;
   uint32_t min, max;
   const char *argument, *help;
};

/** Sets parameters from "param;param=value..."; the text is cut up and kept. \return false with a message in error */
bool parameters_parse(const char *plugin, char *text, const struct parameter *table,
                      char error[PARAMETER_ERROR]);
/** A number as a whole: decimal, 0x hexadecimal, 0 octal. */
bool parameter_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/** Prints them, one a line. */
void parameters_print(const struct parameter *table);

#endif
