/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The field registry: all fields of the process, their ids, and which of them are in use.
 *
 * The tables are public, so that reading a field's name, size or type is one load. They grow by making larger
 * copies; the old ones stay until ur_finalize(), so that threads that still read them are safe. A hash table of the
 * names makes finding and defining a field independent of their number. All changes are made under one lock.
 */
#include "internal.h"

#include <nemea-common/nc_hash.h>
#include <pthread.h>

/* A program's generated fields.c overrides these two. */
UR_PUBLIC __attribute__((weak))
ur_field_specs_t ur_field_specs = {NULL, NULL, NULL, 0, 0, 0, NULL, UR_UNINITIALIZED};
UR_PUBLIC __attribute__((weak)) ur_static_field_specs_t UR_FIELD_SPECS_STATIC = {NULL, NULL, NULL, 0};

struct retired {
   struct retired *next;
   void *tables;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Fields that only formats of peers have defined are removed when no template uses them and there are more than MAX_IDLE of them;
 * until then they stay, since formats often return. Fields that the program has defined are never removed. */
#define MAX_IDLE 4096

struct use {
   uint32_t templates; /* number that use the field */
   bool foreign;       /* only peers have defined it */
};

static struct use uses[UR_FIELD_ID_MAX + 1];
static int n_idle;     /* foreign fields that no template uses */
static uint32_t epoch; /* incremented by ur_finalize() */
static struct retired *retired;
static ur_field_id_t *slots; /* hash table from names to ids, -1: free */
static size_t n_slots;       /* a power of two */
static size_t n_hashed;

/* Names also come from peers: the hash is keyed, so that they cannot choose colliding names. */
static uint64_t hash_name(const char *name, size_t length)
{
   return nc_hash(name, length);
}

static void hash_put(ur_field_id_t id)
{
   const char *name = ur_get_name(id);
   size_t i = hash_name(name, strlen(name)) & (n_slots - 1);
   while (slots[i] >= 0) {
      i = (i + 1) & (n_slots - 1);
   }
   slots[i] = id;
   n_hashed++;
}

/* Rebuilds the hash table with room for at least n names. */
static int hash_build(size_t n)
{
   size_t size = 64;
   while (size < 2 * n) {
      size *= 2;
   }
   ur_field_id_t *fresh = malloc(size * sizeof(*fresh));
   if (fresh == NULL) {
      return UR_E_MEMORY;
   }
   memset(fresh, 0xff, size * sizeof(*fresh));
   free(slots);
   slots = fresh;
   n_slots = size;
   n_hashed = 0;
   for (ur_field_id_t id = 0; id < ur_field_specs.ur_last_id; id++) {
      if (ur_get_name(id) != NULL) {
         hash_put(id);
      }
   }
   return UR_OK;
}

static int find_locked(const char *name, size_t length)
{
   if (slots == NULL && hash_build((size_t) ur_field_specs.ur_last_id + 8) != UR_OK) {
      return UR_E_INVALID_NAME;
   }
   for (size_t i = hash_name(name, length) & (n_slots - 1); slots[i] >= 0; i = (i + 1) & (n_slots - 1)) {
      const char *have = ur_get_name(slots[i]);
      if (have != NULL && strncmp(have, name, length) == 0 && have[length] == 0) {
         return slots[i];
      }
   }
   return UR_E_INVALID_NAME;
}

int registry_find(const char *name, size_t length)
{
   pthread_mutex_lock(&lock);
   int id = find_locked(name, length);
   pthread_mutex_unlock(&lock);
   return id;
}

/* Replaces the tables by larger ones for n fields, in one allocation. */
static int grow_tables(int n)
{
   ur_field_specs_t *s = &ur_field_specs;
   size_t size = (size_t) n * (sizeof(char *) + sizeof(ur_field_type_t) + sizeof(short));
   struct retired *r = malloc(sizeof(*r));
   char *memory = malloc(size);
   if (r == NULL || memory == NULL) {
      free(r);
      free(memory);
      return UR_E_MEMORY;
   }
   size_t used = (size_t) s->ur_last_id;
   char **names = (char **) (void *) memory;
   ur_field_type_t *types = (ur_field_type_t *) (void *) (names + n);
   short *sizes = (short *) (void *) (types + n);
   if (used > 0) {
      memcpy(names, s->ur_field_names, used * sizeof(*names));
      memcpy(types, s->ur_field_types, used * sizeof(*types));
      memcpy(sizes, s->ur_field_sizes, used * sizeof(*sizes));
   }
   r->tables = memory;
   r->next = retired;
   retired = r;
   __atomic_store_n(&s->ur_field_names, names, __ATOMIC_RELEASE);
   __atomic_store_n(&s->ur_field_types, types, __ATOMIC_RELEASE);
   __atomic_store_n(&s->ur_field_sizes, sizes, __ATOMIC_RELEASE);
   s->ur_allocated_fields = (ur_field_id_t) n;
   return UR_OK;
}

static int init_locked(ur_static_field_specs_t fixed)
{
   ur_field_specs_t *s = &ur_field_specs;
   if (s->intialized == UR_INITIALIZED) {
      return UR_OK;
   }
   __atomic_store_n(&s->ur_field_names, fixed.ur_field_names, __ATOMIC_RELEASE);
   __atomic_store_n(&s->ur_field_sizes, fixed.ur_field_sizes, __ATOMIC_RELEASE);
   __atomic_store_n(&s->ur_field_types, fixed.ur_field_types, __ATOMIC_RELEASE);
   s->ur_last_statically_defined_id = fixed.ur_last_id;
   __atomic_store_n(&s->ur_last_id, fixed.ur_last_id, __ATOMIC_RELEASE);
   int room = fixed.ur_last_id + UR_INITIAL_SIZE_FIELDS_TABLE;
   if (grow_tables(room < UR_FIELD_ID_MAX ? room : UR_FIELD_ID_MAX) != UR_OK) {
      return UR_E_MEMORY;
   }
   s->ur_undefine_fields = NULL;
   s->intialized = UR_INITIALIZED;
   return UR_OK;
}

UR_PUBLIC int ur_init(ur_static_field_specs_t field_specs_static)
{
   pthread_mutex_lock(&lock);
   int rc = init_locked(field_specs_static);
   pthread_mutex_unlock(&lock);
   return rc;
}

static int empty_id_locked(void)
{
   ur_field_specs_t *s = &ur_field_specs;
   if (init_locked(UR_FIELD_SPECS_STATIC) != UR_OK) {
      return UR_E_MEMORY;
   }
   if (s->ur_undefine_fields != NULL) {
      ur_field_id_linked_list_t *first = s->ur_undefine_fields;
      ur_field_id_t id = first->id;
      s->ur_undefine_fields = first->next;
      free(first);
      return id;
   }
   if (s->ur_last_id == s->ur_allocated_fields) {
      int n = 2 * s->ur_allocated_fields;
      if (s->ur_last_id == UR_FIELD_ID_MAX ||
          grow_tables(n < UR_FIELD_ID_MAX ? n : UR_FIELD_ID_MAX) != UR_OK) {
         return UR_E_MEMORY;
      }
   }
   s->ur_field_names[s->ur_last_id] = NULL;
   s->ur_field_types[s->ur_last_id] = UR_TYPE_UINT8;
   s->ur_field_sizes[s->ur_last_id] = 1;
   ur_field_id_t id = s->ur_last_id;
   __atomic_store_n(&s->ur_last_id, (ur_field_id_t) (id + 1), __ATOMIC_RELEASE);
   return id;
}

UR_PUBLIC int ur_get_empty_id(void)
{
   pthread_mutex_lock(&lock);
   int id = empty_id_locked();
   pthread_mutex_unlock(&lock);
   return id;
}

/* The program itself defines the field: it is never removed. */
static void keep_for_good(int id)
{
   n_idle -= uses[id].foreign && uses[id].templates == 0;
   uses[id].foreign = false;
}

/* Changes the type of a field that only peers have defined and that no template uses.
 * \param listed,n ids of the fields before it in the same list */
static int retype_locked(int id, int type, const ur_field_id_t *listed, int n)
{
   bool idle = uses[id].foreign && uses[id].templates == 0;
   for (int i = 0; idle && i < n; i++) {
      idle = listed[i] != id; /* the list itself has the field with two types */
   }
   if (!idle) {
      return UR_E_TYPE_MISMATCH;
   }
   ur_get_type(id) = (ur_field_type_t) type;
   ur_get_size(id) = (short) ur_size_of(type);
   return UR_OK;
}

/* \param foreign a peer defines it \param fresh set to whether the field is new */
static int define_locked(const char *name, size_t length, int type, bool foreign, const ur_field_id_t *listed,
                         int n, bool *fresh)
{
   *fresh = false;
   if (!field_name_is_valid(name, length)) {
      return UR_E_INVALID_NAME;
   }
   if (type < 0 || type >= UR_COUNT_OF_TYPES) {
      return UR_E_INVALID_TYPE;
   }
   int id = find_locked(name, length);
   if (id >= 0) {
      if (ur_get_type(id) != (ur_field_type_t) type && retype_locked(id, type, listed, n) != UR_OK) {
         return UR_E_TYPE_MISMATCH;
      }
      if (!foreign) {
         keep_for_good(id);
      }
      return id;
   }
   char *copy = strndup(name, length);
   if (copy == NULL || (n_hashed + 1) * 2 > n_slots) {
      if (copy == NULL || hash_build(2 * n_hashed + 64) != UR_OK) {
         free(copy);
         return UR_E_MEMORY;
      }
   }
   id = empty_id_locked();
   if (id < 0) {
      free(copy);
      return id;
   }
   ur_get_name(id) = copy;
   ur_get_type(id) = (ur_field_type_t) type;
   ur_get_size(id) = (short) ur_size_of(type);
   hash_put((ur_field_id_t) id);
   uses[id] = (struct use){.foreign = foreign};
   n_idle += foreign;
   *fresh = true;
   return id;
}

UR_PUBLIC int ur_define_field(const char *name, ur_field_type_t type)
{
   bool fresh;
   if (name == NULL) {
      return UR_E_INVALID_NAME;
   }
   pthread_mutex_lock(&lock);
   int id = define_locked(name, strlen(name), (int) type, false, NULL, 0, &fresh);
   pthread_mutex_unlock(&lock);
   return id;
}

static int undefine_locked(ur_field_id_t id)
{
   ur_field_specs_t *s = &ur_field_specs;
   if (s->intialized != UR_INITIALIZED || id < s->ur_last_statically_defined_id || id >= s->ur_last_id ||
       ur_get_name(id) == NULL) {
      return UR_E_INVALID_PARAMETER;
   }
   ur_field_id_linked_list_t *e = malloc(sizeof(*e));
   if (e == NULL) {
      return UR_E_MEMORY;
   }
   keep_for_good(id);
   uses[id] = (struct use){.templates = 0};
   free(ur_get_name(id));
   ur_get_name(id) = NULL;
   e->id = id;
   e->next = s->ur_undefine_fields;
   s->ur_undefine_fields = e;
   return UR_OK;
}

/* After fields were undefined. Their slots cannot simply be cleared: probe sequences of other names may cross them. */
static int rehash_locked(void)
{
   return hash_build(n_hashed + 8);
}

/* Removes the fields that only peers have defined and that no template uses. */
static void reclaim_locked(void)
{
   for (int id = ur_field_specs.ur_last_statically_defined_id; id < ur_field_specs.ur_last_id; id++) {
      if (uses[id].foreign && uses[id].templates == 0) {
         undefine_locked((ur_field_id_t) id);
      }
   }
   rehash_locked();
}

static void use_locked(const ur_field_id_t *ids, size_t n)
{
   for (size_t i = 0; i < n; i++) {
      struct use *u = &uses[ids[i]];
      n_idle -= u->foreign && u->templates == 0;
      u->templates++;
   }
}

uint32_t registry_use(const ur_field_id_t *ids, size_t n)
{
   pthread_mutex_lock(&lock);
   use_locked(ids, n);
   uint32_t now = epoch;
   pthread_mutex_unlock(&lock);
   return now;
}

void registry_release(const ur_field_id_t *ids, size_t n, uint32_t when)
{
   pthread_mutex_lock(&lock);
   for (size_t i = 0; i < n && when == epoch; i++) {
      struct use *u = &uses[ids[i]];
      if (u->templates > 0) { /* else the program has undefined the field since */
         u->templates--;
         n_idle += u->foreign && u->templates == 0;
      }
   }
   pthread_mutex_unlock(&lock);
}

UR_PUBLIC int ur_undefine_field_by_id(ur_field_id_t field_id)
{
   pthread_mutex_lock(&lock);
   int rc = undefine_locked(field_id);
   rc = rc == UR_OK ? rehash_locked() : rc;
   pthread_mutex_unlock(&lock);
   return rc;
}

UR_PUBLIC int ur_undefine_field(const char *name)
{
   pthread_mutex_lock(&lock);
   int id = name != NULL ? find_locked(name, strlen(name)) : UR_E_INVALID_NAME;
   int rc = id >= 0 ? undefine_locked((ur_field_id_t) id) : UR_E_INVALID_NAME;
   rc = rc == UR_OK ? rehash_locked() : rc;
   pthread_mutex_unlock(&lock);
   return rc == UR_E_INVALID_PARAMETER ? UR_E_INVALID_NAME : rc;
}

/* Defines all fields of a list, or none. \return their number, with their ids in ids, or an error */
static int define_list_locked(const struct typed_list *list, bool foreign, ur_field_id_t *ids)
{
   ur_field_id_t *added = malloc((list->n + 1) * sizeof(*added)); /* fields that did not exist before */
   size_t n = 0, n_added = 0;
   int rc = UR_OK;
   if (added == NULL) {
      return UR_E_MEMORY;
   }
   for (; n < list->n; n++) {
      const struct typed_field *f = &list->fields[n];
      bool fresh = false;
      int id =
          f->type < 0 ? f->type : define_locked(f->name, f->length, f->type, foreign, ids, (int) n, &fresh);
      if (id < 0) {
         rc = id;
         break;
      }
      ids[n] = (ur_field_id_t) id;
      if (fresh) {
         added[n_added++] = (ur_field_id_t) id;
      }
   }
   if (rc == UR_OK && !list->complete) {
      rc = UR_E_INVALID_TYPE;
   }
   if (rc != UR_OK && n_added > 0) {
      while (n_added > 0) {
         undefine_locked(added[--n_added]);
      }
      rehash_locked();
   }
   free(added);
   return rc != UR_OK ? rc : (int) n;
}

int registry_define(const struct typed_list *list)
{
   ur_field_id_t *ids = malloc((list->n + 1) * sizeof(*ids));
   if (ids == NULL) {
      return UR_E_MEMORY;
   }
   pthread_mutex_lock(&lock);
   int n = define_list_locked(list, false, ids);
   pthread_mutex_unlock(&lock);
   free(ids);
   return n < 0 ? n : UR_OK;
}

int registry_define_foreign(const struct typed_list *list, ur_field_id_t *ids, uint32_t *when)
{
   pthread_mutex_lock(&lock);
   if (n_idle > MAX_IDLE) {
      reclaim_locked();
   }
   int n = define_list_locked(list, true, ids);
   if (n > 0) {
      use_locked(ids, (size_t) n);
   }
   *when = epoch;
   pthread_mutex_unlock(&lock);
   return n;
}

UR_PUBLIC int ur_get_id_by_name(const char *name)
{
   return name != NULL ? registry_find(name, strlen(name)) : UR_E_INVALID_NAME;
}

UR_PUBLIC void ur_finalize(void)
{
   ur_field_specs_t *s = &ur_field_specs;
   pthread_mutex_lock(&lock);
   if (s->intialized == UR_INITIALIZED) {
      for (int id = s->ur_last_statically_defined_id; id < s->ur_last_id; id++) {
         free(ur_get_name(id));
      }
      while (s->ur_undefine_fields != NULL) {
         ur_field_id_linked_list_t *next = s->ur_undefine_fields->next;
         free(s->ur_undefine_fields);
         s->ur_undefine_fields = next;
      }
      s->ur_field_names = UR_FIELD_SPECS_STATIC.ur_field_names;
      s->ur_field_sizes = UR_FIELD_SPECS_STATIC.ur_field_sizes;
      s->ur_field_types = UR_FIELD_SPECS_STATIC.ur_field_types;
      s->ur_last_id = s->ur_allocated_fields = UR_FIELD_SPECS_STATIC.ur_last_id;
      s->intialized = UR_UNINITIALIZED;
      memset(uses, 0, sizeof(uses));
      n_idle = 0;
      epoch++;
   }
   while (retired != NULL) {
      struct retired *next = retired->next;
      free(retired->tables);
      free(retired);
      retired = next;
   }
   free(slots);
   slots = NULL;
   n_slots = n_hashed = 0;
   pthread_mutex_unlock(&lock);
}
