/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * B+ tree (Comer, "The Ubiquitous B-Tree", ACM Computing Surveys 11(2), 1979).
 *
 * A leaf has up to m - 1 items, an inner node up to m children; children[i + 1] holds the keys from key[i] on. A node
 * has room for one key more, so that it is filled first and split afterwards. All memory that an insertion may need is
 * taken before anything is changed.
 */
#include <nemea-common/b_plus_tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INNER      1
#define LEAF       2
#define ALIGN      16
#define BLOCK      (16 * 1024) /* bytes of values that are taken at once */
#define MAX_HEIGHT 64

struct node {
   bpt_nd_t n;                /* public part, must be first */
   struct node *left, *right; /* of leaves; free nodes are chained by right */
};

struct block {
   _Alignas(ALIGN) struct block *next;
};

struct tree {
   bpt_t t;            /* public part, must be first */
   struct node *first; /* leaf */
   size_t node_size, keys_at, slots_at;
   size_t value_room;
   struct block *blocks;
   char *fresh; /* values of the newest block that were never used */
   size_t n_fresh;
   void **freed; /* values to use again, chained by their first bytes */
};

static struct tree *tree_of(bpt_t *t)
{
   return (struct tree *) t;
}

static char *key_at(const struct tree *t, const struct node *n, int i)
{
   return (char *) n->n.key + (size_t) i * (size_t) t->t.size_of_key;
}

static void **slots(const struct node *n)
{
   return n->n.extend;
}

static struct node *child_at(const struct node *n, int i)
{
   return slots(n)[i];
}

static struct node *parent_of(const struct node *n)
{
   return (struct node *) n->n.parent;
}

/* ------------------------------------------------------------------- memory */

static struct node *node_new(const struct tree *t, unsigned char kind)
{
   struct node *n = malloc(t->node_size);
   if (n != NULL) {
      memset(n, 0, sizeof(*n));
      n->n.state_extend = kind;
      n->n.key = (char *) n + t->keys_at;
      n->n.extend = (char *) n + t->slots_at;
   }
   return n;
}

static bool value_reserve(struct tree *t)
{
   if (t->freed != NULL || t->n_fresh > 0) {
      return true;
   }
   size_t n = t->value_room < BLOCK ? BLOCK / t->value_room : 1;
   struct block *b = malloc(sizeof(*b) + n * t->value_room);
   if (b == NULL) {
      return false;
   }
   b->next = t->blocks;
   t->blocks = b;
   t->fresh = (char *) (b + 1);
   t->n_fresh = n;
   return true;
}

/* Never fails after value_reserve(). */
static void *value_take(struct tree *t)
{
   void *v = t->freed;
   if (v != NULL) {
      t->freed = *(void **) v;
   } else {
      v = t->fresh;
      t->fresh += t->value_room;
      t->n_fresh--;
   }
   return memset(v, 0, t->value_room);
}

static void value_give(struct tree *t, void *value)
{
   *(void **) value = t->freed;
   t->freed = value;
}

bpt_t *bpt_init(unsigned int size_of_btree_node, int (*comp)(void *, void *), unsigned int size_of_value,
                unsigned int size_of_key)
{
   size_t m = size_of_btree_node > 3 ? size_of_btree_node : 3;
   if (comp == NULL || size_of_key == 0 || size_of_key > INT32_MAX || size_of_value > INT32_MAX ||
       m > INT32_MAX / 2 || m > SIZE_MAX / 4 / size_of_key) {
      return NULL;
   }
   struct tree *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return NULL;
   }
   t->t.m = (int) m;
   t->t.size_of_value = (int) size_of_value;
   t->t.size_of_key = (int) size_of_key;
   t->t.compare = comp;
   t->slots_at = sizeof(struct node);
   t->keys_at = t->slots_at + (m + 1) * sizeof(void *);
   t->node_size = t->keys_at + m * size_of_key;
   t->value_room = ((size_t) size_of_value + ALIGN - 1) & ~(size_t) (ALIGN - 1);
   t->value_room = t->value_room > 0 ? t->value_room : ALIGN;
   t->first = node_new(t, LEAF);
   t->t.root = (bpt_nd_t *) t->first;
   if (t->first == NULL) {
      free(t);
      return NULL;
   }
   return &t->t;
}

void bpt_clean(bpt_t *btree)
{
   struct tree *t = tree_of(btree);
   if (t == NULL) {
      return;
   }
   /* Level by level without recursion: a node's children are freed before it by walking down to the leaves. */
   struct node *n = (struct node *) t->t.root;
   while (n != NULL) {
      if (n->n.state_extend == INNER && n->n.count >= 0) {
         n = child_at(n, n->n.count--);
      } else {
         struct node *parent = parent_of(n);
         free(n);
         n = parent;
      }
   }
   while (t->blocks != NULL) {
      struct block *next = t->blocks->next;
      free(t->blocks);
      t->blocks = next;
   }
   free(t);
}

/* ------------------------------------------------------------------- search */

/* Number of keys of a node that are below key, or not above it (with equal). */
static int keys_before(const struct tree *t, const struct node *n, void *key, bool equal, bool *found)
{
   int low = 0, high = n->n.count;
   while (low < high) {
      int middle = low + (high - low) / 2;
      int c = t->t.compare(key_at(t, n, middle), key);
      if (c == 0) {
         *found = true;
      }
      if (c < 0 || (c == 0 && equal)) {
         low = middle + 1;
      } else {
         high = middle;
      }
   }
   return low;
}

static struct node *find_leaf(const struct tree *t, void *key)
{
   struct node *n = (struct node *) t->t.root;
   bool found;
   while (n->n.state_extend == INNER) {
      n = child_at(n, keys_before(t, n, key, true, &found));
   }
   return n;
}

void *bpt_search(bpt_t *btree, void *key)
{
   struct tree *t = tree_of(btree);
   bool found = false;
   struct node *leaf = find_leaf(t, key);
   int i = keys_before(t, leaf, key, false, &found);
   return found ? slots(leaf)[i] : NULL;
}

unsigned long bpt_item_cnt(bpt_t *btree)
{
   return btree->count_of_values;
}

/* ---------------------------------------------------------------- insertion */

/* Makes room for a key at place i and a slot at place s. */
static void open_gap(const struct tree *t, struct node *n, int i, int s, int n_slots)
{
   memmove(key_at(t, n, i + 1), key_at(t, n, i), (size_t) (n->n.count - i) * (size_t) t->t.size_of_key);
   memmove(slots(n) + s + 1, slots(n) + s, (size_t) (n_slots - s) * sizeof(void *));
   n->n.count++;
}

static void close_gap(const struct tree *t, struct node *n, int i, int s, int n_slots)
{
   memmove(key_at(t, n, i), key_at(t, n, i + 1), (size_t) (n->n.count - i - 1) * (size_t) t->t.size_of_key);
   memmove(slots(n) + s, slots(n) + s + 1, (size_t) (n_slots - s - 1) * sizeof(void *));
   n->n.count--;
}

static void copy_keys(const struct tree *t, struct node *to, int at, const struct node *from, int i, int n)
{
   memcpy(key_at(t, to, at), key_at(t, from, i), (size_t) n * (size_t) t->t.size_of_key);
}

static void adopt(struct node *parent, int first, int n)
{
   for (int i = first; i < first + n; i++) {
      child_at(parent, i)->n.parent = (bpt_nd_t *) parent;
   }
}

/* Moves the upper half of an overfull leaf to a new one. */
static void split_leaf(const struct tree *t, struct node *n, struct node *right)
{
   int keep = n->n.count / 2, moved = n->n.count - keep;
   copy_keys(t, right, 0, n, keep, moved);
   memcpy(slots(right), slots(n) + keep, (size_t) moved * sizeof(void *));
   right->n.count = moved;
   n->n.count = keep;
   right->left = n;
   right->right = n->right;
   if (n->right != NULL) {
      n->right->left = right;
   }
   n->right = right;
}

/* The same for an inner node; the key between the halves is left after key[count - 1] of n. */
static void split_inner(const struct tree *t, struct node *n, struct node *right)
{
   int keep = n->n.count / 2, moved = n->n.count - keep - 1;
   copy_keys(t, right, 0, n, keep + 1, moved);
   memcpy(slots(right), slots(n) + keep + 1, (size_t) (moved + 1) * sizeof(void *));
   right->n.count = moved;
   n->n.count = keep;
   adopt(right, 0, moved + 1);
}

static int child_index(const struct node *parent, const struct node *child)
{
   int i = 0;
   while (child_at(parent, i) != child) {
      i++;
   }
   return i;
}

/* Splits n and, as far as needed, the nodes above it; spare holds a node for each. */
static void split_up(struct tree *t, struct node *n, struct node **spare)
{
   while (n->n.count > t->t.m - 1) {
      struct node *right = *spare++, *parent = parent_of(n);
      right->n.state_extend = n->n.state_extend;
      const char *between;
      if (n->n.state_extend == LEAF) {
         split_leaf(t, n, right);
         between = key_at(t, right, 0);
      } else {
         split_inner(t, n, right);
         between = key_at(t, n, n->n.count);
      }
      if (parent == NULL) {
         parent = *spare++;
         parent->n.state_extend = INNER;
         slots(parent)[0] = n;
         n->n.parent = (bpt_nd_t *) parent;
         t->t.root = (bpt_nd_t *) parent;
      }
      int i = child_index(parent, n);
      open_gap(t, parent, i, i + 1, parent->n.count + 1);
      memcpy(key_at(t, parent, i), between, (size_t) t->t.size_of_key);
      slots(parent)[i + 1] = right;
      right->n.parent = (bpt_nd_t *) parent;
      n = parent;
   }
}

/* Takes the nodes that an insertion into leaf will need. \return their number, -1 without memory */
static int take_spares(const struct tree *t, const struct node *leaf, struct node **spare)
{
   int n = 0, need = 0;
   for (const struct node *p = leaf; p != NULL && p->n.count == t->t.m - 1; p = parent_of(p)) {
      need += parent_of(p) == NULL ? 2 : 1; /* a new root too */
   }
   for (; n < need; n++) {
      spare[n] = node_new(t, LEAF);
      if (spare[n] == NULL) {
         while (n > 0) {
            free(spare[--n]);
         }
         return -1;
      }
   }
   return n;
}

static void *insert_at(struct tree *t, struct node *leaf, int i, void *key)
{
   struct node *spare[MAX_HEIGHT + 1];
   if (!value_reserve(t) || take_spares(t, leaf, spare) < 0) {
      return NULL;
   }
   void *value = value_take(t);
   open_gap(t, leaf, i, i, leaf->n.count);
   memcpy(key_at(t, leaf, i), key, (size_t) t->t.size_of_key);
   slots(leaf)[i] = value;
   t->t.count_of_values++;
   split_up(t, leaf, spare);
   return value;
}

void *bpt_search_or_insert(bpt_t *btree, void *key)
{
   struct tree *t = tree_of(btree);
   bool found = false;
   struct node *leaf = find_leaf(t, key);
   int i = keys_before(t, leaf, key, false, &found);
   return found ? slots(leaf)[i] : insert_at(t, leaf, i, key);
}

void *bpt_insert(bpt_t *btree, void *key)
{
   struct tree *t = tree_of(btree);
   bool found = false;
   struct node *leaf = find_leaf(t, key);
   int i = keys_before(t, leaf, key, false, &found);
   return found ? NULL : insert_at(t, leaf, i, key);
}

/* ----------------------------------------------------------------- deletion */

/* Moves the last part of the left neighbour to the front of n; i is n's place in the parent. */
static void borrow_left(const struct tree *t, struct node *parent, int i, struct node *left, struct node *n)
{
   if (n->n.state_extend == LEAF) {
      open_gap(t, n, 0, 0, n->n.count);
      copy_keys(t, n, 0, left, left->n.count - 1, 1);
      slots(n)[0] = slots(left)[left->n.count - 1];
      copy_keys(t, parent, i - 1, n, 0, 1);
   } else {
      open_gap(t, n, 0, 0, n->n.count + 1);
      copy_keys(t, n, 0, parent, i - 1, 1);
      slots(n)[0] = slots(left)[left->n.count];
      adopt(n, 0, 1);
      copy_keys(t, parent, i - 1, left, left->n.count - 1, 1);
   }
   left->n.count--;
}

static void borrow_right(const struct tree *t, struct node *parent, int i, struct node *n, struct node *right)
{
   if (n->n.state_extend == LEAF) {
      copy_keys(t, n, n->n.count, right, 0, 1);
      slots(n)[n->n.count++] = slots(right)[0];
      close_gap(t, right, 0, 0, right->n.count);
      copy_keys(t, parent, i, right, 0, 1);
   } else {
      copy_keys(t, n, n->n.count, parent, i, 1);
      slots(n)[++n->n.count] = slots(right)[0];
      adopt(n, n->n.count, 1);
      copy_keys(t, parent, i, right, 0, 1);
      close_gap(t, right, 0, 0, right->n.count + 1);
   }
}

/* Appends right to left, which is child i of the parent, and frees right. */
static void merge(const struct tree *t, struct node *parent, int i, struct node *left, struct node *right)
{
   if (left->n.state_extend == LEAF) {
      copy_keys(t, left, left->n.count, right, 0, right->n.count);
      memcpy(slots(left) + left->n.count, slots(right), (size_t) right->n.count * sizeof(void *));
      left->n.count += right->n.count;
      left->right = right->right;
      if (right->right != NULL) {
         right->right->left = left;
      }
   } else {
      copy_keys(t, left, left->n.count, parent, i, 1);
      copy_keys(t, left, left->n.count + 1, right, 0, right->n.count);
      memcpy(slots(left) + left->n.count + 1, slots(right), (size_t) (right->n.count + 1) * sizeof(void *));
      adopt(left, left->n.count + 1, right->n.count + 1);
      left->n.count += right->n.count + 1;
   }
   close_gap(t, parent, i, i + 1, parent->n.count + 1);
   free(right);
}

/* Minimum number of keys of a node other than the root: half of what a split node had. */
static int least_keys(const struct tree *t, const struct node *n)
{
   return n->n.state_extend == LEAF ? t->t.m / 2 : (t->t.m + 1) / 2 - 1;
}

/* Fills n up from its neighbours and, as far as needed, the nodes above it. */
static void fill_up(struct tree *t, struct node *n)
{
   struct node *parent;
   while ((parent = parent_of(n)) != NULL && n->n.count < least_keys(t, n)) {
      int i = child_index(parent, n);
      struct node *left = i > 0 ? child_at(parent, i - 1) : NULL;
      struct node *right = i < parent->n.count ? child_at(parent, i + 1) : NULL;
      if (left != NULL && left->n.count > least_keys(t, left)) {
         borrow_left(t, parent, i, left, n);
      } else if (right != NULL && right->n.count > least_keys(t, right)) {
         borrow_right(t, parent, i, n, right);
      } else if (left != NULL) {
         merge(t, parent, i - 1, left, n);
      } else {
         merge(t, parent, i, n, right);
      }
      n = parent;
   }
   if (parent_of(n) == NULL && n->n.state_extend == INNER && n->n.count == 0) {
      t->t.root = slots(n)[0];
      t->t.root->parent = NULL;
      free(n);
   }
}

int bpt_item_del(bpt_t *btree, void *key)
{
   struct tree *t = tree_of(btree);
   bool found = false;
   struct node *leaf = find_leaf(t, key);
   int i = keys_before(t, leaf, key, false, &found);
   if (!found) {
      return 0;
   }
   value_give(t, slots(leaf)[i]);
   close_gap(t, leaf, i, i, leaf->n.count);
   t->t.count_of_values--;
   fill_up(t, leaf);
   return 1;
}

/* --------------------------------------------------------------------- walk */

bpt_list_item_t *bpt_list_init(bpt_t *btree)
{
   bpt_list_item_t *item = calloc(1, sizeof(*item));
   if (item != NULL) {
      item->key = calloc(1, (size_t) btree->size_of_key);
   }
   if (item != NULL && item->key == NULL) {
      free(item);
      return NULL;
   }
   return item;
}

void bpt_list_clean(bpt_list_item_t *item)
{
   if (item != NULL) {
      free(item->key);
      free(item);
   }
}

/* Item i of a leaf or, past its last item, the first of the next leaf. */
static int go_to(const struct tree *t, bpt_list_item_t *item, struct node *leaf, int i)
{
   if (leaf != NULL && i >= leaf->n.count) {
      leaf = leaf->right;
      i = 0;
   }
   if (leaf == NULL) {
      return 0;
   }
   item->leaf = (bpt_nd_t *) leaf;
   item->index_of_value = (unsigned) i;
   item->value = slots(leaf)[i];
   memcpy(item->key, key_at(t, leaf, i), (size_t) t->t.size_of_key);
   return 1;
}

int bpt_list_start(bpt_t *btree, bpt_list_item_t *item)
{
   struct tree *t = tree_of(btree);
   return t->t.count_of_values > 0 ? go_to(t, item, t->first, 0) : 0;
}

int bpt_list_item_next(bpt_t *btree, bpt_list_item_t *item)
{
   return go_to(tree_of(btree), item, (struct node *) item->leaf, (int) item->index_of_value + 1);
}

int bpt_list_item_del(bpt_t *btree, bpt_list_item_t *item)
{
   struct tree *t = tree_of(btree);
   bool found;
   if (!bpt_item_del(btree, item->key)) {
      return 0;
   }
   /* Leaves may have been joined: find the place by the key. */
   struct node *leaf = find_leaf(t, item->key);
   if (go_to(t, item, leaf, keys_before(t, leaf, item->key, false, &found))) {
      return 1;
   }
   item->value = NULL;
   return 0;
}
