/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file unirec.h
 * UniRec: records of named, typed fields with a layout that both ends of a stream agree on.
 *
 * A record is: fixed-length values (larger first, then by name), a descriptor (uint16 offset, uint16 length) for
 * each variable-length field, the data of the variable-length fields. Offsets count from the end of the fixed
 * part. Values are unaligned; addresses as in ipaddr.h and macaddr.h, time as in ur_time.h. A template holds the
 * offset of each field.
 *
 * Byte order: numbers, times, floating point numbers and descriptors have the byte order of the machine that made the
 * record; addresses have a fixed order of bytes. Neither streams nor files tell that order, and nothing swaps it: machines
 * that exchange records must have the same one. All that NEMEA runs on (x86-64, arm64, riscv64, ppc64le) are little
 * endian, so in practice records and .trapcap files are little endian. Sources read and write values through the macros below and
 * do not depend on the order.
 *
 * Threads: any number of threads may read and write records of their own at once and look up fields; defining
 * fields is serialized inside. ur_finalize() only when no other thread uses the library.
 * Bounds: records from outside are checked once by ur_rec_check(); the accessors trust them. Functions that change
 * the length of a field refuse a record above 65535 bytes. The caller makes sure that its memory is large enough
 * (ur_create_record() with UR_MAX_SIZE always is), or uses ur_record_t, which checks it.
 */
#ifndef UR_UNIREC_H
#define UR_UNIREC_H

#ifndef __STDC_LIMIT_MACROS
#define __STDC_LIMIT_MACROS
#endif

/* Sources written for NEMEA 2 expect this header to include these. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <libtrap/trap.h>

#include "inline.h"
#include "ipaddr.h"
#include "links.h"
#include "macaddr.h"
#include "ur_time.h"
#include "ur_values.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------- types */

#define UR_OK                  0
#define UR_E_MEMORY            (-1)
#define UR_E_INVALID_TYPE      (-2)
#define UR_E_INVALID_NAME      (-3)
#define UR_E_TYPE_MISMATCH     (-4)
#define UR_E_INVALID_FIELD_ID  (-5)
#define UR_E_INVALID_PARAMETER (-6)
#define UR_E_TOO_LONG          (-7) /**< the record would be longer than 65535 bytes */

#define UR_UNINITIALIZED                0
#define UR_INITIALIZED                  1
#define UR_INITIAL_SIZE_FIELDS_TABLE    5
#define UR_DEFAULT_LENGTH_OF_FIELD_NAME 128
#define UR_DEFAULT_LENGTH_OF_FIELD_TYPE 16
#define UR_DEFAULT_LENGTH_OF_TEMPLATE   1024
#define UR_FIELD_ID_MAX                 INT16_MAX
#define UR_INVALID_OFFSET               0xffff
#define UR_NO_DYNAMIC_VALUES            0xffff
#define UR_INVALID_FIELD                ((ur_field_id_t) 0xffff)
#define UR_ITER_BEGIN                   (-1)
#define UR_ITER_END                     INT16_MAX
#define UR_MAX_SIZE                     0xffff
#define UR_ARRAY_DELIMITER              ' '
#define UR_ARRAY_ALLOC                  10

/** Types of fields. The numbers are never sent. */
typedef enum {
   UR_TYPE_STRING,
   UR_TYPE_BYTES,
   UR_TYPE_CHAR,
   UR_TYPE_UINT8,
   UR_TYPE_INT8,
   UR_TYPE_UINT16,
   UR_TYPE_INT16,
   UR_TYPE_UINT32,
   UR_TYPE_INT32,
   UR_TYPE_UINT64,
   UR_TYPE_INT64,
   UR_TYPE_FLOAT,
   UR_TYPE_DOUBLE,
   UR_TYPE_IP,
   UR_TYPE_MAC,
   UR_TYPE_TIME,
   UR_TYPE_A_UINT8,
   UR_TYPE_A_INT8,
   UR_TYPE_A_UINT16,
   UR_TYPE_A_INT16,
   UR_TYPE_A_UINT32,
   UR_TYPE_A_INT32,
   UR_TYPE_A_UINT64,
   UR_TYPE_A_INT64,
   UR_TYPE_A_FLOAT,
   UR_TYPE_A_DOUBLE,
   UR_TYPE_A_IP,
   UR_TYPE_A_MAC,
   UR_TYPE_A_TIME
} ur_field_type_t;

#define UR_COUNT_OF_TYPES 29

extern const int
    ur_field_type_size[UR_COUNT_OF_TYPES]; /**< bytes; negative: variable, absolute value of an element */
extern const char *ur_field_type_str[UR_COUNT_OF_TYPES]; /**< name in templates */
extern int
    ur_field_array_elem_type[UR_COUNT_OF_TYPES]; /**< type of an element; for other types the type itself */

typedef int16_t ur_field_id_t;
typedef ur_field_id_t ur_iter_t;

typedef struct ur_field_id_linked_list_s {
   ur_field_id_t id;
   struct ur_field_id_linked_list_s *next;
} ur_field_id_linked_list_t;

/** All fields of the process; read through the macros below. */
typedef struct {
   char **ur_field_names;
   short *ur_field_sizes;
   ur_field_type_t *ur_field_types;
   ur_field_id_t ur_last_statically_defined_id;
   ur_field_id_t ur_last_id; /**< number of ids in use or freed */
   ur_field_id_t ur_allocated_fields;
   ur_field_id_linked_list_t *ur_undefine_fields;
   uint8_t intialized;
} ur_field_specs_t;

/** Fields known at compile time, from the generated fields.c. */
typedef struct {
   char **ur_field_names;
   short *ur_field_sizes;
   ur_field_type_t *ur_field_types;
   ur_field_id_t ur_last_id; /**< number of fields */
} ur_static_field_specs_t;

/** Argument of compare_fields(). */
typedef struct {
   char *name;
   int size;
   ur_field_id_t id;
} field_spec_t;

typedef enum {
   UR_TMPLT_DIRECTION_NO = 0,
   UR_TMPLT_DIRECTION_IN = 1,
   UR_TMPLT_DIRECTION_OUT = 2,
   UR_TMPLT_DIRECTION_BI = 3
} ur_tmplt_direction;

/** Layout of a record. Made by the functions below; its members are read-only. */
typedef struct {
   uint16_t *offset; /**< by id: offset of the value or descriptor in the record; UR_INVALID_OFFSET: absent */
   uint16_t offset_size;   /**< number of elements of offset */
   int16_t *ids;           /**< in record order */
   uint16_t first_dynamic; /**< index in ids of the first variable-length field; UR_NO_DYNAMIC_VALUES: none */
   uint16_t count;         /**< number of fields */
   uint16_t static_size;   /**< bytes of the fixed part */
   ur_tmplt_direction direction;
   uint32_t ifc_out;
} ur_template_t;

/* Defined by a module's fields.c; visible to the library even if the module hides its symbols. */
extern ur_field_specs_t ur_field_specs __attribute__((visibility("default")));
extern ur_static_field_specs_t UR_FIELD_SPECS_STATIC __attribute__((visibility("default")));

/** Fields that a source file uses: UR_FIELDS(uint32 FOO, ipaddr SRC_IP). ur_processor.sh generates fields.h (F_FOO,
 * F_FOO_T ...) and fields.c from it; the compiler ignores it. */
#define UR_FIELDS(...)

/* Values in records are unaligned and may alias any type: the accessors use these types. */
#define UR_UNALIGNED_ __attribute__((aligned(1), may_alias))
typedef char ur_u_char;
typedef uint8_t ur_u_uint8_t;
typedef int8_t ur_u_int8_t;
typedef uint16_t ur_u_uint16_t UR_UNALIGNED_;
typedef int16_t ur_u_int16_t UR_UNALIGNED_;
typedef uint32_t ur_u_uint32_t UR_UNALIGNED_;
typedef int32_t ur_u_int32_t UR_UNALIGNED_;
typedef uint64_t ur_u_uint64_t UR_UNALIGNED_;
typedef int64_t ur_u_int64_t UR_UNALIGNED_;
typedef float ur_u_float UR_UNALIGNED_;
typedef double ur_u_double UR_UNALIGNED_;
typedef ur_time_t ur_u_ur_time_t UR_UNALIGNED_;
typedef ip_addr_t ur_u_ip_addr_t __attribute__((aligned(1)));
typedef mac_addr_t ur_u_mac_addr_t;
#define UR_U2_(type) ur_u_##type
#define UR_U_(type)  UR_U2_(type)

#ifdef __cplusplus
/* Assigning to a class or union calls a member function, which expects an aligned object: store the bytes. */
extern "C++" {
template <class T> inline T ur_store_(void *to, T value)
{
   memcpy(to, &value, sizeof(value));
   return value;
}
}
#define UR_STORE_VALUE_(type, to, value) ur_store_<type>(to, (type) (value))
#else
#define UR_STORE_VALUE_(type, to, value) (*(UR_U_(type) *) (to) = (value))
#endif

/* ---------------------------------------------------------- field registry */

/* Loaded with acquire: the tables may be reallocated while other threads define fields; old copies stay readable. */
#define ur_size_of(type) (ur_field_type_size[type])
#define ur_get_name(id)  (__atomic_load_n(&ur_field_specs.ur_field_names, __ATOMIC_ACQUIRE)[id])
#define ur_get_type(id)  (__atomic_load_n(&ur_field_specs.ur_field_types, __ATOMIC_ACQUIRE)[id])
/** Bytes; negative: variable length. */
#define ur_get_size(id)            (__atomic_load_n(&ur_field_specs.ur_field_sizes, __ATOMIC_ACQUIRE)[id])
#define ur_is_varlen(id)           (ur_get_size(id) < 0)
#define ur_is_dynamic(id)          ur_is_varlen(id)
#define ur_is_fixlen(id)           (ur_get_size(id) >= 0)
#define ur_is_static(id)           ur_is_fixlen(id)
#define ur_is_array(id)            ur_is_varlen(id)
#define ur_array_get_elem_size(id) (ur_get_size(id) < 0 ? -ur_get_size(id) : ur_get_size(id))
#define ur_array_get_elem_type(id) (ur_field_array_elem_type[ur_get_type(id)])

/** Copies the static fields to tables that can grow; the other functions call it. \return UR_OK, UR_E_MEMORY */
int ur_init(ur_static_field_specs_t field_specs_static);
/** Reserves an id for a field. \return the id, or UR_E_MEMORY if all are in use */
int ur_get_empty_id(void);
/** Defines a field, or finds the existing one with this name and type. \return its id (>= 0), UR_E_INVALID_NAME
 * ([A-Za-z][A-Za-z0-9_]*), UR_E_INVALID_TYPE, UR_E_TYPE_MISMATCH (exists with another type), UR_E_MEMORY */
int ur_define_field(const char *name, ur_field_type_t type);
/** Defines "type NAME,type NAME": all, or none if there is an error. \return UR_OK or the code of the first error */
int ur_define_set_of_fields(const char *ifc_data_fmt);
/** Removes a field that was defined at run time; templates with it become invalid. \return UR_OK,
 * UR_E_INVALID_PARAMETER */
int ur_undefine_field_by_id(ur_field_id_t field_id);
/** The same by name. \return UR_OK, UR_E_INVALID_NAME */
int ur_undefine_field(const char *name);
/** \return id, or UR_E_INVALID_NAME */
int ur_get_id_by_name(const char *name);
/** \return ur_field_type_t, or UR_E_INVALID_TYPE */
int ur_get_field_type_from_str(const char *type);
/** Removes all fields defined at run time and frees the registry. */
void ur_finalize(void);
/** Order of fields in a record, for qsort() of field_spec_t. */
int compare_fields(const void *field1, const void *field2);
/** Converts "type NAME,type NAME" to "NAME,NAME". \return a string to free(), NULL for invalid text */
char *ur_ifc_data_fmt_to_field_names(const char *ifc_data_fmt);
/** strdup() */
char *ur_cpy_string(const char *str);

/* --------------------------------------------------------------- templates */

/** Makes a template of defined fields ("NAME,NAME"; any order, blanks allowed, duplicates ignored).
 * \param errstr NULL, or receives a message to free() on an error. \return NULL on an error */
ur_template_t *ur_create_template(const char *fields, char **errstr);
/** NULL is allowed. */
void ur_free_template(ur_template_t *tmplt);
/** Makes a template of defined fields from the typed form; types are not compared. \return NULL on an error, with errno ENOMEM,
 * EINVAL (invalid text, or a field that is not defined) or EMSGSIZE (the record would be longer than 65535 bytes) */
ur_template_t *ur_create_template_from_ifc_spec(const char *ifc_data_fmt);
/** Defines the fields and makes their template, which takes over the direction of old; old is freed.
 * \return NULL on an error; old is then unchanged */
ur_template_t *ur_define_fields_and_update_template(const char *ifc_data_fmt, ur_template_t *old);
/** Makes a template of the fields of tmplt, which is freed, and of a typed form (fields already defined). \return NULL on an
 * error; tmplt is then unchanged */
ur_template_t *ur_expand_template(const char *ifc_data_fmt, ur_template_t *tmplt);
/** Typed form in record order. \return a string to free(), NULL for NULL or when out of memory */
char *ur_template_string_delimiter(const ur_template_t *tmplt, int delimiter);
#define ur_template_string(tmplt) ur_template_string_delimiter((tmplt), ',')
/** \return 1 if both have the same fields, else 0 */
int ur_template_compare(const ur_template_t *tmpltA, const ur_template_t *tmpltB);
/** Prints ids, names and offsets on standard output, for debugging. */
void ur_print_template(ur_template_t *tmplt);

/* Templates of interfaces. Functions with ctx take a libtrap context, the others use the global one. */
/** Makes a template of defined fields ("NAME,NAME") that input ifc requires. \param errstr NULL, or receives a message to free()
 * \return NULL on an error; free it with ur_free_template() */
ur_template_t *ur_ctx_create_input_template(trap_ctx_t *ctx, int ifc, const char *fields, char **errstr);
/** Makes a template of defined fields that becomes the format of output ifc. \return as above */
ur_template_t *ur_ctx_create_output_template(trap_ctx_t *ctx, int ifc, const char *fields, char **errstr);
/** Both: when the format of the input changes, the output gets the same. \return as above */
ur_template_t *ur_ctx_create_bidirectional_template(trap_ctx_t *ctx, int ifc_in, int ifc_out,
                                                    const char *fields, char **errstr);
#define ur_create_input_template(ifc, fields, errstr) \
   ur_ctx_create_input_template(trap_get_global_ctx(), (ifc), (fields), (errstr))
#define ur_create_output_template(ifc, fields, errstr) \
   ur_ctx_create_output_template(trap_get_global_ctx(), (ifc), (fields), (errstr))
#define ur_create_bidirectional_template(ifc_in, ifc_out, fields, errstr) \
   ur_ctx_create_bidirectional_template(trap_get_global_ctx(), (ifc_in), (ifc_out), (fields), (errstr))
/** Requires tmplt's fields on an input. \return UR_OK, UR_E_MEMORY */
int ur_ctx_set_input_template(trap_ctx_t *ctx, int ifc, ur_template_t *tmplt);
/** Makes tmplt the format of an output. \return UR_OK, UR_E_MEMORY */
int ur_ctx_set_output_template(trap_ctx_t *ctx, int ifc, ur_template_t *tmplt);
#define ur_set_input_template(ifc, tmplt)  ur_ctx_set_input_template(trap_get_global_ctx(), (ifc), (tmplt))
#define ur_set_output_template(ifc, tmplt) ur_ctx_set_output_template(trap_get_global_ctx(), (ifc), (tmplt))

/** Follows a format change of an input: replaces *tmplt by the new template (a bidirectional one also becomes the format of its
 * output). \return UR_OK; otherwise prints a message on stderr, and *tmplt is unchanged */
int ur_ctx_follow_format(trap_ctx_t *ctx, uint32_t ifc, ur_template_t **tmplt);
/** Implements TRAP_CTX_RECEIVE(): receives a record, follows a format change, skips records that do not match their
 * template (messages of up to one byte are not records and are passed on).
 * \return as trap_ctx_recv(); TRAP_E_FORMAT_MISMATCH if the new format cannot be followed */
int ur_ctx_receive(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size, ur_template_t **tmplt);
/** Receives into data and size; on TRAP_E_FORMAT_CHANGED tmplt is replaced by one with all fields of the sender. */
#define TRAP_CTX_RECEIVE(ctx, ifc, data, size, tmplt) ur_ctx_receive((ctx), (ifc), &(data), &(size), &(tmplt))
#define TRAP_RECEIVE(ifc, data, size, tmplt)          TRAP_CTX_RECEIVE(trap_get_global_ctx(), ifc, data, size, tmplt)

/* ----------------------------------------------------------------- records */

/** Checks a record from outside: the fixed part is complete, and the variable-length fields, in any order, fill the
 * bytes after it without gaps and without sharing bytes, so that ur_rec_size() covers exactly what the accessors
 * can reach. Bytes after the last field are allowed. \return 1 valid, 0 invalid */
int ur_rec_check(const ur_template_t *tmplt, const void *rec, uint32_t size);

#define UR_AT_(rec, at) ((char *) (uintptr_t) (rec) + (at))
#ifdef UR_DEBUG
/* A module compiled with -DUR_DEBUG aborts with the name of the field if its template does not have it. */
static inline uint16_t ur_checked_offset_(const ur_template_t *tmplt, int id, const char *file, int line)
{
   if (id < 0 || id >= tmplt->offset_size || tmplt->offset[id] == UR_INVALID_OFFSET) {
      const char *name = id >= 0 && id < __atomic_load_n(&ur_field_specs.ur_last_id, __ATOMIC_ACQUIRE)
                             ? ur_get_name(id)
                             : NULL;
      fprintf(stderr, "%s:%d: the template has no field %s (id %d)\n", file, line, name != NULL ? name : "?",
              id);
      abort();
   }
   return tmplt->offset[id];
}
#define UR_OFF_(tmplt, id) ur_checked_offset_((tmplt), (id), __FILE__, __LINE__)
#else
#define UR_OFF_(tmplt, id) ((tmplt)->offset[id])
#endif
#define UR_DESC_(tmplt, rec, id) ((ur_u_uint16_t *) (void *) UR_AT_(rec, UR_OFF_(tmplt, id)))

/* The type is an argument of its own, since only the outermost macro has the name of the field. */
#define UR_VALUE_(tmplt, rec, id, type) (*(UR_U_(type) *) (void *) UR_AT_(rec, UR_OFF_(tmplt, id)))
#define UR_ELEMENT_(tmplt, rec, id, type, index) \
   (((UR_U_(type))(void *) ur_get_ptr_by_id(tmplt, rec, id))[index])
#ifdef __cplusplus
#define UR_STORE_ELEMENT_(tmplt, rec, id, type, index, value) \
   ur_store_element_((type) ur_get_ptr_by_id(tmplt, rec, id), index, (value))
extern "C++" {
template <class T, class V> inline void ur_store_element_(T *array, int index, V value)
{
   ur_store_<T>((void *) ((char *) array + (size_t) index * sizeof(T)), (T) value);
}
}
#else
#define UR_STORE_ELEMENT_(tmplt, rec, id, type, index, value) \
   (UR_ELEMENT_(tmplt, rec, id, type, index) = (value))
#endif
#define UR_SET_ELEMENT_(tmplt, rec, id, type, index, value)                                         \
   do {                                                                                             \
      int ur_index_ = (int) (index);                                                                \
      if (ur_index_ < (int) ur_array_get_elem_cnt(tmplt, rec, id) ||                                \
          ur_array_resize(tmplt, rec, id, (ur_index_ + 1) * ur_array_get_elem_size(id)) == UR_OK) { \
         UR_STORE_ELEMENT_(tmplt, rec, id, type, ur_index_, value);                                 \
      }                                                                                             \
   } while (0)

/** Value of a fixed-length field, an lvalue of its type. field is a constant F_NAME of fields.h. */
#define ur_get(tmplt, rec, field) (*(UR_U_(field##_T) *) (void *) UR_AT_(rec, UR_OFF_(tmplt, field)))
#define ur_set(tmplt, rec, field, value) \
   UR_STORE_VALUE_(field##_T, (void *) UR_AT_(rec, UR_OFF_(tmplt, field)), value)
/** Offset from the end of the fixed part, and length in bytes, of a variable-length field (lvalues). */
#define ur_get_var_offset(tmplt, rec, id)        (UR_DESC_(tmplt, rec, id)[0])
#define ur_get_var_len(tmplt, rec, id)           (UR_DESC_(tmplt, rec, id)[1])
#define ur_set_var_offset(tmplt, rec, id, value) (ur_get_var_offset(tmplt, rec, id) = (uint16_t) (value))
#define ur_set_var_len(tmplt, rec, id, value)    (ur_get_var_len(tmplt, rec, id) = (uint16_t) (value))
/** Address of a field's value or data. */
#define ur_get_ptr_by_id(tmplt, rec, id)                                                               \
   ((void *) (ur_is_varlen(id) ? UR_AT_(rec, (tmplt)->static_size + ur_get_var_offset(tmplt, rec, id)) \
                               : UR_AT_(rec, UR_OFF_(tmplt, id))))
#define ur_get_ptr(tmplt, rec, field) ((field##_T *) ur_get_ptr_by_id(tmplt, rec, field))
/** Length of any field in bytes. */
#define ur_get_len(tmplt, rec, id) \
   ((ur_is_varlen(id)) ? (int) ur_get_var_len(tmplt, rec, id) : (int) ur_get_size(id))
/** Sets a variable-length field and moves the data after it.
 * \return UR_OK, UR_E_INVALID_FIELD_ID, UR_E_INVALID_PARAMETER (negative length), UR_E_TOO_LONG */
int ur_set_var(const ur_template_t *tmplt, void *rec, int field_id, const void *val_ptr, int val_len);
#define ur_set_string(tmplt, rec, field_id, str) ur_set_var(tmplt, rec, field_id, str, (int) strlen(str))
/** Copies a field and appends a NUL. \return the copy, to free() */
char *ur_get_var_as_str(const ur_template_t *tmplt, const void *rec, ur_field_id_t field_id);
/** Sets the length of all variable-length fields to 0. */
void ur_clear_varlen(const ur_template_t *tmplt, void *rec);
/** Does the template have the field? Any id is allowed. */
#define ur_is_present(tmplt, id) \
   ((id) >= 0 && (id) < (tmplt)->offset_size && (tmplt)->offset[id] != UR_INVALID_OFFSET)
#define ur_rec_fixlen_size(tmplt) ((tmplt)->static_size)
/** Total length of the variable-length fields in bytes. */
uint16_t ur_rec_varlen_size(const ur_template_t *tmplt, const void *rec);
/** Size of a record in bytes. */
#define ur_rec_size(tmplt, rec) (ur_rec_fixlen_size(tmplt) + ur_rec_varlen_size(tmplt, rec))
/** Allocates a zeroed record with room for max_var_size bytes of variable-length data. \return NULL when out of memory */
void *ur_create_record(const ur_template_t *tmplt, uint16_t max_var_size);
/** NULL is allowed. */
void ur_free_record(void *record);
/** Copies a record into memory of its exact size. \return the copy, to ur_free_record() */
void *ur_clone_record(const ur_template_t *tmplt, const void *src);
/** Copies a record of the same template. */
#define ur_cpy(tmplt, src, dst) memcpy(dst, src, ur_rec_size(tmplt, src))
/** Copies the fields that both templates have; other fields of dst keep their values. dst must have enough memory. If the
 * result would exceed 65535 bytes, variable-length fields that do not fit keep their values. */
void ur_copy_fields(const ur_template_t *dst_tmplt, void *dst, const ur_template_t *src_tmplt,
                    const void *src);

/* Records with a known capacity: a value that does not fit is refused (UR_E_TOO_LONG, the field is unchanged), whereas for
 * other records the caller has to provide enough memory. Read them, and set fixed-length fields, with the macros, tmplt and data. */

/** Made by ur_record_init(); the template must outlive it. */
typedef struct {
   const ur_template_t *tmplt;
   void *data;
   uint32_t room; /**< size of data in bytes */
} ur_record_t;

/** Allocates a zeroed record with room for max_var_size bytes of variable-length data. \return UR_OK, UR_E_MEMORY */
int ur_record_init(ur_record_t *record, const ur_template_t *tmplt, uint16_t max_var_size);
/** Frees the data, not the struct, which can be initialized again. */
void ur_record_free(ur_record_t *record);
/** As ur_set_var(), ur_array_resize(). */
int ur_record_set_var(ur_record_t *record, int field_id, const void *val_ptr, int val_len);
/** As ur_array_resize(): len in bytes. \return UR_OK; UR_E_TOO_LONG: it does not fit into the record; UR_E_MEMORY */
int ur_record_array_resize(ur_record_t *record, int field_id, int len);
/** As ur_copy_fields(). \return UR_OK; UR_E_TOO_LONG: a variable-length field did not fit; UR_E_MEMORY */
int ur_record_copy_fields(ur_record_t *record, const ur_template_t *src_tmplt, const void *src);
/** As ur_set_from_string(). \return 0; 1 for invalid text, an absent field, or a value that does not fit */
int ur_record_set_from_string(ur_record_t *record, ur_field_id_t field_id, const char *v);

/* ------------------------------------------------------------------ arrays */

#define ur_array_get_elem_cnt(tmplt, rec, id) (ur_get_var_len(tmplt, rec, id) / ur_array_get_elem_size(id))
/** Element of an array, an lvalue; the index is not checked. */
#define ur_array_get(tmplt, rec, field, index) UR_ELEMENT_(tmplt, rec, field, field##_T, index)
/** Sets the length of an array in bytes; new elements are zero. \return as ur_set_var() */
int ur_array_resize(const ur_template_t *tmplt, void *rec, int field_id, int len);
#define ur_array_allocate(tmplt, rec, id, count) \
   ur_array_resize(tmplt, rec, id, (int) (count) *ur_array_get_elem_size(id))
#define ur_array_clear(tmplt, rec, id) ur_array_resize(tmplt, rec, id, 0)
/** Appends a zero element. \return its address, NULL on an error */
char *ur_array_append_get_ptr(const ur_template_t *tmplt, void *rec, int field_id);
/** Stores an element; the array grows if needed. */
#define ur_array_set(tmplt, rec, field, index, value) \
   UR_SET_ELEMENT_(tmplt, rec, field, field##_T, index, value)
#define ur_array_append(tmplt, rec, field, value) \
   UR_SET_ELEMENT_(tmplt, rec, field, field##_T, ur_array_get_elem_cnt(tmplt, rec, field), value)

/* --------------------------------------------------------------- iteration */

/** Next field of the template after id, in the order of ids; start with UR_ITER_BEGIN. \return UR_ITER_END after the last */
ur_iter_t ur_iter_fields(const ur_template_t *tmplt, ur_iter_t id);
/** Field at an index in record order. \return UR_ITER_END after the last */
ur_iter_t ur_iter_fields_record_order(const ur_template_t *tmplt, int index);

/* -------------------------------------------------------------------- text */

/** Sets a field from text. Lenient as in NEMEA 2: anything may follow a number, and numbers that are too large wrap.
 * \return 0; 1 for invalid text or an absent field */
int ur_set_from_string(const ur_template_t *tmplt, void *rec, ur_field_id_t field_id, const char *v);
/** The same for text that people type: numbers out of range, text after a value, octal numbers and half a byte are also
 * invalid. Invalid text leaves the field unchanged (except arrays of addresses and times, which end before the invalid element).
 * \return 0; 1 for invalid text or an absent field */
int ur_set_from_string_strict(const ur_template_t *tmplt, void *rec, ur_field_id_t field_id, const char *v);
/** The same as ur_set_from_string() for arrays: elements separated by blanks. */
int ur_set_array_from_string(const ur_template_t *tmplt, void *rec, ur_field_id_t field_id, const char *v);

#ifdef __cplusplus
}
#endif
#endif
