/* SPDX-License-Identifier: BSD-3-Clause */
/** Who tried whom: pairs of user and client, users that many clients try, clients that try many users. */
#include "sip_bf.h"

#include <nemea-common/nc_hash.h>

void attempts_open(struct sip_bf *self)
{
   link_head(&self->pairs_by_age);
   link_head(&self->users_by_age);
   link_head(&self->clients_by_age);
}

/* ------------------------------------------------------------------- removing */

static void detach(struct pair *pair)
{
   link_remove(&pair->by_age);
   link_remove(&pair->of_user);
   link_remove(&pair->of_client);
   pair->user->n--;
   pair->client->n--;
}

static void drop_group(struct sip_bf *self, struct group *group, bool is_user)
{
   if (group->attack) {
      link_remove(&attack_on(self, group, is_user)->by_age);
   }
   nc_table_remove_value(is_user ? self->users : self->clients, group);
}

/* The pair goes, and its user and client when they have no other. */
static void drop_pair(struct sip_bf *self, struct pair *pair)
{
   struct group *user = pair->user, *client = pair->client;
   detach(pair);
   nc_table_remove_value(self->pairs, pair);
   if (user->n == 0 && !user->attack && !user->held) {
      drop_group(self, user, true);
   }
   if (client->n == 0 && !client->attack && !client->held) {
      drop_group(self, client, false);
   }
}

/* The pairs of a user or a client go; the group stays. */
static void drop_pairs(struct sip_bf *self, struct group *group, bool is_user)
{
   group->held = true; /* it is not dropped with its last pair */
   while (group->pairs.next != &group->pairs) {
      drop_pair(self, is_user ? pair_of_user(group->pairs.next) : pair_of_client(group->pairs.next));
   }
   group->held = false;
}

static void forget(struct sip_bf *self, struct group *group, bool is_user)
{
   drop_pairs(self, group, is_user);
   drop_group(self, group, is_user);
}

void pair_evicted(void *context, const void *key, void *value)
{
   (void) context;
   (void) key;
   detach(value); /* its user and client are found empty when they are tried next, or evicted */
}

static void evict(struct sip_bf *self, struct group *group, bool is_user)
{
   drop_pairs(self, group, is_user);
   if (group->attack) {
      self->lost++;
      link_remove(&attack_on(self, group, is_user)->by_age);
   }
}

static struct server **recent_server(struct sip_bf *self, const ip_addr_t *address)
{
   uint64_t words[2];
   memcpy(words, address, sizeof(words));
   uint64_t mixed = (words[0] ^ words[1]) * UINT64_C(0x9e3779b97f4a7c15);
   return &self->recent[(mixed >> 32) % RECENT_SERVERS];
}

void server_evicted(void *context, const void *key, void *value)
{
   struct sip_bf *self = nm_self(context);
   ip_addr_t address;
   memcpy(&address, key, sizeof(address));
   struct server **recent = recent_server(self, &address);
   *recent = *recent == value ? NULL : *recent;
   self->newest = self->newest == value ? NULL : self->newest;
}

void user_evicted(void *context, const void *key, void *value)
{
   (void) key;
   evict(nm_self(context), value, true);
}

void client_evicted(void *context, const void *key, void *value)
{
   (void) key;
   evict(nm_self(context), value, false);
}

/* ------------------------------------------------------------------- reporting */

static int report_pair(nm_module_t *m, const struct pair *pair)
{
   struct sip_bf *self = nm_self(m);
   const struct client_key *client = nc_table_key(self->clients, pair->client);
   const struct user *user = user_of(pair->user);
   const struct event event = {.type = BRUTE_FORCE,
                               .server = user->server,
                               .client = client->address,
                               .user = user,
                               .pair = pair,
                               .attempts = pair->attempts,
                               .average = pair->attempts,
                               .first = pair->first,
                               .last = pair->last,
                               .breach = pair->breach};
   return event_send(m, &event);
}

static int report_group(nm_module_t *m, struct group *group, bool is_user)
{
   struct sip_bf *self = nm_self(m);
   const struct attack *attack = attack_on(self, group, is_user);
   struct event event = {.type = is_user ? DISTRIBUTED : SCAN, .server = attack->server, .last = group->last};
   uint64_t sum = 0;
   for (struct link *link = group->pairs.next; link != &group->pairs; link = link->next) {
      const struct pair *pair = is_user ? pair_of_user(link) : pair_of_client(link);
      sum += pair->attempts;
      event.pair = event.pair != NULL ? event.pair : pair;
      event.first = event.first == 0 || pair->first < event.first ? pair->first : event.first;
   }
   event.attempts = sum + attack->other;
   event.average = group->n > 0 ? sum / group->n : 0;
   event.first = event.first != 0 ? event.first : group->last;
   if (is_user) {
      event.user = user_of(group);
      event.breach = attack->breach;
      event.client = attack->breacher;
      if (attack->breach == 0 && event.pair != NULL) {
         event.client =
             ((const struct client_key *) nc_table_key(self->clients, event.pair->client))->address;
      }
   } else {
      event.client = ((const struct client_key *) nc_table_key(self->clients, group))->address;
   }
   return event_send(m, &event);
}

static bool is_old(const struct sip_bf *self, ur_time_t last, ur_time_t now)
{
   return now > last && (now - last) >> 32 > self->free_delay;
}

static bool is_alert(const struct sip_bf *self, const struct pair *pair)
{
   return pair->attempts >= self->alert_threshold && pair->ok <= self->ok_count && !pair->client->attack &&
          !pair->user->attack;
}

/* Attacks that ended: all of them at the end of the stream. */
static int report_groups(nm_module_t *m, bool users, bool all, ur_time_t now)
{
   struct sip_bf *self = nm_self(m);
   const struct link *head = users ? &self->users_by_age : &self->clients_by_age;
   const nc_table_t *table = users ? self->users : self->clients;
   int rc = NM_OK;
   while (head->next != head && rc == NM_OK) {
      struct group *group = nc_table_owner(table, head->next);
      if (!all && !is_old(self, group->last, now)) {
         break;
      }
      rc = report_group(m, group, users);
      forget(self, group, users);
   }
   return rc;
}

static int report_pairs(nm_module_t *m, bool all, ur_time_t now)
{
   struct sip_bf *self = nm_self(m);
   int rc = NM_OK;
   for (struct link *link = self->pairs_by_age.next, *next; link != &self->pairs_by_age && rc == NM_OK;
        link = next) {
      struct pair *pair = (struct pair *) (void *) link;
      next = link->next;
      if (!all && !is_old(self, pair->last, now)) {
         break;
      }
      if (!pair->client->attack && !pair->user->attack) { /* else it is a part of another event */
         rc = is_alert(self, pair) ? report_pair(m, pair) : NM_OK;
         drop_pair(self, pair);
      }
   }
   return rc;
}

static int report(nm_module_t *m, bool all, ur_time_t now)
{
   int rc = report_groups(m, false, all, now);
   rc = rc == NM_OK ? report_groups(m, true, all, now) : rc;
   return rc == NM_OK ? report_pairs(m, all, now) : rc;
}

int attempts_finish(nm_module_t *m)
{
   return report(m, true, 0);
}

/* ---------------------------------------------------------------------- adding */

static void touch(struct link *head, struct link *link)
{
   if (head->prev != link) {
      link_remove(link);
      link_append(head, link);
   }
}

static struct server *new_server(struct sip_bf *self, const struct message *msg)
{
   struct server *server = nc_table_upsert(self->servers, &msg->server, NULL);
   server->id = ++self->server_ids;
   server->port = msg->server_port;
   server->domain_length = message_domain(msg);
   memcpy(server->domain, msg->domain, server->domain_length);
   return server;
}

/* There are few servers, so most are found by a part of their address, without a search. */
static const struct server *find_server(struct sip_bf *self, const struct message *msg)
{
   struct server **recent = recent_server(self, &msg->server), *server = *recent;
   if (server != NULL &&
       memcmp(nc_table_key(self->servers, server), &msg->server, sizeof(msg->server)) == 0) {
      if (server != self->newest) {
         nc_table_use(self->servers, server);
      }
   } else {
      server = nc_table_find(self->servers, &msg->server);
      server = server == NULL && !msg->ok ? new_server(self, msg) : server;
   }
   if (server != NULL) {
      *recent = self->newest = server;
   }
   return server;
}

static struct group *get_group(struct sip_bf *self, nc_table_t *table, const void *key,
                               const struct place *place, bool *is_new)
{
   struct group *group = nc_table_upsert_guessed(table, key, place->hash, place->guess, is_new);
   if (*is_new) {
      link_head(&group->pairs);
      group->id = ++self->ids;
   }
   return group;
}

static struct group *get_user(struct sip_bf *self, const struct attempt *a)
{
   bool is_new;
   const struct message *msg = &a->msg;
   struct group *group = get_group(self, self->users, &a->user, &a->at_user, &is_new);
   if (is_new) {
      struct user *user = user_of(group);
      user->server = msg->server;
      user->length = msg->user_length;
      memcpy(user->name, msg->user, msg->user_length);
   }
   return group;
}

/* A message about a user or a client under attack. */
static void add_to_attack(struct sip_bf *self, struct group *group, bool is_user, struct pair *pair,
                          const struct message *msg)
{
   struct attack *attack = attack_on(self, group, is_user);
   if (pair != NULL) {
      pair->attempts++;
      pair->last = msg->time > pair->last ? msg->time : pair->last;
      touch(&self->pairs_by_age, &pair->by_age);
   } else {
      attack->other++;
   }
   group->last = msg->time > group->last ? msg->time : group->last;
   touch(is_user ? &self->users_by_age : &self->clients_by_age, &attack->by_age);
   if (!msg->ok) {
      return;
   }
   if (is_user && attack->breach == 0) {
      attack->breacher = msg->client;
   }
   attack->breach = msg->time;
   if (++attack->ok > self->ok_count) {
      forget(self, group, is_user);
   }
}

static void begin_attack(struct sip_bf *self, struct group *group, bool is_user, const struct message *msg)
{
   struct attack *attack = attack_on(self, group, is_user);
   if (!group->attack) {
      *attack = (struct attack){.server = msg->server};
   }
   group->attack = true;
   group->last = msg->time;
   touch(is_user ? &self->users_by_age : &self->clients_by_age, &attack->by_age);
}

static void add_to_pair(struct sip_bf *self, struct pair *pair, const struct message *msg)
{
   if (msg->ok) {
      bool breach = pair->breach == 0 && pair->attempts >= self->alert_threshold;
      if ((pair->breach == 0 && !breach) || (pair->breach != 0 && ++pair->ok > self->ok_count)) {
         drop_pair(self,
                   pair); /* a user with a wrong password for a while, or a busy one behind an address */
         return;
      }
      if (breach) {
         pair->breach = msg->time;
         pair->ok = 1;
         pair->attempts++;
      }
   } else {
      pair->attempts++;
   }
   pair->last = msg->time > pair->last ? msg->time : pair->last;
   touch(&self->pairs_by_age, &pair->by_age);
}

/* Is this pair the one that prepare() has fetched? */
static bool is_expected(const struct attempt *a, const struct pair_key *key)
{
   return key->user == a->pair.user && key->client == a->pair.client;
}

static void new_pair(struct sip_bf *self, const struct attempt *a)
{
   const struct message *msg = &a->msg;
   bool is_new;
   struct group *user = get_user(self, a);
   user->held = true; /* the client that makes room for this one may take its user with it: not this one */
   struct group *client = get_group(self, self->clients, &a->client, &a->at_client, &is_new);
   user->held = false;
   struct pair_key key = {.user = user->id, .client = client->id};
   struct pair *pair = is_expected(a, &key) ? nc_table_upsert_hashed(self->pairs, &key, a->at_pair.hash, NULL)
                                            : nc_table_upsert(self->pairs, &key, NULL);
   *pair = (struct pair){.user = user,
                         .client = client,
                         .first = msg->time,
                         .last = msg->time,
                         .attempts = 1,
                         .link = msg->link,
                         .client_port = msg->client_port,
                         .protocol = msg->protocol};
   link_append(&self->pairs_by_age, &pair->by_age);
   link_append(&user->pairs, &pair->of_user);
   link_append(&client->pairs, &pair->of_client);
   user->n++;
   client->n++;
   if (user->n >= self->dist_threshold) {
      begin_attack(self, user, true, msg);
   }
   if (client->n >= self->scan_threshold) {
      begin_attack(self, client, false, msg);
   }
}

/* Of clients that make room for new ones: their first pairs and the users of these, which go with them, as far as they are not under attack. */
static void fetch_victims(const struct sip_bf *self, uint32_t n)
{
   void *clients[NC_TABLE_BATCH];
   n = nc_table_victims(self->clients, n, clients);
   for (uint32_t i = 0; i < n; i++) {
      const struct group *client = clients[i];
      if (client->pairs.next != &client->pairs) {
         __builtin_prefetch(pair_of_client(client->pairs.next), 1);
         __builtin_prefetch((const char *) pair_of_client(client->pairs.next) + 64, 1);
      }
   }
   for (uint32_t i = 0; i < n; i++) {
      const struct group *client = clients[i];
      if (client->pairs.next != &client->pairs) {
         const struct pair *pair = pair_of_client(client->pairs.next);
         nc_table_prefetch_removal(self->pairs, pair);
         nc_table_prefetch_removal(self->users, pair->user);
         __builtin_prefetch(pair->user, 1);
      }
   }
}

static uint64_t user_key(const struct message *msg, uint64_t server)
{
   const uint64_t words[2] = {server, nc_hash(msg->user, msg->user_length)};
   return nc_hash_words(words, 2);
}

/* Fetches the entries of a batch: those of hashes[i] will be looked for by places[i]. */
static void fetch(nc_table_t *table, const uint64_t hashes[], uint32_t n, struct place *const places[])
{
   void *guesses[NC_TABLE_BATCH];
   nc_table_prefetch_hashed(table, hashes, n, guesses);
   for (uint32_t i = 0; i < n; i++) {
      *places[i] = (struct place){.hash = hashes[i], .guess = guesses[i]};
   }
}

/* Who of the server is meant: the clients. */
static void prepare_clients(struct sip_bf *self, struct attempt *attempts, uint32_t n)
{
   struct place *places[NC_TABLE_BATCH] = {NULL};
   uint64_t hashes[NC_TABLE_BATCH] = {0};
   for (uint32_t i = 0; i < n; i++) {
      struct attempt *a = &attempts[i];
      const struct server *server = find_server(self, &a->msg);
      a->known = server != NULL;
      a->client = (struct client_key){.server = server != NULL ? server->id : 0, .address = a->msg.client};
      hashes[i] = nc_hash(&a->client, sizeof(a->client));
      places[i] = &a->at_client;
   }
   fetch(self->clients, hashes, n, places);
}

/* An ordinary message: of a client that tried nothing, while no user is under attack. */
static bool is_ordinary(const struct sip_bf *self, const struct attempt *a, const struct group *client)
{
   return client == NULL && a->msg.ok && self->users_by_age.next == &self->users_by_age;
}

/* Users, clients and pairs lie all over the memory: those of a whole batch are fetched into the cache before the first one is used, but
 * for users and pairs of ordinary messages. An earlier message of the batch may add or remove what was found here, so only hashes
 * and guesses are kept. */
static void prepare(struct sip_bf *self, struct attempt *attempts, uint32_t n)
{
   struct attempt *used[NC_TABLE_BATCH] = {NULL};
   const struct group *clients[NC_TABLE_BATCH];
   struct place *places[NC_TABLE_BATCH] = {NULL};
   uint64_t hashes[NC_TABLE_BATCH] = {0}, ids = self->ids;
   uint32_t n_used = 0, n_new = 0;
   prepare_clients(self, attempts, n);
   for (uint32_t i = 0; i < n; i++) {
      struct attempt *a = &attempts[i];
      const struct group *client =
          nc_table_peek_guessed(self->clients, &a->client, a->at_client.hash, a->at_client.guess);
      a->user_prepared = !is_ordinary(self, a, client);
      if (a->user_prepared) {
         a->user = user_key(&a->msg, a->client.server);
         n_new += client == NULL && !a->msg.ok;
         hashes[n_used] = nc_hash_u64(a->user);
         places[n_used] = &a->at_user;
         clients[n_used] = client;
         used[n_used++] = a;
      }
   }
   fetch(self->users, hashes, n_used, places);
   for (uint32_t i = 0; i < n_used; i++) {
      struct attempt *a = used[i];
      const struct group *user =
          nc_table_peek_guessed(self->users, &a->user, a->at_user.hash, a->at_user.guess);
      bool attack = (user != NULL && user->attack) || (clients[i] != NULL && clients[i]->attack);
      bool is_new = !attack && !a->msg.ok;
      /* Those that are new will most probably get these ids. */
      a->pair.user = user != NULL ? user->id : is_new ? ++ids : 0;
      a->pair.client = clients[i] != NULL ? clients[i]->id : is_new ? ++ids : 0;
      hashes[i] = nc_hash(&a->pair, sizeof(a->pair));
      places[i] = &a->at_pair;
   }
   fetch_victims(self, n_new);
   fetch(self->pairs, hashes, n_used, places);
}

/* What a message is about that was ordinary when the batch began, and no longer is. */
static void prepare_late(struct attempt *a)
{
   a->user = user_key(&a->msg, a->client.server);
   a->pair = (struct pair_key){.user = 0}; /* not expected */
   a->at_user = (struct place){.hash = nc_hash_u64(a->user)};
}

static struct pair *find_pair(struct sip_bf *self, const struct attempt *a, const struct group *user,
                              const struct group *client)
{
   struct pair_key key = {.user = user->id, .client = client->id};
   return is_expected(a, &key) ? nc_table_find_guessed(self->pairs, &key, a->at_pair.hash, a->at_pair.guess)
                               : nc_table_find(self->pairs, &key);
}

static void add(struct sip_bf *self, struct attempt *a)
{
   const struct message *msg = &a->msg;
   struct group *client =
       nc_table_find_guessed(self->clients, &a->client, a->at_client.hash, a->at_client.guess);
   if (is_ordinary(self, a, client)) {
      return;
   }
   if (!a->user_prepared) {
      prepare_late(a);
   }
   struct group *user = nc_table_find_guessed(self->users, &a->user, a->at_user.hash, a->at_user.guess);
   struct pair *pair = user != NULL && client != NULL ? find_pair(self, a, user, client) : NULL;
   if (user != NULL && user->attack) {
      add_to_attack(self, user, true, pair, msg);
   } else if (client != NULL && client->attack) {
      add_to_attack(self, client, false, pair, msg);
   } else if (pair != NULL) {
      add_to_pair(self, pair, msg);
   } else if (!msg->ok) {
      new_pair(self, a);
   }
}

static int check_time(nm_module_t *m, ur_time_t time)
{
   struct sip_bf *self = nm_self(m);
   if (self->checked == 0) {
      self->checked = time;
   }
   if (time <= self->checked || (time - self->checked) >> 32 <= self->check_interval) {
      return NM_OK;
   }
   self->checked = time;
   return report(m, false, time);
}

int attempts_add(nm_module_t *m, struct attempt *attempts, uint32_t n)
{
   struct sip_bf *self = nm_self(m);
   int rc = NM_OK;
   prepare(self, attempts, n);
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      if (attempts[i].known) {
         add(self, &attempts[i]);
      }
      rc = check_time(m, attempts[i].msg.time);
   }
   return rc;
}
