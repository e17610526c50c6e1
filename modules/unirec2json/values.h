/* SPDX-License-Identifier: BSD-3-Clause */
/** Values of UniRec fields as JSON. */
#ifndef UNIREC2JSON_VALUES_H
#define UNIREC2JSON_VALUES_H

#include <nemea-common/nc_json.h>
#include <nemea/module.h>

/** Appends the value of a field. \param clean numbers for int8, bare addresses for macaddr, hexadecimal digits for bytes; otherwise the
 * text of the Python objects that NEMEA 2 sent */
void value_write(nc_json_t *json, const nm_field_t *field, const void *rec, bool clean);
/** The same of a value of a type. \param data not aligned \param length of its bytes */
void value_write_data(nc_json_t *json, uint8_t type, const void *data, size_t length, bool clean);
/** Appends "YYYY-MM-DDTHH:MM:SSZ". */
void value_write_time(nc_json_t *json, uint64_t seconds);

#endif
