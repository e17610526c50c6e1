/* SPDX-License-Identifier: BSD-3-Clause */
/** Who tried whom: pairs of user and client, users that many clients try, clients that try many users. */
#include "sip_bf.h"

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

static void drop_group(nc_table_t *table, struct group *group)
{
   link_remove(&group->by_age);
   nc_table_remove_value(table, group);
}

/* The pair goes, and its user and client when they have no other. */
static void drop_pair(struct sip_bf *self, struct pair *pair)
{
   struct group *user = pair->user, *client = pair->client;
   detach(pair);
   nc_table_remove_value(self->pairs, pair);
   if (user->n == 0 && !user->attack) {
      drop_group(self->users, user);
   }
   if (client->n == 0 && !client->attack) {
      drop_group(self->clients, client);
   }
}

/* The pairs of a user or a client go; the group stays. */
static void drop_pairs(struct sip_bf *self, struct group *group, bool is_user)
{
   bool attack = group->attack;
   group->attack = true; /* it is not dropped with its last pair */
   while (group->pairs.next != &group->pairs) {
      drop_pair(self, is_user ? pair_of_user(group->pairs.next) : pair_of_client(group->pairs.next));
   }
   group->attack = attack;
}

static void forget(struct sip_bf *self, struct group *group, bool is_user)
{
   drop_pairs(self, group, is_user);
   drop_group(is_user ? self->users : self->clients, group);
}

void pair_evicted(void *context, const void *key, void *value)
{
   (void) context;
   (void) key;
   detach(value); /* its user and client are found empty when they are tried next, or evicted */
}

static void evict(struct sip_bf *self, struct group *group, bool is_user)
{
   self->lost += group->attack;
   drop_pairs(self, group, is_user);
   link_remove(&group->by_age);
}

void server_evicted(void *context, const void *key, void *value)
{
   struct sip_bf *self = nm_self(context);
   (void) key;
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
   const struct event event = {.type = BRUTE_FORCE,
                               .server = pair->client->server,
                               .client = client->address,
                               .user = nc_table_key(self->users, pair->user),
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
   struct event event = {.type = is_user ? DISTRIBUTED : SCAN, .server = group->server, .last = attack->last};
   uint64_t sum = 0;
   for (struct link *link = group->pairs.next; link != &group->pairs; link = link->next) {
      const struct pair *pair = is_user ? pair_of_user(link) : pair_of_client(link);
      sum += pair->attempts;
      event.pair = event.pair != NULL ? event.pair : pair;
      event.first = event.first == 0 || pair->first < event.first ? pair->first : event.first;
   }
   event.attempts = sum + attack->other;
   event.average = group->n > 0 ? sum / group->n : 0;
   event.first = event.first != 0 ? event.first : attack->last;
   if (is_user) {
      event.user = nc_table_key(self->users, group);
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
   struct link *head = users ? &self->users_by_age : &self->clients_by_age;
   int rc = NM_OK;
   while (head->next != head && rc == NM_OK) {
      struct group *group = (struct group *) (void *) head->next;
      if (!all && !is_old(self, attack_on(self, group, users)->last, now)) {
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
   link_remove(link);
   link_append(head, link);
}

static struct server *find_server(struct sip_bf *self, const struct message *msg, uint64_t hash)
{
   if (self->newest != NULL &&
       memcmp(nc_table_key(self->servers, self->newest), &msg->server, sizeof(msg->server)) == 0) {
      return self->newest;
   }
   struct server *server = nc_table_find_hashed(self->servers, &msg->server, hash);
   if (server == NULL && !msg->ok) {
      server = nc_table_upsert_hashed(self->servers, &msg->server, hash, NULL);
      server->id = ++self->server_ids;
      server->port = msg->server_port;
      server->domain_length = msg->domain_length;
      memcpy(server->domain, msg->domain, msg->domain_length);
   }
   self->newest = server != NULL ? server : self->newest;
   return server;
}

static struct group *get_group(struct sip_bf *self, nc_table_t *table, const void *key, uint64_t hash,
                               const struct message *msg)
{
   bool is_new;
   struct group *group = nc_table_upsert_hashed(table, key, hash, &is_new);
   if (is_new) {
      link_head(&group->pairs);
      group->id = ++self->ids;
      group->server = msg->server;
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
   attack->last = msg->time > attack->last ? msg->time : attack->last;
   touch(is_user ? &self->users_by_age : &self->clients_by_age, &group->by_age);
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
   if (!group->attack) {
      *attack_on(self, group, is_user) = (struct attack){.other = 0};
   }
   group->attack = true;
   attack_on(self, group, is_user)->last = msg->time;
   touch(is_user ? &self->users_by_age : &self->clients_by_age, &group->by_age);
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
   struct group *user = get_group(self, self->users, &a->user, a->user_hash, msg);
   user->attack = true; /* the client that makes room for this one may take its user with it: not this one */
   struct group *client = get_group(self, self->clients, &a->client, a->client_hash, msg);
   user->attack = false;
   struct pair_key key = {.user = user->id, .client = client->id};
   struct pair *pair = is_expected(a, &key) ? nc_table_upsert_hashed(self->pairs, &key, a->pair_hash, NULL)
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

/* Users, clients and pairs lie all over the memory: those of a whole batch are fetched into the cache before the first one is used.
 * An earlier message of the batch may add or remove what was found here, so only hashes are kept. */
static void prepare(struct sip_bf *self, struct attempt *attempts, uint32_t n)
{
   const void *keys[NC_TABLE_BATCH] = {NULL};
   uint64_t hashes[NC_TABLE_BATCH], ids = self->ids;
   uint32_t n_new = 0;
   for (uint32_t i = 0; i < n; i++) {
      keys[i] = &attempts[i].msg.server;
   }
   nc_table_prefetch(self->servers, keys, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      attempts[i].server_hash = hashes[i];
   }
   for (uint32_t i = 0; i < n; i++) {
      struct attempt *a = &attempts[i];
      const struct server *server = find_server(self, &a->msg, a->server_hash);
      a->known = server != NULL;
      a->client = (struct client_key){.server = server != NULL ? server->id : 0, .address = a->msg.client};
      a->user = (struct user_key){.server = (uint32_t) a->client.server, .length = a->msg.user_length};
      memcpy(a->user.name, a->msg.user, a->msg.user_length);
      keys[i] = &a->client;
   }
   nc_table_prefetch(self->clients, keys, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      attempts[i].client_hash = hashes[i];
      keys[i] = &attempts[i].user;
   }
   nc_table_prefetch(self->users, keys, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      struct attempt *a = &attempts[i];
      a->user_hash = hashes[i];
      const struct group *client = nc_table_peek_hashed(self->clients, &a->client, a->client_hash);
      const struct group *user =
          client != NULL || !a->msg.ok ? nc_table_peek_hashed(self->users, &a->user, a->user_hash) : NULL;
      /* Those that are new will most probably get these ids. */
      a->pair.user = user != NULL ? user->id : a->msg.ok ? 0 : ++ids;
      a->pair.client = client != NULL ? client->id : a->msg.ok ? 0 : ++ids;
      n_new += client == NULL && !a->msg.ok;
      keys[i] = &a->pair;
   }
   fetch_victims(self, n_new);
   nc_table_prefetch(self->pairs, keys, n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      attempts[i].pair_hash = hashes[i];
   }
}

static struct pair *find_pair(struct sip_bf *self, const struct attempt *a, const struct group *user,
                              const struct group *client)
{
   struct pair_key key = {.user = user->id, .client = client->id};
   return is_expected(a, &key) ? nc_table_find_hashed(self->pairs, &key, a->pair_hash)
                               : nc_table_find(self->pairs, &key);
}

static void add(struct sip_bf *self, const struct attempt *a)
{
   const struct message *msg = &a->msg;
   struct group *client = nc_table_find_hashed(self->clients, &a->client, a->client_hash);
   if (client == NULL && msg->ok && self->users_by_age.next == &self->users_by_age) {
      return; /* the ordinary message: of a client that tried nothing, and no user is under attack */
   }
   struct group *user = nc_table_find_hashed(self->users, &a->user, a->user_hash);
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
