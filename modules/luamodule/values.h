/* SPDX-License-Identifier: BSD-3-Clause */
/** Values of fields as values of Lua and back. */
#ifndef LUAMODULE_VALUES_H
#define LUAMODULE_VALUES_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <unirec/unirec.h>

/** Makes the functions ur_ip, ur_ip4, ur_ip6 and the type of addresses. */
void values_open(lua_State *l);
/** Pushes a value: numbers, times as seconds, text and bytes as strings, addresses as objects of ur_ip(), arrays as tables. */
void values_push(lua_State *l, ur_field_type_t type, const void *data, size_t size);
/** Pushes the bytes that the value at an index has in a field of a type. \return false: it is no such value; nothing is pushed */
bool values_bytes(lua_State *l, int index, ur_field_type_t type);

#endif
