/* SPDX-License-Identifier: BSD-3-Clause */
/** Types of fields: sizes, names, elements. */
#include "internal.h"

UR_PUBLIC const int ur_field_type_size[UR_COUNT_OF_TYPES] = {
    [UR_TYPE_STRING] = -1,   [UR_TYPE_BYTES] = -1,    [UR_TYPE_CHAR] = 1,      [UR_TYPE_UINT8] = 1,
    [UR_TYPE_INT8] = 1,      [UR_TYPE_UINT16] = 2,    [UR_TYPE_INT16] = 2,     [UR_TYPE_UINT32] = 4,
    [UR_TYPE_INT32] = 4,     [UR_TYPE_UINT64] = 8,    [UR_TYPE_INT64] = 8,     [UR_TYPE_FLOAT] = 4,
    [UR_TYPE_DOUBLE] = 8,    [UR_TYPE_IP] = 16,       [UR_TYPE_MAC] = 6,       [UR_TYPE_TIME] = 8,
    [UR_TYPE_A_UINT8] = -1,  [UR_TYPE_A_INT8] = -1,   [UR_TYPE_A_UINT16] = -2, [UR_TYPE_A_INT16] = -2,
    [UR_TYPE_A_UINT32] = -4, [UR_TYPE_A_INT32] = -4,  [UR_TYPE_A_UINT64] = -8, [UR_TYPE_A_INT64] = -8,
    [UR_TYPE_A_FLOAT] = -4,  [UR_TYPE_A_DOUBLE] = -8, [UR_TYPE_A_IP] = -16,    [UR_TYPE_A_MAC] = -6,
    [UR_TYPE_A_TIME] = -8,
};

UR_PUBLIC const char *ur_field_type_str[UR_COUNT_OF_TYPES] = {
    [UR_TYPE_STRING] = "string",    [UR_TYPE_BYTES] = "bytes",      [UR_TYPE_CHAR] = "char",
    [UR_TYPE_UINT8] = "uint8",      [UR_TYPE_INT8] = "int8",        [UR_TYPE_UINT16] = "uint16",
    [UR_TYPE_INT16] = "int16",      [UR_TYPE_UINT32] = "uint32",    [UR_TYPE_INT32] = "int32",
    [UR_TYPE_UINT64] = "uint64",    [UR_TYPE_INT64] = "int64",      [UR_TYPE_FLOAT] = "float",
    [UR_TYPE_DOUBLE] = "double",    [UR_TYPE_IP] = "ipaddr",        [UR_TYPE_MAC] = "macaddr",
    [UR_TYPE_TIME] = "time",        [UR_TYPE_A_UINT8] = "uint8*",   [UR_TYPE_A_INT8] = "int8*",
    [UR_TYPE_A_UINT16] = "uint16*", [UR_TYPE_A_INT16] = "int16*",   [UR_TYPE_A_UINT32] = "uint32*",
    [UR_TYPE_A_INT32] = "int32*",   [UR_TYPE_A_UINT64] = "uint64*", [UR_TYPE_A_INT64] = "int64*",
    [UR_TYPE_A_FLOAT] = "float*",   [UR_TYPE_A_DOUBLE] = "double*", [UR_TYPE_A_IP] = "ipaddr*",
    [UR_TYPE_A_MAC] = "macaddr*",   [UR_TYPE_A_TIME] = "time*",
};

UR_PUBLIC int ur_field_array_elem_type[UR_COUNT_OF_TYPES] = {
    UR_TYPE_STRING, UR_TYPE_BYTES,  UR_TYPE_CHAR,   UR_TYPE_UINT8,  UR_TYPE_INT8,   UR_TYPE_UINT16,
    UR_TYPE_INT16,  UR_TYPE_UINT32, UR_TYPE_INT32,  UR_TYPE_UINT64, UR_TYPE_INT64,  UR_TYPE_FLOAT,
    UR_TYPE_DOUBLE, UR_TYPE_IP,     UR_TYPE_MAC,    UR_TYPE_TIME,   UR_TYPE_UINT8,  UR_TYPE_INT8,
    UR_TYPE_UINT16, UR_TYPE_INT16,  UR_TYPE_UINT32, UR_TYPE_INT32,  UR_TYPE_UINT64, UR_TYPE_INT64,
    UR_TYPE_FLOAT,  UR_TYPE_DOUBLE, UR_TYPE_IP,     UR_TYPE_MAC,    UR_TYPE_TIME,
};

int type_from_word(const char *type, size_t length)
{
   for (int i = 0; i < UR_COUNT_OF_TYPES; i++) {
      if (strncmp(type, ur_field_type_str[i], length) == 0 && ur_field_type_str[i][length] == 0) {
         return i;
      }
   }
   return UR_E_INVALID_TYPE;
}

UR_PUBLIC int ur_get_field_type_from_str(const char *type)
{
   return type != NULL && *type != 0 ? type_from_word(type, strlen(type)) : UR_E_INVALID_TYPE;
}
