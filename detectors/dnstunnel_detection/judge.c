/* SPDX-License-Identifier: BSD-3-Clause */
/** Clients: what their messages add, and the judgement at the end of a window. README.md has the rules in words. */
#include "tunnel.h"

#define BIN             10 /* bytes */
#define CLOSER_NAMES    30 /* fewer requests do when nearly all of them differ ... */
#define CLOSER_SHARE    0.98
#define CLOSER_LENGTH   60 /* ... and are long */
#define UNIQUE_MAX      0.9
#define UNIQUE_MIN      0.005
#define SUBDOMAIN_SHARE 0.8
#define BIN_SHARE       0.3

/* ------------------------------------------------------------------- messages */

static void count16(uint16_t *counter)
{
   *counter += *counter < UINT16_MAX;
}

static void count_size(struct sizes *s, uint64_t size)
{
   size = size < UINT16_MAX ? size : UINT16_MAX; /* more is no DNS message; squares cannot overflow */
   s->sum += size;
   s->squares += size * size;
   s->count += s->count < UINT32_MAX;
}

double mean(const struct sizes *s)
{
   return s->count > 0 ? (double) s->sum / s->count : 0;
}

double variance(const struct sizes *s)
{
   double average = mean(s);
   return s->count > 1 ? ((double) s->squares - average * average * s->count) / (s->count - 1.0) : 0;
}

static void suspect(struct client *c, enum detection d)
{
   if (c->found[d].state == NOTHING) {
      c->found[d] = (struct finding){.state = SUSPICION};
   }
}

static void insert(struct tunnels *self, struct client *c, enum tree_kind kind, const struct text *text,
                   ur_time_t time)
{
   char lower[ANSWER_MAX];
   struct tree *t = client_tree(self, c, kind, time);
   text_lower(text->data, text->length, lower);
   tree_insert(self->names, t, lower, text->length, kind == TREE_REQUEST);
}

static void add_request(struct tunnels *self, struct client *c, const struct message *m)
{
   char room[NAME_ROOM];
   const struct settings *set = &self->set;
   struct text name = name_cut(&m->name, room);
   struct looks l = text_look(&name);
   unsigned bin = m->size / BIN < REQUEST_BINS ? (unsigned) (m->size / BIN) : REQUEST_BINS - 1;
   count_size(&c->requests, m->size);
   count16(&c->request_bins[bin]);
   if (l.different <= set->letters.first) {
      count16(&c->request_few[bin]);
   }
   bool odd = l.length >= set->request_length &&
              (l.different > set->letters.first ||
               (l.digits > set->digits.second * l.length && l.digits > set->digits.first));
   if (odd || (c->marked_requests >> bin & 1)) {
      insert(self, c, TREE_REQUEST, &name, m->time);
      suspect(c, REQUEST_TUNNEL);
   }
}

static void add_response(struct tunnels *self, struct client *c, const struct message *m)
{
   char room[NAME_ROOM];
   unsigned bin = m->size / BIN < RESPONSE_BINS ? (unsigned) (m->size / BIN) : RESPONSE_BINS - 1;
   bool marked = c->marked_responses[bin / 64] >> (bin % 64) & 1, few = true;
   count_size(&c->responses, m->size);
   c->responses.without_name += m->name.length == 0;
   count16(&c->response_bins[bin]);
   for (unsigned k = TREE_NAME; k < TREES; k++) {
      struct text text = k == TREE_NAME ? name_cut(&m->name, room) : m->answers[k - TREE_TXT];
      text.length = text.length < ANSWER_MAX ? text.length : ANSWER_MAX;
      if (text.length == 0) {
         continue;
      }
      bool many = text_look(&text).different > self->set.letters.second;
      few = few && !many;
      if (many || marked) {
         insert(self, c, (enum tree_kind) k, &text, m->time);
         suspect(c, (enum detection)(RESPONSE_NAME + (k - TREE_NAME)));
      }
   }
   if (few) {
      count16(&c->response_few[bin]);
   }
}

void client_add(struct tunnels *self, struct client *c, const struct message *m)
{
   c->last = m->time > c->last ? m->time : c->last;
   if (m->response) {
      add_response(self, c, m);
   } else {
      add_request(self, c, m);
   }
}

/* ---------------------------------------------------------------------- trees */

enum tree_kind tree_of(enum detection d)
{
   switch (d) {
   case REQUEST_TUNNEL:
   case REQUEST_OTHER: return TREE_REQUEST;
   case RESPONSE_OTHER: return TREE_NAME;
   default: return (enum tree_kind)(TREE_NAME + (d - RESPONSE_NAME));
   }
}

struct tree *client_tree(struct tunnels *self, struct client *c, enum tree_kind kind, ur_time_t time)
{
   struct tree_key key = {.kind = kind};
   if (c->trees[kind] != NULL) {
      return c->trees[kind];
   }
   memcpy(&key.client, nc_table_key(self->clients, c), sizeof(key.client));
   struct tree *t = nc_table_upsert(self->trees, &key, NULL);
   nc_table_find(self->trees, &key); /* in use: not the first to go */
   t->client = c;
   t->id = ++self->last_id;
   t->created = time;
   c->trees[kind] = t;
   return t;
}

static void drop_tree(struct tunnels *self, struct client *c, enum tree_kind kind)
{
   if (c->trees[kind] != NULL) {
      nc_table_remove_value(self->trees, c->trees[kind]);
      c->trees[kind] = NULL;
   }
}

void client_free_trees(struct tunnels *self, struct client *c)
{
   for (unsigned k = 0; k < TREES; k++) {
      drop_tree(self, c, (enum tree_kind) k);
   }
}

void tree_evicted(struct tunnels *self, const struct tree_key *key, const struct tree *t)
{
   t->client->trees[key->kind] = NULL;
   self->trees_lost++;
}

/* ------------------------------------------------------------------ judgement */

static bool outside(double value, uint32_t min, uint32_t max)
{
   return value < min || value > max;
}

/* Marks the sizes that more than a share of the messages of few different characters have, and the most usual one. */
static void mark_bins(uint64_t *marked, const uint16_t *all, const uint16_t *few, unsigned n, bool biggest)
{
   uint32_t sum = 0;
   unsigned top = 0;
   for (unsigned i = 0; i < n; i++) {
      sum += few[i];
      top = all[i] > all[top] ? i : top;
   }
   for (unsigned i = 0; i < n; i++) {
      if (few[i] > BIN_SHARE * sum || (biggest && i == top)) {
         marked[i / 64] |= UINT64_C(1) << (i % 64);
      }
   }
}

/* Suspicion by the sizes of messages. */
static void judge_sizes(const struct settings *set, struct client *c)
{
   double average = mean(&c->requests), spread = variance(&c->requests);
   const struct limits *r = &set->requests, *a = &set->responses;
   if (c->requests.count > set->enough_requests.first) {
      bool odd_spread = outside(spread, r->variance_min, r->variance_max);
      if (c->found[REQUEST_OTHER].state != ATTACK &&
          (odd_spread || outside(average, r->mean_min, r->mean_max))) {
         suspect(c, REQUEST_OTHER);
         mark_bins(&c->marked_requests, c->request_bins, c->request_few, REQUEST_BINS, true);
      }
      if (c->found[REQUEST_TUNNEL].state != ATTACK && (odd_spread || average > r->mean_max)) {
         suspect(c, REQUEST_TUNNEL);
         mark_bins(&c->marked_requests, c->request_bins, c->request_few, REQUEST_BINS, false);
      }
   }
   average = mean(&c->responses);
   if (c->responses.count > set->enough_responses.first && c->found[RESPONSE_OTHER].state != ATTACK &&
       (outside(variance(&c->responses), a->variance_min, a->variance_max) ||
        outside(average, a->mean_min, a->mean_max))) {
      suspect(c, RESPONSE_OTHER);
      mark_bins(c->marked_responses, c->response_bins, c->response_few, RESPONSE_BINS, true);
   }
}

static double share(uint32_t part, uint32_t whole)
{
   return whole > 0 ? (double) part / whole : 0;
}

static bool is_tunnel(const struct settings *set, const struct tree *t, bool goes_on)
{
   double rare = share(t->rare, t->weight), unique = share(t->names, t->weight);
   if (goes_on) {
      return rare > set->searched.first && unique > UNIQUE_MAX;
   }
   return (t->inserts > set->enough_requests.second && rare > set->searched.first && unique > UNIQUE_MAX &&
           tree_share_below(t) > SUBDOMAIN_SHARE) ||
          (t->inserts > CLOSER_NAMES && rare > CLOSER_SHARE && unique > CLOSER_SHARE &&
           t->sample_length > CLOSER_LENGTH);
}

static bool is_repetition(const struct settings *set, const struct tree *t, double enough)
{
   return t->inserts > enough && share(t->rare, t->weight) < set->searched.second &&
          share(t->names, t->weight) < UNIQUE_MIN;
}

static bool confirmed(const struct settings *set, const struct client *c, enum detection d)
{
   const struct tree *t = c->trees[tree_of(d)];
   bool goes_on = c->found[d].state == ATTACK;
   if (d == RESPONSE_OTHER && goes_on && c->responses.count > set->enough_responses.first &&
       share(c->responses.without_name, c->responses.count) > set->malformed) {
      return true;
   }
   if (t == NULL || t->inserts == 0) {
      return false;
   }
   switch (d) {
   case REQUEST_TUNNEL: return is_tunnel(set, t, goes_on);
   case REQUEST_OTHER: return is_repetition(set, t, set->enough_requests.first);
   case RESPONSE_OTHER: return is_repetition(set, t, set->enough_responses.first);
   default:
      return t->inserts > set->enough_responses.second && share(t->rare, t->inserts) > set->searched.first &&
             share(t->names, t->inserts) > UNIQUE_MAX;
   }
}

/* \return true: an attack, to be reported */
static bool judge(const struct settings *set, struct client *c, enum detection d, uint32_t *next_event)
{
   struct finding *f = &c->found[d];
   if (f->state == NOTHING) {
      return false;
   }
   if (confirmed(set, c, d)) {
      if (f->state == SUSPICION) {
         f->state = ATTACK;
         f->event = (*next_event)++;
      }
      f->rounds = 0;
      return true;
   }
   bool answer_tunnel = d >= RESPONSE_NAME && d <= RESPONSE_NS;
   f->rounds++;
   if ((f->state == ATTACK && answer_tunnel) ||
       f->rounds > (f->state == ATTACK ? set->rounds.second : set->rounds.first)) {
      f->state = NOTHING;
   }
   return false;
}

/* Nobody looks at a tree any more. */
static void drop_unused(struct tunnels *self, struct client *c)
{
   bool used[TREES] = {false};
   for (unsigned d = 1; d < DETECTIONS; d++) {
      if (c->found[d].state != NOTHING) {
         used[tree_of((enum detection) d)] = true;
      }
   }
   for (unsigned k = 0; k < TREES; k++) {
      if (!used[k]) {
         drop_tree(self, c, (enum tree_kind) k);
      }
   }
   if (!used[TREE_REQUEST]) {
      c->marked_requests = 0;
   }
   if (c->found[RESPONSE_OTHER].state == NOTHING) {
      memset(c->marked_responses, 0, sizeof(c->marked_responses));
   }
}

bool client_judge(struct tunnels *self, struct client *c, uint32_t *next_event, unsigned *attacks)
{
   bool known = false;
   *attacks = 0;
   judge_sizes(&self->set, c);
   for (unsigned d = 1; d < DETECTIONS; d++) {
      *attacks |= (unsigned) judge(&self->set, c, (enum detection) d, next_event) << d;
      known |= c->found[d].state != NOTHING;
   }
   drop_unused(self, c);
   return known;
}

void client_next_window(struct tunnels *self, struct client *c, unsigned attacks)
{
   for (unsigned d = 1; d < DETECTIONS; d++) {
      struct tree *t = c->trees[tree_of((enum detection) d)];
      if ((attacks >> d & 1) && t != NULL) {
         tree_empty(t, ++self->last_id);
      }
   }
   c->requests = c->responses = (struct sizes){0};
   memset(c->request_bins, 0, sizeof(c->request_bins));
   memset(c->request_few, 0, sizeof(c->request_few));
   memset(c->response_bins, 0, sizeof(c->response_bins));
   memset(c->response_few, 0, sizeof(c->response_few));
}
