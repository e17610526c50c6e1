/* SPDX-License-Identifier: BSD-3-Clause */
/** Rows in ClickHouse's format RowBinary. */
#ifndef CLICKHOUSE_ROWS_H
#define CLICKHOUSE_ROWS_H

#include <nemea/module.h>
#include <stdbool.h>

struct block {
   uint8_t *data;
   size_t size, capacity;
   uint64_t rows;
};

/** Type of a column that takes fields of a type: "DateTime64(9)". */
const char *rows_type(ur_field_type_t type);
/** Does a column of this type take them, too? Beside rows_type(): FixedString(16) for IPv6, and Int64 (nanoseconds) for DateTime64(9), the
 *  same bytes, which servers before 20.1 have instead. */
bool rows_type_fits(ur_field_type_t type, const char *column);
/** Appends the value of a field. \return false: no memory */
bool rows_add(struct block *b, const nm_field_t *field, const void *rec);

#endif
