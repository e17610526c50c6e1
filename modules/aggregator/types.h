/* SPDX-License-Identifier: BSD-3-Clause */
/** Which functions agg has for which types. */
#ifndef AGGREGATOR_TYPES_H
#define AGGREGATOR_TYPES_H

#include <nemea/aggregate.h>

/** Sets the type of a column; where agg does not have the function for it, says so on standard error, and the first value is taken. */
void set_type(nm_column_t *column);

#endif
