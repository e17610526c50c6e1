/* SPDX-License-Identifier: BSD-3-Clause */
/** Names of lists: a hash table that grows while it is filled. */
#include "names.h"

#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024
#define MAX_TEXT    UINT32_MAX

struct entry {
   uint64_t lists; /* that hold the name itself */
   uint64_t below; /* that hold all names below it */
   uint32_t text;  /* offset */
   uint32_t length;
};

struct slot {
   uint32_t tag;   /* part of the hash */
   uint32_t entry; /* index + 1; 0: free */
};

struct bl_names {
   struct slot *slots;
   size_t n_slots; /* a power of two */
   struct entry *entries;
   size_t n, room;
   char *text;
   size_t n_text, room_text;
   bool parents; /* some entry stands for names below it */
};

struct bl_names *bl_names_new(void)
{
   struct bl_names *names = calloc(1, sizeof(*names));
   if (names != NULL) {
      names->n_slots = FIRST_SLOTS;
      names->slots = calloc(FIRST_SLOTS, sizeof(*names->slots));
   }
   if (names != NULL && names->slots == NULL) {
      free(names);
      return NULL;
   }
   return names;
}

void bl_names_free(struct bl_names *names)
{
   if (names != NULL) {
      free(names->slots);
      free(names->entries);
      free(names->text);
      free(names);
   }
}

size_t bl_names_count(const struct bl_names *names)
{
   return names->n;
}

static inline const struct entry *search(const struct bl_names *names, const char *text, size_t length,
                                         uint64_t hash)
{
   size_t mask = names->n_slots - 1;
   for (size_t i = hash & mask;; i = (i + 1) & mask) {
      struct slot slot = names->slots[i];
      if (slot.entry == 0) {
         return NULL;
      }
      const struct entry *e = &names->entries[slot.entry - 1];
      if (slot.tag == (uint32_t) (hash >> 32) && e->length == length &&
          memcmp(names->text + e->text, text, length) == 0) {
         return e;
      }
   }
}

static void put(struct slot *slots, size_t n_slots, uint64_t hash, uint32_t entry)
{
   size_t i = hash & (n_slots - 1);
   while (slots[i].entry != 0) {
      i = (i + 1) & (n_slots - 1);
   }
   slots[i] = (struct slot){.tag = (uint32_t) (hash >> 32), .entry = entry};
}

static bool more_slots(struct bl_names *names)
{
   size_t n_slots = 2 * names->n_slots;
   struct slot *slots = calloc(n_slots, sizeof(*slots));
   if (slots == NULL) {
      return false;
   }
   for (size_t i = 0; i < names->n; i++) {
      const struct entry *e = &names->entries[i];
      put(slots, n_slots, nc_hash(names->text + e->text, e->length), (uint32_t) i + 1);
   }
   free(names->slots);
   names->slots = slots;
   names->n_slots = n_slots;
   return true;
}

static bool more_room(struct bl_names *names, size_t length)
{
   if (names->n == names->room) {
      size_t room = names->room < 512 ? 512 : names->room + names->room / 2;
      struct entry *entries = realloc(names->entries, room * sizeof(*entries));
      if (entries == NULL) {
         return false;
      }
      names->entries = entries;
      names->room = room;
   }
   if (names->n_text + length > names->room_text) {
      size_t room = names->room_text + names->room_text / 2 + length + 4096;
      char *text = realloc(names->text, room);
      if (text == NULL) {
         return false;
      }
      names->text = text;
      names->room_text = room;
   }
   return 2 * (names->n + 1) <= names->n_slots || more_slots(names);
}

bool bl_names_add(struct bl_names *names, const char *text, size_t length, uint64_t lists, bool below)
{
   if (length > BL_NAME_MAX || names->n >= UINT32_MAX - 1 || names->n_text + length > MAX_TEXT) {
      return false;
   }
   uint64_t hash = nc_hash(text, length);
   struct entry *e = (struct entry *) (uintptr_t) search(names, text, length, hash);
   if (e == NULL) {
      if (!more_room(names, length)) {
         return false;
      }
      e = &names->entries[names->n];
      *e = (struct entry){.text = (uint32_t) names->n_text, .length = (uint32_t) length};
      memcpy(names->text + names->n_text, text, length);
      names->n_text += length;
      names->n++;
      put(names->slots, names->n_slots, hash, (uint32_t) names->n);
   }
   if (below) {
      e->below |= lists;
      names->parents = true;
   } else {
      e->lists |= lists;
   }
   return true;
}

uint64_t bl_names_find(const struct bl_names *names, const char *text, size_t length, size_t host,
                       bool subdomains)
{
   const struct entry *e = search(names, text, length, nc_hash(text, length));
   uint64_t lists = e != NULL ? e->lists : 0;
   if ((!names->parents && !subdomains) || host > BL_HOST_MAX) {
      return lists;
   }
   for (const char *dot = memchr(text, '.', host); dot != NULL;) {
      const char *parent = dot + 1;
      size_t left = length - (size_t) (parent - text), left_host = host - (size_t) (parent - text);
      e = search(names, parent, left, nc_hash(parent, left));
      if (e != NULL) {
         lists |= e->below | (subdomains ? e->lists : 0);
      }
      dot = left_host > 0 ? memchr(parent, '.', left_host) : NULL;
   }
   return lists;
}

void bl_names_prefetch(const struct bl_names *names, uint64_t hash)
{
   __builtin_prefetch(&names->slots[hash & (names->n_slots - 1)]);
}

bool bl_names_possible(const struct bl_names *names, uint64_t hash, bool subdomains)
{
   size_t mask = names->n_slots - 1;
   if (names->parents || subdomains) {
      return true;
   }
   for (size_t i = hash & mask; names->slots[i].entry != 0; i = (i + 1) & mask) {
      if (names->slots[i].tag == (uint32_t) (hash >> 32)) {
         return true;
      }
   }
   return false;
}
