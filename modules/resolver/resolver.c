/* SPDX-License-Identifier: BSD-3-Clause */
/** resolver: adds names of addresses, addresses of names and names of services to records. */
#include "asker.h"
#include "services.h"

#include <inttypes.h>
#include <nemea-common/nc_hash.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

NM_FIELDS()

#define MOST_RESOLUTIONS 16
#define HELD_BYTES       ((size_t) 64 << 20) /* of records that are held */
#define LOOK_US          10000
#define NONE             "n/a"

enum { ENT_SERVICES = ASK_AAAA + 1, KINDS };
static const char *const kind_names[KINDS] = {
    [ASK_PTR] = "dns_ptr", [ASK_A] = "dns_a", [ASK_AAAA] = "dns_aaaa", [ENT_SERVICES] = "ent_services"};

struct resolution {
   char *input, *input2, *output; /* names of fields */
   unsigned kind;
   nm_field_t from, from2, to;
};

/* What is known of a name or an address. */
struct known {
   uint32_t until;       /* monotonic seconds; 0: it was never asked for */
   bool asked;           /* an answer is on its way */
   uint8_t length;       /* of the name */
   ip_addr_t address;    /* of ASK_A, ASK_AAAA */
   char name[NAME_SIZE]; /* of ASK_PTR */
};

/* A record of the output that waits for answers. */
struct held {
   uint64_t deadline; /* monotonic milliseconds */
   void *record;
   uint16_t size;
   uint8_t n; /* resolutions that it waits for */
   uint8_t which[MOST_RESOLUTIONS];
   struct question_key keys[MOST_RESOLUTIONS];
};

struct resolver {
   const char *format, *servers;
   uint32_t timeout, ttl, negative_ttl, wait, most_held;
   nc_table_t *cache; /* struct question_key -> struct known */
   struct resolution list[MOST_RESOLUTIONS];
   uint32_t n, words;
   uint64_t secret[2][2]; /* of the hashes of names */
   struct asker *asker;
   struct services *services;
   struct held *held; /* a ring */
   uint32_t first_held, n_held;
   size_t held_bytes;
   bool recording;
   uint64_t questions, found, not_found, full, waited, unresolved;
};

static uint64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
   return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000 + 1000; /* never 0 */
}

/* --------------------------------------------------------------------- options */

/* INFIELD[/INFIELD]; the other two words of the option are arguments. */
static int take_inputs(nm_module_t *m, const char *value)
{
   struct resolver *self = nm_self(m);
   if (self->n == MOST_RESOLUTIONS) {
      return nm_fail(m, "option --resolve: at most %d resolutions", MOST_RESOLUTIONS);
   }
   struct resolution *r = &self->list[self->n++];
   r->input = strdup(value);
   if (r->input == NULL) {
      return nm_fail(m, "out of memory");
   }
   char *slash = strchr(r->input, '/');
   if (slash != NULL) {
      *slash = 0;
      r->input2 = slash + 1;
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_STRING('u', "unirec", struct resolver, format, NULL,
              "Fields that the input has: \"ipaddr SRC_IP,uint16 DST_PORT\"; required."),
    NM_CALL('r', "resolve", "INFIELD[/INFIELD] RESOLUTION OUTFIELD", take_inputs,
            "Adds OUTFIELD, which is found for INFIELD. RESOLUTION: dns_ptr (name of an ipaddr), dns_a and "
            "dns_aaaa (address of a string), "
            "ent_services (name of a service, uint16 port/uint8 protocol). May be given several times."),
    NM_STRING('S', "server", struct resolver, servers, NULL,
              "Name servers, ADDRESS[:PORT] separated by commas; default: those of /etc/resolv.conf."),
    NM_U32(0, "timeout", struct resolver, timeout, 1000, 10, 60000,
           "Milliseconds of an attempt; there are two."),
    NM_U32(
        'w', "wait", struct resolver, wait, 2500, 0, 60000,
        "Milliseconds that a record is held for answers; then it is sent without them. 0: it is never held."),
    NM_U32(0, "hold", struct resolver, most_held, 8192, 1, 1u << 20,
           "Records that are held, of at most 64 MB; when there are more, the oldest is sent without its "
           "answers. Those of files wait."),
    NM_U32(0, "ttl", struct resolver, ttl, 3600, 1, 604800, "Seconds for which an answer is known."),
    NM_U32(0, "negative-ttl", struct resolver, negative_ttl, 300, 1, 604800,
           "Seconds for which it is known that there is none."),
    NM_TABLE('c', "cache", struct resolver, cache, "names", struct question_key, struct known, 65536,
             .cleared = offsetof(struct known, name)),
    NM_END};

static int arguments(nm_module_t *m, int count, char **values)
{
   struct resolver *self = nm_self(m);
   if ((uint32_t) count != 2 * self->n) {
      return nm_fail(m, "each -r needs three words: INFIELD[/INFIELD] RESOLUTION OUTFIELD");
   }
   for (uint32_t i = 0; i < self->n; i++) {
      struct resolution *r = &self->list[i];
      r->kind = 0;
      while (r->kind < KINDS && strcmp(values[2 * i], kind_names[r->kind]) != 0) {
         r->kind++;
      }
      if (r->kind == KINDS) {
         return nm_fail(m, "-r %s: \"%s\": expected dns_ptr, dns_a, dns_aaaa or ent_services", r->input,
                        values[2 * i]);
      }
      r->output = values[2 * i + 1];
      if ((r->input2 != NULL) != (r->kind == ENT_SERVICES)) {
         return nm_fail(m, "-r %s %s: expected %s", r->input, kind_names[r->kind],
                        r->kind == ENT_SERVICES ? "two fields, PORT/PROTOCOL" : "one field");
      }
   }
   self->words = (uint32_t) count;
   return NM_OK;
}

/* The type that an input field has to have. */
static const char *type_of(const struct resolution *r, bool second)
{
   return r->kind == ENT_SERVICES ? (second ? "uint8" : "uint16") : r->kind == ASK_PTR ? "ipaddr" : "string";
}

/* Is "TYPE NAME" one of the fields of -u? */
static bool is_declared(const char *fields, const char *type, const char *name)
{
   static const char blanks[] = " \t";
   for (const char *at = fields; *at != 0; at += strcspn(at, ",")) {
      at += strspn(at, ", \t");
      size_t n = strcspn(at, blanks);
      const char *second = at + n + strspn(at + n, blanks);
      size_t k = strcspn(second, ", \t");
      if (n == strlen(type) && strncmp(at, type, n) == 0 && k == strlen(name) &&
          strncmp(second, name, k) == 0) {
         return true;
      }
   }
   return false;
}

static int check(nm_module_t *m)
{
   const struct resolver *self = nm_self(m);
   if (self->format == NULL) {
      return nm_fail(m, "option --unirec: missing, expected the fields of the input");
   }
   if (self->n == 0 || self->words != 2 * self->n) {
      return nm_fail(m, "option --resolve: missing, expected INFIELD[/INFIELD] RESOLUTION OUTFIELD");
   }
   for (uint32_t i = 0; i < self->n; i++) {
      const struct resolution *r = &self->list[i];
      for (int second = 0; second <= (r->input2 != NULL); second++) {
         const char *name = second ? r->input2 : r->input, *type = type_of(r, second);
         if (!is_declared(self->format, type, name)) {
            return nm_fail(m, "-r %s %s: the fields of -u have no \"%s %s\"", r->input, kind_names[r->kind],
                           type, name);
         }
      }
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct resolver *self = nm_self(m);
   char why[ASKER_WHY];
   int rc = NM_OK;
   self->recording = nm_recording(m);
   self->held = calloc(self->most_held, sizeof(*self->held));
   bool services = false;
   for (uint32_t i = 0; i < self->n; i++) {
      services |= self->list[i].kind == ENT_SERVICES;
   }
   if (services) {
      self->services = services_read();
   }
   if (self->held == NULL || (services && self->services == NULL) ||
       getrandom(self->secret, sizeof(self->secret), 0) < 0) {
      return nm_fail(m, "out of memory for %" PRIu32 " records (option --hold)", self->most_held);
   }
   self->asker = asker_start(self->servers, self->timeout, why);
   if (self->asker == NULL) {
      return nm_fail(m, "%s", why);
   }
   for (uint32_t i = 0; rc == NM_OK && i < self->n; i++) {
      struct resolution *r = &self->list[i];
      rc = nm_field_bind(m, &r->from, 0, r->input, true);
      if (rc == NM_OK && r->input2 != NULL) {
         rc = nm_field_bind(m, &r->from2, 0, r->input2, true);
      }
   }
   nm_counter(m, "questions", &self->questions);
   nm_counter(m, "found", &self->found);
   nm_counter(m, "not found", &self->not_found);
   nm_counter(m, "not asked", &self->full);
   nm_counter(m, "records held", &self->waited);
   nm_counter(m, "records without an answer", &self->unresolved);
   nm_set_timer(m, LOOK_US);
   return rc;
}

/* --------------------------------------------------------------------- answers */

/* Writes what was found into a record of the output. known: NULL: nothing */
static int put(nm_module_t *m, const struct resolution *r, void *record, const struct known *k)
{
   static const ip_addr_t any6;
   int rc;
   if (r->kind == ASK_PTR) {
      bool found = k != NULL && k->length > 0;
      rc = nm_field_set(&r->to, nm_out(m), record, found ? k->name : NONE,
                        found ? k->length : sizeof(NONE) - 1);
   } else {
      ip_addr_t none = r->kind == ASK_A ? ip_from_int(0) : any6;
      rc = nm_field_set(&r->to, nm_out(m), record, k != NULL && k->length > 0 ? &k->address : &none,
                        sizeof(ip_addr_t));
   }
   return rc == UR_OK ? NM_OK : nm_fail(m, "a record is larger than 65535 bytes with field %s", r->output);
}

static int put_service(nm_module_t *m, const struct resolution *r, const void *rec, void *record)
{
   const struct resolver *self = nm_self(m);
   const char *name = services_name(self->services, (uint16_t) nm_field_u64(&r->from, rec),
                                    (uint8_t) nm_field_u64(&r->from2, rec));
   name = name != NULL ? name : NONE;
   size_t length = strlen(name);
   return nm_field_set(&r->to, nm_out(m), record, name, (uint32_t) (length < 255 ? length : 255)) == UR_OK
              ? NM_OK
              : nm_fail(m, "a record is larger than 65535 bytes with field %s", r->output);
}

static void take_answers(struct resolver *self)
{
   struct reply r;
   while (asker_take(self->asker, &r)) {
      struct known *k = nc_table_upsert(self->cache, &r.key, NULL);
      k->asked = false;
      k->until = (uint32_t) (now_ms() / 1000) + (r.found ? self->ttl : self->negative_ttl);
      k->length = r.found ? (uint8_t) (r.key.kind == ASK_PTR ? strlen(r.name) : 1) : 0;
      k->address = r.address;
      memcpy(k->name, r.name, r.key.kind == ASK_PTR ? k->length : 0);
      self->found += r.found;
      self->not_found += !r.found;
   }
}

static bool is_known(const struct known *k, uint32_t now)
{
   return k != NULL && k->until > now;
}

/* -------------------------------------------------------------- records that are held */

static struct held *oldest(struct resolver *self)
{
   return &self->held[self->first_held];
}

static bool is_answered(struct resolver *self, const struct held *h, uint32_t now)
{
   for (unsigned i = 0; i < h->n; i++) {
      const struct known *k = nc_table_peek(self->cache, &h->keys[i]);
      if (k != NULL && k->asked && !is_known(k, now)) {
         return false;
      }
   }
   return true;
}

/* Sends the oldest record with the answers that there are. */
static int release(nm_module_t *m, uint32_t now)
{
   struct resolver *self = nm_self(m);
   struct held *h = oldest(self);
   void *record = nm_record(m, 0);
   bool all = true;
   int rc = NM_OK;
   memcpy(record, h->record, h->size);
   for (unsigned i = 0; rc == NM_OK && i < h->n; i++) {
      const struct known *k = nc_table_peek(self->cache, &h->keys[i]);
      bool known = is_known(k, now);
      all &= known;
      rc = put(m, &self->list[h->which[i]], record, known ? k : NULL);
   }
   self->unresolved += !all;
   free(h->record);
   self->held_bytes -= h->size;
   h->record = NULL;
   self->first_held = self->first_held + 1 < self->most_held ? self->first_held + 1 : 0;
   self->n_held--;
   return rc == NM_OK ? nm_send(m, record) : rc;
}

/* Sends the records that have their answers, or have waited long enough; all: also the others. */
static int release_some(nm_module_t *m, bool all)
{
   struct resolver *self = nm_self(m);
   int rc = NM_OK;
   take_answers(self);
   for (uint64_t now = now_ms(); rc == NM_OK && self->n_held > 0;) {
      struct held *h = oldest(self);
      if (!all && h->deadline > now && !is_answered(self, h, (uint32_t) (now / 1000))) {
         break;
      }
      rc = release(m, (uint32_t) (now / 1000));
   }
   return rc;
}

static bool is_full(const struct resolver *self)
{
   return self->n_held == self->most_held || self->held_bytes >= HELD_BYTES;
}

/* Waits until the oldest record can be sent: with files nothing is lost by it. Its deadline bounds that. */
static int make_room(nm_module_t *m)
{
   struct resolver *self = nm_self(m);
   int rc = NM_OK;
   while (rc == NM_OK && is_full(self)) {
      uint32_t before = self->n_held;
      rc = release_some(m, false);
      if (rc != NM_OK || self->n_held < before) {
         continue;
      }
      if (!self->recording || nm_stopping(m)) {
         rc = release(m, (uint32_t) (now_ms() / 1000));
      } else {
         nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
      }
   }
   return rc;
}

static int hold(nm_module_t *m, const void *record, const struct held *what)
{
   struct resolver *self = nm_self(m);
   struct held *h = &self->held[(self->first_held + self->n_held) % self->most_held];
   *h = *what;
   h->size = ur_rec_size(nm_out(m), record);
   h->record = malloc(h->size);
   if (h->record == NULL) {
      return nm_fail(m, "out of memory for records that are held");
   }
   memcpy(h->record, record, h->size);
   h->deadline = now_ms() + self->wait;
   self->held_bytes += h->size;
   self->n_held++;
   self->waited += h->n > 0;
   return NM_OK;
}

/* --------------------------------------------------------------------- records */

/* What is to be asked for. \return false: nothing can be found for it */
static bool read_question(const struct resolver *self, const struct resolution *r, const void *rec,
                          struct question *q)
{
   uint32_t length;
   q->key.kind = r->kind;
   if (r->kind == ASK_PTR) {
      q->address = nm_field_ip(&r->from, rec);
      memcpy(q->key.value, &q->address, sizeof(q->key.value));
      return true;
   }
   const char *name = nm_field_data(&r->from, rec, &length);
   if (length == 0 || length >= NAME_SIZE || memchr(name, 0, length) != NULL) {
      return false;
   }
   q->key.value[0] = nc_hash_long(name, length, self->secret[0]);
   q->key.value[1] = nc_hash_long(name, length, self->secret[1]);
   memcpy(q->name, name, length);
   q->name[length] = 0;
   return true;
}

/* Fills in what is known, and asks for what is not. \param waits gets what is on its way */
static int resolve(nm_module_t *m, uint32_t i, const void *rec, void *record, uint32_t now,
                   struct held *waits)
{
   struct resolver *self = nm_self(m);
   const struct resolution *r = &self->list[i];
   struct question q;
   if (r->kind == ENT_SERVICES) {
      return put_service(m, r, rec, record);
   }
   if (!read_question(self, r, rec, &q)) {
      return put(m, r, record, NULL);
   }
   struct known *k = nc_table_find(self->cache, &q.key);
   if (is_known(k, now)) {
      return put(m, r, record, k);
   }
   if (k == NULL || !k->asked) {
      if (!asker_put(self->asker, &q)) {
         self->full++;
         return put(m, r, record, NULL);
      }
      k = nc_table_upsert(self->cache, &q.key, NULL);
      k->asked = true;
      self->questions++;
   }
   waits->keys[waits->n] = q.key;
   waits->which[waits->n++] = (uint8_t) i;
   return put(m, r, record, NULL);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct resolver *self = nm_self(m);
   uint32_t now = (uint32_t) (now_ms() / 1000);
   int rc = release_some(m, false);
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      struct held waits = {.n = 0};
      if (self->n_held > 0 && is_full(self)) {
         rc = make_room(m);
      }
      void *record = nm_alert(m, recs[i].data);
      for (uint32_t k = 0; rc == NM_OK && k < self->n; k++) {
         rc = resolve(m, k, recs[i].data, record, now, &waits);
      }
      if (rc != NM_OK) {
         break;
      }
      if (self->wait > 0 && (waits.n > 0 || self->n_held > 0)) { /* their order stays */
         rc = hold(m, record, &waits);
      } else {
         self->unresolved += waits.n > 0;
         rc = nm_send(m, record);
      }
   }
   return rc;
}

static int timer(nm_module_t *m)
{
   return release_some(m, false);
}

/* The output has the fields of the input and those that are found. Records of the old format go first. */
static int format(nm_module_t *m, uint32_t input)
{
   struct resolver *self = nm_self(m);
   int rc = self->n_held > 0 ? release_some(m, true) : NM_OK;
   char text[8192];
   size_t at = (size_t) snprintf(text, sizeof(text), "%s",
                                 nm_in_format(m, input) != NULL ? nm_in_format(m, input) : "");
   for (uint32_t i = 0; i < self->n && at < sizeof(text); i++) {
      const struct resolution *r = &self->list[i];
      at += (size_t) snprintf(text + at, sizeof(text) - at, "%s%s %s", at > 0 ? "," : "",
                              r->kind == ASK_A || r->kind == ASK_AAAA ? "ipaddr" : "string", r->output);
   }
   if (at >= sizeof(text)) {
      return nm_fail(m, "the format of the input is too long");
   }
   rc = rc == NM_OK ? nm_set_output(m, 0, text) : rc;
   for (uint32_t i = 0; rc == NM_OK && i < self->n; i++) {
      struct resolution *r = &self->list[i];
      const char *type = type_of(r, false);
      bool good = r->kind == ENT_SERVICES ? r->from.type == UR_TYPE_UINT16 && r->from2.type == UR_TYPE_UINT8
                  : r->kind == ASK_PTR    ? r->from.type == UR_TYPE_IP
                                          : r->from.type == UR_TYPE_STRING;
      if (!good) {
         rc = nm_fail(m, "-r %s %s: expected a field of type %s%s", r->input, kind_names[r->kind], type,
                      r->kind == ENT_SERVICES ? ", and one of type uint8" : "");
      } else if (!nm_field_find(&r->to, nm_out(m), r->output)) {
         rc = nm_fail(m, "-r %s: the output has no field %s", r->input, r->output);
      }
   }
   return rc;
}

/* At the end, what is on its way has until the deadlines of the records. */
static int finish(nm_module_t *m)
{
   struct resolver *self = nm_self(m);
   int rc = NM_OK;
   while (rc == NM_OK && self->asker != NULL && self->n_held > 0) {
      rc = release_some(m, nm_stopping(m));
      if (rc == NM_OK && self->n_held > 0) {
         nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct resolver *self = nm_self(m);
   asker_stop(self->asker);
   services_free(self->services);
   for (; self->n_held > 0; self->n_held--) {
      free(oldest(self)->record);
      self->first_held = (self->first_held + 1) % self->most_held;
   }
   free(self->held);
   for (uint32_t i = 0; i < self->n; i++) {
      free(self->list[i].input);
   }
}

NM_MODULE("resolver",
          "Adds to records the names of their addresses, the addresses of their names, or the names of "
          "services. What was found is kept in a "
          "cache; what was not is asked for while the stream goes on.",
          .in = NM_INPUTS({"records", NM_ANY_FORMAT}), .out = NM_OUTPUTS({"records"}), .options = options,
          .state_size = sizeof(struct resolver), .arguments = arguments, .check = check, .init = init,
          .format = format, .records = records, .timer = timer, .finish = finish, .cleanup = cleanup)
