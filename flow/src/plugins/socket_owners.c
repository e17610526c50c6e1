/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket_owners.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM   "osqueryi"
#define ANSWER_MS 20000 /* for an answer; then the program is killed */
#define PIECE     65536

/* A host has one row of each. */
static const char host_question[] =
    "SELECT o.name, o.major, o.minor, o.build, o.platform, o.platform_like, o.arch, k.version AS kernel, "
    "s.hostname FROM os_version o, kernel_info k, system_info s";
static const char sockets_question[] =
    "SELECT p.name AS program, u.username AS user, s.protocol, s.local_address, s.local_port, "
    "s.remote_address, s.remote_port FROM process_open_sockets s JOIN processes p USING (pid) "
    "LEFT JOIN users u ON p.uid = u.uid WHERE s.protocol IN (6, 17) AND s.remote_port > 0";

struct socket_owners {
   pthread_mutex_t lock;  /* of what follows, but not while osqueryi is waited for */
   pthread_cond_t change; /* of quit or asked */
   pthread_t thread;
   unsigned users;
   bool quit, asked;
   uint32_t period_s;
   struct owner_table *table; /* NULL: none yet */
   struct host_facts host;
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct socket_owners *opened;

/* --------------------------------------------------------------------- answers */

static const char *text_of(const json_t *row, const char *name, const char *otherwise)
{
   const char *text = json_string_value(json_object_get(row, name));
   return text != NULL && *text != 0 ? text : otherwise;
}

/* osqueryi gives numbers as strings. */
static bool number_of(const json_t *row, const char *name, long max, long *v)
{
   char *end = NULL;
   const char *text = text_of(row, name, "");
   *v = strtol(text, &end, 10);
   return end != text && *end == 0 && *v >= 0 && *v <= max;
}

static void keep(char *to, size_t size, const char *text)
{
   size_t n = strnlen(text, size - 1);
   memcpy(to, text, n);
   to[n] = 0;
}

/* Sockets of both IP versions give IPv4 addresses as ::ffff:a.b.c.d. */
static bool address_of(const json_t *row, const char *name, uint8_t ip[16])
{
   const char *text = text_of(row, name, "");
   if (strncmp(text, "::ffff:", 7) == 0 && strchr(text, '.') != NULL) {
      text += 7;
   }
   if (inet_pton(AF_INET, text, ip + 8) == 1) {
      memset(ip, 0, 8);
      memset(ip + 12, 0xff, 4);
      return true;
   }
   return inet_pton(AF_INET6, text, ip) == 1;
}

static bool parse_row(const json_t *row, struct owner_entry *e)
{
   long protocol, local, remote;
   memset(e, 0, sizeof(*e));
   if (!number_of(row, "protocol", UINT8_MAX, &protocol) ||
       !number_of(row, "local_port", UINT16_MAX, &local) ||
       !number_of(row, "remote_port", UINT16_MAX, &remote) ||
       !address_of(row, "local_address", e->key.local) || !address_of(row, "remote_address", e->key.remote)) {
      return false;
   }
   e->key.protocol = (uint8_t) protocol;
   e->key.local_port = (uint16_t) local;
   e->key.remote_port = (uint16_t) remote;
   keep(e->owner.program, sizeof(e->owner.program), text_of(row, "program", "UNDEFINED"));
   keep(e->owner.user, sizeof(e->owner.user), text_of(row, "user", "UNDEFINED"));
   return true;
}

static int compare(const void *a, const void *b)
{
   return memcmp(a, b, sizeof(struct socket_key)); /* an entry begins with its key; padding is zeroed */
}

static json_t *parse_array(const char *json, size_t size)
{
   json_t *rows = json_loadb(json, size, JSON_REJECT_DUPLICATES, NULL);
   if (!json_is_array(rows)) {
      json_decref(rows);
      return NULL;
   }
   return rows;
}

struct owner_table *owner_table_parse(const char *json, size_t size)
{
   json_t *rows = parse_array(json, size), *row;
   size_t index, n = json_array_size(rows) < SOCKET_OWNERS_MAX ? json_array_size(rows) : SOCKET_OWNERS_MAX;
   struct owner_table *t = rows != NULL ? calloc(1, sizeof(*t) + n * sizeof(t->entries[0])) : NULL;
   if (t != NULL) {
      json_array_foreach(rows, index, row)
      {
         if (t->n < n && parse_row(row, &t->entries[t->n])) {
            t->n++;
         } else {
            t->left_out++;
         }
      }
      qsort(t->entries, t->n, sizeof(t->entries[0]), compare);
   }
   json_decref(rows);
   return t;
}

bool owner_table_find(const struct owner_table *t, const struct socket_key *key, struct socket_owner *owner)
{
   struct socket_key k;
   for (unsigned other = 0; other < 2; other++) {
      memset(&k, 0, sizeof(k));
      memcpy(k.local, other ? key->remote : key->local, sizeof(k.local));
      memcpy(k.remote, other ? key->local : key->remote, sizeof(k.remote));
      k.local_port = other ? key->remote_port : key->local_port;
      k.remote_port = other ? key->local_port : key->remote_port;
      k.protocol = key->protocol;
      const struct owner_entry *e = bsearch(&k, t->entries, t->n, sizeof(t->entries[0]), compare);
      if (e != NULL) {
         *owner = e->owner;
         return true;
      }
   }
   return false;
}

bool host_facts_parse(const char *json, size_t size, struct host_facts *h)
{
   json_t *rows = parse_array(json, size);
   const json_t *row = json_array_get(rows, 0);
   long major = 0, minor = 0;
   if (!json_is_object(row)) {
      json_decref(rows);
      return false;
   }
   keep(h->os_name, HOST_TEXT, text_of(row, "name", "UNDEFINED"));
   keep(h->os_build, HOST_TEXT, text_of(row, "build", "UNDEFINED"));
   keep(h->os_platform, HOST_TEXT, text_of(row, "platform", "UNDEFINED"));
   keep(h->os_platform_like, HOST_TEXT, text_of(row, "platform_like", "UNDEFINED"));
   keep(h->os_arch, HOST_TEXT, text_of(row, "arch", "UNDEFINED"));
   keep(h->kernel_version, HOST_TEXT, text_of(row, "kernel", "UNDEFINED"));
   keep(h->hostname, HOST_TEXT, text_of(row, "hostname", "UNDEFINED"));
   h->os_major = number_of(row, "major", UINT16_MAX, &major) ? (uint16_t) major : 0;
   h->os_minor = number_of(row, "minor", UINT16_MAX, &minor) ? (uint16_t) minor : 0;
   json_decref(rows);
   return true;
}

/* --------------------------------------------------------------------- asking */

static bool quitting(struct socket_owners *o)
{
   pthread_mutex_lock(&o->lock);
   bool quit = o->quit;
   pthread_mutex_unlock(&o->lock);
   return quit;
}

static uint64_t milliseconds(void)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* Reads to the end of the file, as long as there is time. \return NULL: too late, too long, or no memory; free() it */
static char *read_answer(struct socket_owners *o, int fd, size_t *size)
{
   char *answer = NULL;
   size_t capacity = 0;
   struct pollfd p = {.fd = fd, .events = POLLIN};
   *size = 0;
   for (uint64_t end = milliseconds() + ANSWER_MS; milliseconds() < end && !quitting(o);) {
      if (poll(&p, 1, 100) <= 0) {
         continue;
      }
      if (capacity - *size < PIECE) {
         char *larger = capacity < SOCKET_OWNERS_ANSWER ? realloc(answer, capacity + 4 * PIECE) : NULL;
         if (larger == NULL) {
            break;
         }
         answer = larger;
         capacity += 4 * PIECE;
      }
      ssize_t n = read(fd, answer + *size, PIECE);
      if (n == 0) {
         return answer;
      }
      if (n < 0 && errno != EINTR) {
         break;
      }
      *size += n > 0 ? (size_t) n : 0;
   }
   free(answer);
   return NULL;
}

static int start(const char *question, int out, pid_t *pid)
{
   extern char **environ;
   char *argv[] = {(char *) PROGRAM, (char *) "--json", (char *) question, NULL};
   posix_spawn_file_actions_t files;
   posix_spawnattr_t attributes;
   sigset_t none;
   sigemptyset(&none);
   posix_spawn_file_actions_init(&files);
   posix_spawnattr_init(&attributes);
   posix_spawnattr_setsigmask(&attributes, &none);
   posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
   int rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
   rc = rc == 0 ? posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0) : rc;
   rc = rc == 0 ? posix_spawn_file_actions_adddup2(&files, out, 1) : rc;
#if __GLIBC_PREREQ(2, 34)
   /* Close descriptors that this process inherited, such as a pipe whose end another process waits for. */
   rc = rc == 0 ? posix_spawn_file_actions_addclosefrom_np(&files, 3) : rc;
#endif
   rc = rc == 0 ? posix_spawnp(pid, PROGRAM, &files, &attributes, argv, environ) : rc;
   posix_spawn_file_actions_destroy(&files);
   posix_spawnattr_destroy(&attributes);
   return rc;
}

/* \return NULL: no answer; free() it */
static char *ask(struct socket_owners *o, const char *question, size_t *size)
{
   int ends[2], status;
   pid_t pid;
   if (pipe2(ends, O_CLOEXEC) != 0) {
      return NULL;
   }
   int rc = start(question, ends[1], &pid);
   close(ends[1]);
   char *answer = rc == 0 ? read_answer(o, ends[0], size) : NULL;
   close(ends[0]);
   if (rc == 0) {
      kill(pid, SIGKILL); /* it is done, its answer is too long, or it timed out */
      while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
      }
   }
   return answer;
}

static void learn_host(struct socket_owners *o)
{
   struct host_facts host = {.os_major = 0};
   size_t size;
   char *answer = ask(o, host_question, &size);
   if (answer != NULL && host_facts_parse(answer, size, &host)) {
      pthread_mutex_lock(&o->lock);
      o->host = host;
      pthread_mutex_unlock(&o->lock);
   }
   free(answer);
}

static void learn_sockets(struct socket_owners *o)
{
   size_t size;
   char *answer = ask(o, sockets_question, &size);
   struct owner_table *t = answer != NULL ? owner_table_parse(answer, size) : NULL, *before = NULL;
   free(answer);
   if (t != NULL) {
      pthread_mutex_lock(&o->lock);
      before = o->table;
      o->table = t;
      pthread_mutex_unlock(&o->lock);
   }
   free(before);
}

static void *run(void *owners)
{
   struct socket_owners *o = owners;
   learn_host(o);
   while (!quitting(o)) {
      struct timespec until;
      learn_sockets(o);
      clock_gettime(CLOCK_MONOTONIC, &until);
      until.tv_sec += o->period_s;
      pthread_mutex_lock(&o->lock);
      o->asked = true;
      pthread_cond_broadcast(&o->change);
      while (!o->quit && pthread_cond_timedwait(&o->change, &o->lock, &until) == 0) {
      }
      pthread_mutex_unlock(&o->lock);
   }
   return NULL;
}

/* ------------------------------------------------------------------------ use */

static bool installed(void)
{
   char path[4096];
   const char *p = getenv("PATH");
   while (p != NULL && *p != 0) {
      size_t n = strcspn(p, ":");
      if (n > 0 && n + sizeof("/" PROGRAM) <= sizeof(path)) {
         memcpy(path, p, n);
         memcpy(path + n, "/" PROGRAM, sizeof("/" PROGRAM));
         if (access(path, X_OK) == 0) {
            return true;
         }
      }
      p += n + (p[n] == ':');
   }
   return false;
}

static struct socket_owners *begin(uint32_t period_s)
{
   struct socket_owners *o = installed() ? calloc(1, sizeof(*o)) : NULL;
   if (o == NULL) {
      return NULL;
   }
   pthread_condattr_t monotonic;
   pthread_mutex_init(&o->lock, NULL);
   pthread_condattr_init(&monotonic);
   pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
   pthread_cond_init(&o->change, &monotonic);
   pthread_condattr_destroy(&monotonic);
   o->period_s = period_s;
   host_facts_parse("[{}]", 4, &o->host);
   sigset_t all, before;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the threads that wait for them */
   int rc = pthread_create(&o->thread, NULL, run, o);
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   if (rc != 0) {
      free(o);
      return NULL;
   }
   return o;
}

struct socket_owners *socket_owners_open(uint32_t period_s)
{
   pthread_mutex_lock(&open_lock);
   opened = opened != NULL ? opened : begin(period_s);
   if (opened != NULL) {
      opened->users++;
   }
   struct socket_owners *o = opened;
   pthread_mutex_unlock(&open_lock);
   return o;
}

void socket_owners_close(struct socket_owners *o)
{
   if (o == NULL) {
      return;
   }
   pthread_mutex_lock(&open_lock);
   if (--o->users == 0) {
      opened = NULL;
      pthread_mutex_lock(&o->lock);
      o->quit = true;
      pthread_cond_broadcast(&o->change);
      pthread_mutex_unlock(&o->lock);
      pthread_join(o->thread, NULL);
      free(o->table);
      pthread_mutex_destroy(&o->lock);
      pthread_cond_destroy(&o->change);
      free(o);
   }
   pthread_mutex_unlock(&open_lock);
}

bool socket_owners_find(struct socket_owners *o, const struct socket_key *key, struct socket_owner *owner)
{
   pthread_mutex_lock(&o->lock);
   bool found = o->table != NULL && owner_table_find(o->table, key, owner);
   pthread_mutex_unlock(&o->lock);
   return found;
}

void socket_owners_host(struct socket_owners *o, struct host_facts *host)
{
   pthread_mutex_lock(&o->lock);
   *host = o->host;
   pthread_mutex_unlock(&o->lock);
}

void socket_owners_wait(struct socket_owners *o)
{
   pthread_mutex_lock(&o->lock);
   while (!o->asked) {
      pthread_cond_wait(&o->change, &o->lock);
   }
   pthread_mutex_unlock(&o->lock);
}
