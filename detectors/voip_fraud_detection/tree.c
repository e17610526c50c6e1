/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Callers and the trees of what they dialled.
 *
 * A tree is a radix tree of the targets that nobody answered, read backwards: domain, last digit, and so on, so that the numbers that
 * differ only in what precedes them are below one node. Targets and nodes of all callers share two arrays of fixed size. Nothing is
 * removed from a tree but the whole of it, so a node may use the text of any target below it. What is dialled is put into the tree
 * when its caller is checked, and only if it was not answered meanwhile: most calls never get there.
 */
#include "voip.h"

#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_memory.h>
#include <stdlib.h>

#define SHARE 16 /* of all targets: a caller with more loses its own when there are no more */

bool tree_open(struct voip *self)
{
   uint32_t buckets = nc_index_size(self->capacity);
   self->n_nodes = 2 * self->capacity + 2; /* each target adds at most two */
   self->targets = nc_memory_lines((size_t) self->capacity + 1, sizeof(*self->targets), &self->targets_base);
   self->texts = nc_memory_lines((size_t) self->capacity + 1, sizeof(*self->texts), &self->texts_base);
   self->nodes = nc_memory_lines(self->n_nodes, sizeof(*self->nodes), &self->nodes_base);
   self->index.buckets = nc_memory_lines(buckets, sizeof(*self->index.buckets), &self->index_base);
   self->index.mask = buckets - 1;
   self->next_target = self->next_node = 1;
   link_head(&self->suspects);
   link_head(&self->once);
   link_head(&self->often);
   /* A target is pending once at most, and each caller leaves at most a block half empty. */
   bool room = pool_open(&self->pending, self->capacity + 2 * POOL_BLOCK * nc_table_capacity(self->callers),
                         sizeof(uint32_t));
   return room && self->targets != NULL && self->texts != NULL && self->nodes != NULL &&
          self->index.buckets != NULL;
}

void tree_close(struct voip *self)
{
   free(self->targets_base);
   free(self->texts_base);
   free(self->nodes_base);
   free(self->index_base);
   pool_close(&self->pending);
}

/* --------------------------------------------------------------------- callers */

void tree_clear(struct voip *self, struct caller *c)
{
   for (uint32_t t = c->targets, next; t != 0; t = next) {
      struct target *target = &self->targets[t];
      next = target->next;
      nc_index_remove(&self->index, target->hash, t);
      target->caller = 0;
      self->n_targets--;
      target->next = self->free_target;
      self->free_target = t;
   }
   /* Nodes that are still to be freed are a list, linked by their siblings. */
   for (uint32_t list = c->root; list != 0;) {
      struct node *node = &self->nodes[list];
      uint32_t freed = list;
      list = node->sibling;
      for (unsigned i = 0; i < 10; i++) {
         if (node->digit[i] != 0) {
            self->nodes[node->digit[i]].sibling = list;
            list = node->digit[i];
         }
      }
      for (uint32_t child = node->other, next; child != 0; child = next) {
         next = self->nodes[child].sibling;
         self->nodes[child].sibling = list;
         list = child;
      }
      node->sibling = self->free_node;
      self->free_node = freed;
   }
   queue_clear(&self->pending, &c->pending);
   link_remove(&c->suspect);
   c->root = c->targets = c->n_targets = c->dialled = c->answered = 0;
   c->id = ++self->caller_ids; /* calls of before are not its own */
}

void caller_evicted(void *context, const void *key, void *value)
{
   struct voip *self = nm_self(context);
   struct caller *c = value;
   (void) key;
   tree_clear(self, c);
   link_remove(&c->by_use);
}

void caller_used(struct voip *self, struct caller *c)
{
   if (!link_is_in(&c->by_use)) {
      link_append(&self->once, &c->by_use);
      c->id = ++self->caller_ids;
      return;
   }
   link_remove(&c->by_use);
   link_append(&self->often, &c->by_use);
   c->often = true;
}

/* Gives up a caller so that another one has room: who called once goes first. \return false: there is no other one */
static bool give_up(struct voip *self, const struct caller *c)
{
   struct link *l =
       self->once.next != &self->once && self->once.next != &c->by_use ? self->once.next : self->often.next;
   struct caller *other = (struct caller *) l;
   if (l == &self->often || other == c) {
      return false; /* the one that calls is the last one of its list */
   }
   tree_clear(self, other);
   link_remove(l);
   nc_table_remove_value(self->callers, other);
   self->callers_given_up++;
   return true;
}

/* ----------------------------------------------------------------------- nodes */

static bool is_digit(char c)
{
   return c >= '0' && c <= '9';
}

uint32_t node_child(const struct voip *self, uint32_t node, char c)
{
   if (is_digit(c)) {
      return self->nodes[node].digit[c - '0'];
   }
   for (uint32_t child = self->nodes[node].other; child != 0; child = self->nodes[child].sibling) {
      const struct node *n = &self->nodes[child];
      if (target_char(self, &self->targets[n->target], n->begin) == c) {
         return child;
      }
   }
   return 0;
}

static uint32_t node_new(struct voip *self, uint32_t target, uint32_t begin, uint32_t end)
{
   uint32_t node = self->free_node;
   if (node != 0) {
      self->free_node = self->nodes[node].sibling;
   } else {
      node = self->next_node++;
   }
   struct node *n = &self->nodes[node];
   memset(n, 0, sizeof(*n));
   n->target = target;
   n->begin = (uint8_t) begin;
   n->end = (uint8_t) end;
   return node;
}

/* Makes child the one that goes on with its character, in the place of the one before if there is one. */
static void node_put(struct voip *self, uint32_t parent, uint32_t child)
{
   struct node *p = &self->nodes[parent], *n = &self->nodes[child];
   char c = target_char(self, &self->targets[n->target], n->begin);
   if (is_digit(c)) {
      p->digit[c - '0'] = child;
      return;
   }
   uint32_t *place = &p->other;
   while (*place != 0) {
      const struct node *other = &self->nodes[*place];
      char at = target_char(self, &self->targets[other->target], other->begin);
      if (at >= c) {
         n->sibling = at == c ? other->sibling : *place;
         *place = child;
         return;
      }
      place = &self->nodes[*place].sibling;
   }
   n->sibling = 0;
   *place = child;
}

/* Cuts a node in two. \return the upper one */
static uint32_t node_split(struct voip *self, uint32_t parent, uint32_t child, uint32_t end)
{
   struct node *n = &self->nodes[child];
   uint32_t upper = node_new(self, n->target, n->begin, end);
   self->nodes[upper].unanswered = n->unanswered;
   node_put(self, parent, upper);
   n->begin = (uint8_t) end;
   n->sibling = 0;
   node_put(self, upper, child);
   return upper;
}

/* Where the texts of a node and of a target part, counted from their ends. */
static uint32_t common_end(const struct voip *self, const struct node *n, const struct target *t)
{
   const struct target *other = &self->targets[n->target];
   uint32_t i = n->begin, end = n->end < t->length ? n->end : t->length;
   while (i < end && target_char(self, other, i) == target_char(self, t, i)) {
      i++;
   }
   return i;
}

/* Puts a target into the tree. Where a node has one digit, the way to it says which one, and its text need not be looked at. */
static void node_insert(struct voip *self, struct caller *c, uint32_t target)
{
   const struct target *t = &self->targets[target];
   uint32_t node = c->root != 0 ? c->root : (c->root = node_new(self, target, 0, 0)), depth = 0;
   while (depth < t->length) {
      char at = target_char(self, t, depth);
      uint32_t child = node_child(self, node, at);
      if (child == 0) {
         child = node_new(self, target, depth, t->length);
         node_put(self, node, child);
      } else if (self->nodes[child].end > depth + 1) {
         uint32_t end = common_end(self, &self->nodes[child], t);
         child = end < self->nodes[child].end ? node_split(self, node, child, end) : child;
      }
      node = child;
      depth = self->nodes[node].end;
   }
   self->nodes[node].ends = true;
   self->nodes[node].target = target;
}

/* Adds to the counts of all nodes that lead to a target. */
static void count(struct voip *self, const struct caller *c, const struct target *t, uint32_t more)
{
   uint32_t node = c->root;
   self->nodes[node].unanswered += more;
   for (uint32_t depth = 0; depth < t->length; depth = self->nodes[node].end) {
      node = node_child(self, node, target_char(self, t, depth));
      self->nodes[node].unanswered += more;
   }
}

void tree_count(struct voip *self, struct caller *c, uint32_t target)
{
   struct target *t = &self->targets[target];
   if (!t->in_tree) {
      node_insert(self, c, target);
      t->in_tree = true;
   }
   if (!t->counted) {
      count(self, c, t, 1);
      t->counted = true;
   }
}

void tree_uncount(struct voip *self, struct caller *c, uint32_t target)
{
   struct target *t = &self->targets[target];
   if (t->counted) {
      count(self, c, t, UINT32_MAX); /* less one */
      t->counted = false;
   }
}

/* --------------------------------------------------------------------- targets */

static uint32_t target_place(struct voip *self, struct caller *c)
{
   if (c->n_targets >= self->max_targets) {
      tree_clear(self, c);
      self->trees_replaced++;
   }
   while (self->free_target == 0 && self->next_target > self->capacity) {
      if (c->n_targets > self->capacity / SHARE || !give_up(self, c)) {
         tree_clear(self, c);
         self->trees_replaced++;
      }
   }
   uint32_t target = self->free_target;
   if (target != 0) {
      self->free_target = self->targets[target].next;
      return target;
   }
   return self->next_target++;
}

struct wanted {
   const struct target *targets;
   uint64_t hash;
};

/* The hash has a secret key and all its bits are compared: nobody can make two targets alike. */
static bool is_same(void *context, uint32_t target)
{
   const struct wanted *w = context;
   return w->targets[target].hash == w->hash;
}

static uint32_t target_new(struct voip *self, struct caller *c, const struct message *msg)
{
   uint32_t target = target_place(self, c);
   struct target *t = &self->targets[target];
   *t = (struct target){.hash = msg->hash, .length = msg->length};
   memcpy(msg->length <= TARGET_SHORT ? t->text : self->texts[target], msg->target, msg->length);
   if (!nc_index_add(&self->index, msg->hash, target)) {
      t->next = self->free_target; /* as good as impossible, and counted by the index */
      self->free_target = target;
      return 0;
   }
   t->caller = c->id;
   t->next = c->targets;
   c->targets = target;
   c->n_targets++;
   self->n_targets++;
   return target;
}

bool caller_is_suspect(const struct voip *self, const struct caller *c)
{
   return c->pending.n > 0 && c->dialled - c->answered > self->limit;
}

uint32_t tree_add(struct voip *self, struct caller *c, const struct message *msg)
{
   struct wanted wanted = {self->targets, msg->hash};
   uint32_t target = nc_index_find(&self->index, msg->hash, is_same, &wanted);
   if (target == NC_INDEX_NONE) {
      target = target_new(self, c, msg);
      if (target == 0) {
         return 0;
      }
   }
   struct target *t = &self->targets[target];
   if (t->invites++ == 0) {
      c->dialled++;
      if (!t->pending) {
         uint32_t *place = queue_push(&self->pending, &c->pending);
         t->pending = place != NULL;
         if (place != NULL) {
            *place = target;
         }
      }
      if (!link_is_in(&c->suspect) && caller_is_suspect(self, c)) {
         c->queued = self->now;
         link_append(&self->suspects, &c->suspect);
      }
   }
   return target;
}

void tree_answered(struct voip *self, struct caller *c, uint32_t target)
{
   struct target *t = &self->targets[target];
   if (t->invites > 0 && t->answered++ == 0) {
      c->answered++;
      tree_uncount(self, c, target);
   }
}

/* ------------------------------------------------------------------- sub-trees */

void tree_walk(struct voip *self, uint32_t node, node_fn visit, void *context)
{
   const struct node *n = &self->nodes[node];
   uint32_t other = n->other;
   visit(self, node, context);
   /* A text has at most TARGET_MAX characters, and so has the way down. */
   for (; other != 0; other = self->nodes[other].sibling) {
      const struct node *o = &self->nodes[other];
      if (target_char(self, &self->targets[o->target], o->begin) > '0') {
         break;
      }
      tree_walk(self, other, visit, context);
   }
   for (unsigned i = 0; i < 10; i++) {
      if (n->digit[i] != 0) {
         tree_walk(self, n->digit[i], visit, context);
      }
   }
   for (; other != 0; other = self->nodes[other].sibling) {
      tree_walk(self, other, visit, context);
   }
}
