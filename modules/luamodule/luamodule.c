/* SPDX-License-Identifier: BSD-3-Clause */
/** luamodule: a module whose logic is a script in Lua. */
#include "values.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <lualib.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NM_FIELDS()

#define STEP     100000 /* instructions between two looks at how many there were */
#define FORMAT   8192   /* bytes of a format */
#define WHY      256
#define NO_HOOK  LUA_NOREF
#define MEGABYTE ((size_t) 1 << 20)

enum { DROP, FORWARD };
static const char *const on_error[] = {"drop", "forward", NULL};

struct luamodule {
   const char *path;
   uint32_t memory_mb;
   uint64_t most_steps;
   unsigned after_error;
   lua_State *lua;
   int on_record, on_template;
   size_t memory, most_memory;
   uint64_t steps; /* instructions of the hook that runs */

   /* The record at hand. */
   const void *rec;
   void *copy; /* the record of the output, once something was set; NULL: nothing was */
   bool dropped, in_template;
   char names[FORMAT], own[FORMAT]; /* of the output: fields of the input, the script's own */

   uint64_t count, sent, drops, errors;
};

static const nm_option_t options[] = {
    NM_STRING('l', "lua", struct luamodule, path, NULL, "The script; required."),
    NM_U32(0, "memory", struct luamodule, memory_mb, 64, 1, 65536, "MB that the script may use."),
    NM_U64(0, "steps", struct luamodule, most_steps, 100000000, STEP, UINT64_MAX,
           "Instructions of Lua that the script may take for a record; more is an error of the script."),
    NM_CHOICE(0, "on-error", struct luamodule, after_error, DROP, on_error,
              "What happens to a record at which the script fails: drop, forward (unchanged)."),
    NM_END};

static nm_module_t *module_of(lua_State *l)
{
   return *(nm_module_t **) lua_getextraspace(l);
}

/* ----------------------------------------------------------------------- fields */

/* A field by its name or id, in the record of the output if something was set, else in that of the input. \return the record; NULL: there
 * is no such field */
static const void *find(lua_State *l, int index, nm_field_t *field)
{
   nm_module_t *m = module_of(l);
   const struct luamodule *self = nm_self(m);
   const char *name = NULL;
   if (lua_type(l, index) == LUA_TSTRING) {
      name = lua_tostring(l, index);
   } else if (lua_isinteger(l, index) && nm_in(m) != NULL) {
      const ur_template_t *t = nm_in(m);
      for (int i = 0; i < t->count; i++) {
         name = t->ids[i] == lua_tointeger(l, index) ? ur_get_name(t->ids[i]) : name;
      }
   }
   if (name == NULL) {
      return NULL;
   }
   if (self->copy != NULL && nm_field_find(field, nm_out(m), name)) {
      return self->copy;
   }
   return nm_in(m) != NULL && nm_field_find(field, nm_in(m), name) ? self->rec : NULL;
}

static void push_field(lua_State *l, const nm_field_t *field, const void *rec)
{
   uint32_t size;
   const void *data = nm_field_data(field, rec, &size);
   values_push(l, (ur_field_type_t) field->type, data, size);
}

/* A table of all fields: what give() pushes of each, by its name. */
static int push_all(lua_State *l, void (*give)(lua_State *l, const nm_field_t *field, const void *rec))
{
   nm_module_t *m = module_of(l);
   const struct luamodule *self = nm_self(m);
   const ur_template_t *t = self->copy != NULL ? nm_out(m) : nm_in(m);
   lua_newtable(l);
   for (int i = 0; t != NULL && i < t->count; i++) {
      nm_field_t field;
      const char *name = ur_get_name(t->ids[i]);
      nm_field_find(&field, t, name);
      give(l, &field, self->copy != NULL ? self->copy : self->rec);
      lua_setfield(l, -2, name);
   }
   return 1;
}

static int each(lua_State *l, void (*give)(lua_State *l, const nm_field_t *field, const void *rec),
                bool needs_record)
{
   int n = lua_gettop(l);
   const struct luamodule *self = nm_self(module_of(l));
   if (needs_record && self->rec == NULL) {
      return luaL_error(l, "there is no record here: call this in on_record_recv()");
   }
   if (n == 0) {
      return push_all(l, give);
   }
   luaL_checkstack(l, n + 4, NULL);
   for (int i = 1; i <= n; i++) {
      nm_field_t field;
      const void *rec = find(l, i, &field);
      bool found =
          rec != NULL || (!needs_record && lua_type(l, i) == LUA_TSTRING && nm_in(module_of(l)) != NULL &&
                          nm_field_find(&field, nm_in(module_of(l)), lua_tostring(l, i)));
      if (found) {
         give(l, &field, rec);
      } else {
         lua_pushnil(l);
      }
   }
   return n;
}

static void give_type(lua_State *l, const nm_field_t *field, const void *rec)
{
   (void) rec;
   lua_pushstring(l, ur_field_type_str[field->type]);
}

static void give_id(lua_State *l, const nm_field_t *field, const void *rec)
{
   (void) rec;
   lua_pushinteger(l, field->id);
}

static int get(lua_State *l)
{
   return each(l, push_field, true);
}

static int type(lua_State *l)
{
   return each(l, give_type, false);
}

static int id(lua_State *l)
{
   return each(l, give_id, false);
}

static bool set_one(lua_State *l, int name, int value)
{
   nm_module_t *m = module_of(l);
   struct luamodule *self = nm_self(m);
   nm_field_t field;
   size_t size;
   if (lua_type(l, name) != LUA_TSTRING || nm_out(m) == NULL ||
       !nm_field_find(&field, nm_out(m), lua_tostring(l, name)) ||
       !values_bytes(l, value, (ur_field_type_t) field.type)) {
      return false;
   }
   const char *bytes = lua_tolstring(l, -1, &size);
   if (self->copy == NULL) {
      self->copy = nm_alert(m, self->rec);
   }
   bool done =
       size <= UINT16_MAX && nm_field_set(&field, nm_out(m), self->copy, bytes, (uint32_t) size) == UR_OK;
   lua_pop(l, 1);
   return done;
}

static int set(lua_State *l)
{
   int n = lua_gettop(l);
   const struct luamodule *self = nm_self(module_of(l));
   if (self->rec == NULL) {
      return luaL_error(l, "there is no record here: call ur_set() in on_record_recv()");
   }
   luaL_argcheck(l, n % 2 == 0 && n > 0, n, "expected pairs of a name and a value");
   luaL_checkstack(l, n, NULL);
   for (int i = 1; i < n; i += 2) {
      lua_pushboolean(l, set_one(l, i, i + 1));
   }
   return n / 2;
}

static int drop(lua_State *l)
{
   struct luamodule *self = nm_self(module_of(l));
   self->dropped = true;
   return 0;
}

/* ----------------------------------------------------------------------- format */

static struct luamodule *in_template(lua_State *l, const char *what)
{
   struct luamodule *self = nm_self(module_of(l));
   if (!self->in_template) {
      luaL_error(l, "%s() may be called in on_template_recv() only", what);
   }
   return self;
}

static void add_text(lua_State *l, char *to, const char *text)
{
   size_t n = strlen(to);
   if (n + strlen(text) + 2 > FORMAT) {
      luaL_error(l, "the format is too long");
   }
   snprintf(to + n, FORMAT - n, "%s%s", n > 0 ? "," : "", text);
}

/* "type NAME, ..." */
static int add(lua_State *l)
{
   struct luamodule *self = in_template(l, "ur_add");
   for (int i = 1; i <= lua_gettop(l); i++) {
      const char *text = luaL_checkstring(l, i);
      if (ur_define_set_of_fields(text) != UR_OK) {
         return luaL_error(
             l, "ur_add(): \"%s\": expected \"TYPE NAME, ...\" with the types that these names have", text);
      }
      add_text(l, self->own, text);
   }
   return 0;
}

/* A list of names, with or without blanks: without one of them. \return false: it is not there */
static bool remove_name(char *list, const char *name)
{
   size_t n = strlen(name);
   for (char *at = list; *at != 0; at += *at == ',') {
      size_t length = strcspn(at, ",");
      if (length == n && memcmp(at, name, n) == 0) {
         char *rest = at + length + (at[length] == ',');
         memmove(at, rest, strlen(rest) + 1);
         size_t end = strlen(list);
         if (end > 0 && list[end - 1] == ',') {
            list[end - 1] = 0;
         }
         return true;
      }
      at += length;
   }
   return false;
}

static int del(lua_State *l)
{
   struct luamodule *self = in_template(l, "ur_del");
   int n = lua_gettop(l);
   luaL_checkstack(l, n, NULL);
   for (int i = 1; i <= n; i++) {
      lua_pushboolean(l, remove_name(self->names, luaL_checkstring(l, i)));
   }
   if (n == 0) {
      *self->names = 0;
   }
   return n;
}

/* ----------------------------------------------------------------- running the script */

static void *allocate(void *context, void *p, size_t old, size_t new)
{
   struct luamodule *self = context;
   old = p != NULL ? old : 0;
   if (new > old && self->memory + (new - old) > self->most_memory) {
      return NULL; /* Lua collects what is unused, and fails if that was not enough */
   }
   void *q = NULL;
   if (new == 0) {
      free(p);
   } else if ((q = realloc(p, new)) == NULL) {
      return NULL;
   }
   self->memory += new - old;
   return q;
}

static void count_steps(lua_State *l, lua_Debug *where)
{
   struct luamodule *self = nm_self(module_of(l));
   (void) where;
   self->steps += STEP;
   if (self->steps > self->most_steps) {
      luaL_error(l, "more than %I instructions", (LUAI_UACINT) self->most_steps);
   }
}

/* Calls what is on the stack. \return false with the message in why */
static bool call(struct luamodule *self, int arguments, char why[WHY])
{
   self->steps = 0;
   int status = lua_pcall(self->lua, arguments, 0, 0);
   if (status != LUA_OK) {
      const char *text = lua_tostring(self->lua, -1);
      snprintf(why, WHY, "%s", text != NULL ? text : "an error that is no text");
      lua_settop(self->lua, 0);
   }
   return status == LUA_OK;
}

/* What may fail for want of memory is called by lua_pcall(). */
static int open_state(lua_State *l)
{
   static const luaL_Reg functions[] = {{"ur_get", get},   {"ur_set", set},   {"ur_add", add},
                                        {"ur_del", del},   {"ur_type", type}, {"ur_id", id},
                                        {"ur_drop", drop}, {NULL, NULL}};
   luaL_openlibs(l);
   lua_pushglobaltable(l);
   luaL_setfuncs(l, functions, 0);
   lua_pop(l, 1);
   values_open(l);
   lua_pushinteger(l, 0);
   lua_setglobal(l, "_REC_COUNT");
   return 0;
}

/* \return a reference of a function of the script; NO_HOOK: it has none of this name */
static int hook(lua_State *l, const char *name)
{
   if (lua_getglobal(l, name) != LUA_TFUNCTION) {
      lua_pop(l, 1);
      return NO_HOOK;
   }
   return luaL_ref(l, LUA_REGISTRYINDEX);
}

static int find_hooks(lua_State *l)
{
   struct luamodule *self = nm_self(module_of(l));
   self->on_record = hook(l, "on_record_recv");
   self->on_template = hook(l, "on_template_recv");
   if (lua_getglobal(l, "on_init") == LUA_TFUNCTION) {
      lua_call(l, 0, 0);
   }
   return 0;
}

static int init(nm_module_t *m)
{
   struct luamodule *self = nm_self(m);
   char why[WHY];
   if (self->path == NULL) {
      return nm_fail(m, "Error: lua script path not specified");
   }
   self->most_memory = self->memory_mb * MEGABYTE;
   self->on_record = self->on_template = NO_HOOK;
   self->lua = lua_newstate(allocate, self);
   if (self->lua == NULL) {
      return nm_fail(m, "no memory for Lua (option --memory)");
   }
   *(nm_module_t **) lua_getextraspace(self->lua) = m;
   lua_pushcfunction(self->lua, open_state);
   if (!call(self, 0, why)) {
      return nm_fail(m, "Lua: %s", why);
   }
   lua_sethook(self->lua, count_steps, LUA_MASKCOUNT, STEP);
   if (luaL_loadfilex(self->lua, self->path, "t") != LUA_OK) {
      return nm_fail(m, "%s", lua_tostring(self->lua, -1));
   }
   if (!call(self, 0, why)) {
      return nm_fail(m, "%s", why);
   }
   lua_pushcfunction(self->lua, find_hooks);
   if (!call(self, 0, why)) {
      return nm_fail(m, "%s", why);
   }
   if (self->on_record == NO_HOOK) {
      return nm_fail(m, "%s: it has no function on_record_recv()", self->path);
   }
   nm_counter(m, "script errors", &self->errors);
   nm_counter(m, "records dropped by the script", &self->drops);
   return NM_OK;
}

static void failed(nm_module_t *m, const char *where, const char *why)
{
   struct luamodule *self = nm_self(m);
   self->errors++;
   nm_warn(m, "%s: %s", where, why);
}

/* Sets the format once: the fields of the input that are left, then those of the script. */
static int set_format(nm_module_t *m)
{
   struct luamodule *self = nm_self(m);
   char text[2 * FORMAT + 64];
   size_t n = 0;
   const ur_template_t *t = nm_in(m);
   *text = 0;
   for (int i = 0; i < t->count; i++) {
      const char *name = ur_get_name(t->ids[i]);
      char copy[FORMAT];
      strcpy(copy, self->names);
      if (remove_name(copy, name)) {
         n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s %s", n > 0 ? "," : "",
                                ur_field_type_str[ur_get_type(t->ids[i])], name);
      }
      if (n >= sizeof(text)) {
         return nm_fail(m, "the format of the output is too long");
      }
   }
   int more = snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 && *self->own != 0 ? "," : "", self->own);
   return n + (size_t) more < sizeof(text) ? nm_set_output(m, 0, text)
                                           : nm_fail(m, "the format of the output is too long");
}

static int list_names(nm_module_t *m)
{
   struct luamodule *self = nm_self(m);
   const ur_template_t *t = nm_in(m);
   *self->names = *self->own = 0;
   for (int i = 0; i < t->count; i++) {
      size_t n = strlen(self->names);
      int length = snprintf(self->names + n, FORMAT - n, "%s%s", n > 0 ? "," : "", ur_get_name(t->ids[i]));
      if (n + (size_t) length >= FORMAT) {
         return nm_fail(m, "the format of the input is too long");
      }
   }
   return NM_OK;
}

/* The script may change the format of the output. If it fails, that is the one of the input. */
static int format(nm_module_t *m, uint32_t input)
{
   struct luamodule *self = nm_self(m);
   char why[WHY];
   (void) input;
   self->rec = self->copy = NULL;
   int rc = list_names(m);
   if (rc == NM_OK && self->on_template != NO_HOOK) {
      self->in_template = true;
      lua_rawgeti(self->lua, LUA_REGISTRYINDEX, self->on_template);
      bool good = call(self, 0, why);
      self->in_template = false;
      if (!good) {
         failed(m, "on_template_recv()", why);
         rc = list_names(m);
      }
   }
   return rc == NM_OK ? set_format(m) : rc;
}

/* Pushes the hook and sets the number of the record. May fail for want of memory: then it is an error of the script. */
static int run_hook(lua_State *l)
{
   const struct luamodule *self = nm_self(module_of(l));
   lua_pushinteger(l, (lua_Integer) self->count);
   lua_setglobal(l, "_REC_COUNT");
   lua_rawgeti(l, LUA_REGISTRYINDEX, self->on_record);
   lua_call(l, 0, 0);
   return 0;
}

static int record(nm_module_t *m, const nm_record_t *r)
{
   struct luamodule *self = nm_self(m);
   char why[WHY];
   self->rec = r->data;
   self->copy = NULL;
   self->dropped = false;
   self->count++;
   lua_pushcfunction(self->lua, run_hook);
   bool good = call(self, 0, why);
   self->rec = NULL;
   if (!good) {
      failed(m, "on_record_recv()", why);
      if (self->after_error == DROP) {
         return NM_OK;
      }
   } else if (self->dropped) {
      self->drops++;
      return NM_OK;
   }
   return good && self->copy != NULL ? nm_send(m, self->copy) : nm_forward_n(m, 0, r);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      rc = record(m, &recs[i]);
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct luamodule *self = nm_self(m);
   if (self->lua != NULL) {
      lua_close(self->lua);
   }
}

NM_MODULE("luamodule",
          "Runs a script in Lua for each record: its function on_record_recv() reads fields with ur_get(), "
          "changes them with ur_set(), or drops "
          "the record with ur_drop(). An error of the script is a warning, and the next record is the "
          "script's again.",
          .in = NM_INPUTS({"records", NM_ANY_FORMAT}), .out = NM_OUTPUTS({"records"}), .options = options,
          .state_size = sizeof(struct luamodule), .no_eos_option = "no_eof", .init = init, .format = format,
          .records = records, .cleanup = cleanup)
