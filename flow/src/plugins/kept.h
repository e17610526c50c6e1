/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What a plugin keeps of a flow's messages, one piece after another. The first bytes lie among the plugin's own, all of them
 * in its more_size bytes as soon as there are more: most messages are short, and memory that is not touched costs nothing.
 */
#ifndef FLOW_PLUGINS_KEPT_H
#define FLOW_PLUGINS_KEPT_H

#include "cache/plugin.h"
#include "text.h"

/** All zero: empty. */
struct kept {
   struct plugin_more more; /* must be where that of the plugin is */
   uint16_t n;              /* bytes in use */
   bool moved;              /* to the more_size bytes */
};

struct kept_piece {
   uint16_t at, n;
};

/** Where pieces are. few: the bytes that the plugin has itself. */
static inline const void *kept_at(const struct kept *k, const void *few, struct kept_piece piece)
{
   const void *all = plugin_grown(&k->more);
   return (const char *) (all != NULL ? all : few) + piece.at;
}

/** Room for a piece. few_size, all_size: of few, and more_size. \return NULL: there is none */
static inline void *kept_room(struct kept *k, void *few, size_t few_size, size_t all_size, size_t n,
                              struct kept_piece *piece)
{
   void *all = k->moved || k->n + n > few_size ? plugin_grow(&k->more) : NULL;
   *piece = (struct kept_piece){.at = 0, .n = 0};
   if (k->n + n > (all != NULL ? all_size : few_size)) {
      return NULL;
   }
   if (all != NULL && !k->moved) {
      memcpy(all, few, k->n);
      k->moved = true;
   }
   *piece = (struct kept_piece){.at = k->n, .n = (uint16_t) n};
   k->n = (uint16_t) (k->n + n);
   return (char *) (all != NULL ? all : few) + piece->at;
}

/** Keeps the first bytes of a text, most of them at most. Nothing when there is no room. */
static inline struct kept_piece kept_text(struct kept *k, void *few, size_t few_size, size_t all_size,
                                          struct span s, size_t most)
{
   struct kept_piece piece;
   size_t n = s.n < most ? s.n : most;
   void *to = kept_room(k, few, few_size, all_size, n, &piece);
   if (to != NULL && n > 0) {
      memcpy(to, s.p, n);
   }
   return piece;
}

#endif
