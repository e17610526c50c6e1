/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file ur_layout.h
 * Layouts: records of one format, read without the field registry.
 *
 * A template needs its fields in the registry of the process, where each name has one type. A program that reads formats of
 * several senders, any two of which may give a field different types (EVENT_ID is uint32 in the alerts of one detector, uint64
 * in those of another), makes a layout of each format instead. Layouts are for reading, by name or index; they know nothing of each other.
 *
 * Threads: a layout is never changed once it is made, any number of threads may use it.
 */
#ifndef UR_LAYOUT_H
#define UR_LAYOUT_H

#include <unirec/unirec.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ur_layout ur_layout_t;

/** Makes a layout of a format, "type NAME,type NAME" (as trap_ctx_get_data_fmt() gives it); fields may come more than once.
 *  \return NULL and errno: EINVAL for invalid text, an unknown type or a field with two types, EMSGSIZE when the fixed part of a
 *  record is too long, ENOMEM. Free it with ur_layout_free() */
ur_layout_t *ur_layout_create(const char *format);
/** NULL is allowed. */
void ur_layout_free(ur_layout_t *layout);
/** \return number of fields */
int ur_layout_count(const ur_layout_t *layout);
/** \return index of a field, in the order of the record; -1: the format has no such field */
int ur_layout_find(const ur_layout_t *layout, const char *name);
/** \return name of a field, valid as long as the layout. \param index less than ur_layout_count() */
const char *ur_layout_name(const ur_layout_t *layout, int index);
/** \return type of a field. \param index less than ur_layout_count() */
ur_field_type_t ur_layout_type(const ur_layout_t *layout, int index);
/** As ur_rec_check(): \return 0 when the record does not match the layout, and must not be read */
int ur_layout_check(const ur_layout_t *layout, const void *rec, uint32_t size);
/** \return the value of a field, not aligned. \param rec checked by ur_layout_check()
 *  \param length set to the length of the value in bytes */
const void *ur_layout_get(const ur_layout_t *layout, const void *rec, int index, uint16_t *length);

#ifdef __cplusplus
}
#endif
#endif
