/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Who tries prefixes before one number, or one number of a dial plan after the other?
 *
 * Targets that end alike form a group: the shortest end that a node of the tree stands for, leaves at most max_prefix characters of the
 * target, and includes the domain. A group can only have grown by what was dialled since the step before, so only that is looked at.
 */
#include "voip.h"

/* A short end is no number that prefixes are tried before: calls to many of them are ordinary unless hardly any is answered. */
#define ANSWERED_SHARE 10

#define AHEAD 8

/* Characters of the domain, and the '@'. */
static uint32_t domain_length(const struct voip *self, const struct target *t)
{
   const char *text = target_text(self, t), *at = memrchr(text, '@', t->length);
   return at != NULL ? (uint32_t) (text + t->length - at) : 1;
}

struct sum {
   struct examination *e;
   uint32_t max_prefix;
};

static void add_node(struct voip *self, uint32_t node, void *context)
{
   const struct node *n = &self->nodes[node];
   const struct sum *s = context;
   const struct target *t = &self->targets[n->target];
   if (!n->ends || !t->counted || t->length - s->e->depth > s->max_prefix) {
      return;
   }
   s->e->count++;
   s->e->invites += t->invites;
   if (s->e->best == 0 || t->length - s->e->depth > s->e->prefix_length) {
      s->e->best = n->target;
      s->e->prefix_length = t->length - s->e->depth;
   }
}

static bool is_examination(struct voip *self, const struct caller *c, uint32_t node, uint32_t domain,
                           struct examination *e)
{
   const struct node *n = &self->nodes[node];
   if (n->end < domain + self->min_number && (uint64_t) c->answered * ANSWERED_SHARE > n->unanswered) {
      return false;
   }
   *e = (struct examination){.node = node, .depth = n->end};
   struct sum s = {e, self->max_prefix};
   tree_walk(self, node, add_node, &s);
   return e->count > self->limit;
}

/* Nodes of which the step knows that they are no guess. */
struct memory {
   uint32_t harmless[HARMLESS], n;
};

static bool is_known(const struct memory *known, uint32_t node)
{
   for (unsigned i = 0; i < HARMLESS; i++) {
      if (known->harmless[i] == node) {
         return true;
      }
   }
   return false;
}

/* Looks at the groups of a target, from the largest on. */
static bool examine_target(struct voip *self, const struct caller *c, const struct target *t,
                           struct memory *known, struct examination *found)
{
   uint32_t domain = domain_length(self, t), depth = domain;
   if (t->length > self->max_prefix && t->length - self->max_prefix > depth) {
      depth = t->length - self->max_prefix;
   }
   for (uint32_t node = c->root;;) {
      const struct node *n = &self->nodes[node];
      if (n->unanswered <= self->limit) {
         return false; /* all below have fewer */
      }
      if (n->end >= depth && !is_known(known, node)) {
         if (is_examination(self, c, node, domain, found)) {
            return true;
         }
         known->harmless[known->n++ % HARMLESS] = node;
      }
      if (n->end >= t->length) {
         return false;
      }
      node = node_child(self, node, target_char(self, t, n->end));
   }
}

struct closing {
   struct caller *caller;
   const struct examination *e;
};

static void close_node(struct voip *self, uint32_t node, void *context)
{
   const struct closing *closing = context;
   uint32_t i = self->nodes[node].target;
   struct target *t = &self->targets[i];
   if (self->nodes[node].ends && t->counted) {
      log_prefix(self, closing->e, t);
      tree_uncount(self, closing->caller, i);
      closing->caller->dialled--;
      t->invites = 0;
   }
}

/* Targets of the group that were answered: they are not in the tree. */
static void close_answered(struct voip *self, struct caller *c, struct examination *e)
{
   const struct target *best = &self->targets[e->best];
   const char *end = target_text(self, best) + best->length - e->depth;
   for (uint32_t i = c->targets; i != 0; i = self->targets[i].next) {
      struct target *t = &self->targets[i];
      if (t->answered == 0 || t->length < e->depth ||
          memcmp(target_text(self, t) + t->length - e->depth, end, e->depth) != 0) {
         continue;
      }
      if (t->length - e->depth <= self->max_prefix) {
         e->answered++;
         e->invites += t->invites;
      }
      log_prefix(self, e, t);
      c->dialled--;
      c->answered--;
      t->invites = t->answered = 0;
   }
}

/* What was found is counted anew from now on. */
static void close_group(struct voip *self, struct caller *c, struct examination *e)
{
   struct closing closing = {c, e};
   tree_walk(self, e->node, close_node, &closing);
   if (c->answered > 0) {
      close_answered(self, c, e);
   }
}

/* Puts what is pending into the tree. Targets are far apart in memory, so several are fetched at once. */
static void count_pending(struct voip *self, struct caller *c)
{
   struct queue_cursor cursor = queue_begin(&c->pending), ahead = cursor;
   const uint32_t *item, *next;
   for (unsigned i = 0; i < AHEAD && (next = queue_next(&self->pending, &c->pending, &ahead)) != NULL; i++) {
      target_fetch(self, *next);
   }
   while ((item = queue_next(&self->pending, &c->pending, &cursor)) != NULL) {
      const struct target *t = &self->targets[*item];
      next = queue_next(&self->pending, &c->pending, &ahead);
      if (next != NULL) {
         target_fetch(self, *next);
      }
      if (t->invites > 0 && t->answered == 0) {
         tree_count(self, c, *item);
      }
   }
}

bool examine(struct voip *self, struct caller *c, struct examination *found)
{
   struct memory known = {.n = 0};
   bool is = false;
   if (!caller_is_suspect(self, c)) {
      return false; /* what is pending may matter later */
   }
   count_pending(self, c);
   while (c->pending.n > 0 && !is) {
      struct target *t = &self->targets[*(uint32_t *) queue_oldest(&self->pending, &c->pending)];
      queue_pop(&self->pending, &c->pending);
      t->pending = false;
      is = t->counted && examine_target(self, c, t, &known, found);
   }
   if (is) {
      close_group(self, c, found);
   }
   return is;
}
