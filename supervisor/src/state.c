/* SPDX-License-Identifier: BSD-3-Clause */
/** What outlives the supervisor: which processes are whose modules. In a directory that is nobody else's. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char *path_of(const char *dir, const char *name)
{
   char *path = NULL;
   return asprintf(&path, "%s/%s", dir, name) >= 0 ? path : NULL;
}

bool state_lock(struct daemon *d)
{
   struct stat st;
   if (mkdir(d->state_dir, 0700) != 0 && errno != EEXIST) {
      fprintf(stderr, "supervisor: cannot make the state directory %s: %s\n", d->state_dir, strerror(errno));
      return false;
   }
   if (lstat(d->state_dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
       (st.st_mode & 022) != 0) {
      fprintf(
          stderr,
          "supervisor: state directory %s: expected a directory of this user that nobody else can write\n",
          d->state_dir);
      return false;
   }
   char *path = path_of(d->state_dir, "lock");
   d->lock = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
   free(path);
   if (d->lock < 0 || flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
      fprintf(stderr, "supervisor: %s: %s\n", d->state_dir,
              errno == EWOULDBLOCK ? "another supervisor runs with this state directory" : strerror(errno));
      return false;
   }
   return true;
}

/* Replaces a file as a whole. */
static bool replace(const char *dir, const char *name, const char *text, size_t length)
{
   char *path = path_of(dir, name), *temporary = NULL;
   bool ok = path != NULL && asprintf(&temporary, "%s.new", path) >= 0;
   if (!ok) {
      temporary = NULL;
   } else {
      (void) unlink(temporary);
      int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
      FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
      ok = f != NULL && fwrite(text, 1, length, f) == length;
      ok = f != NULL && fclose(f) == 0 && ok && rename(temporary, path) == 0;
   }
   free(temporary);
   free(path);
   return ok;
}

static void boot_id(char id[64])
{
   FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
   id[0] = 0;
   if (f != NULL) {
      if (fgets(id, 64, f) == NULL) {
         id[0] = 0;
      }
      (void) fclose(f);
   }
}

/* Path, arguments and options: what a process was started with. */
static json_t *command_of(const struct config_module *m)
{
   char why[256], **argv = config_command(m, why, sizeof(why));
   json_t *a = json_array();
   json_array_append_new(a, json_string(m->path));
   for (char **p = argv; p != NULL && *p != NULL; p++) {
      json_array_append_new(a, json_string(*p));
   }
   config_command_free(argv);
   char *options = config_options_of_process(&m->options);
   if (options != NULL && *options != 0) {
      json_array_append_new(a, json_string(options));
   }
   free(options);
   return a;
}

/* Modules that are not started again, unless all was stopped: a supervisor that takes over leaves them. */
static json_t *given_up(const struct daemon *d)
{
   json_t *list = json_object();
   for (uint32_t i = 0; i < d->n_modules && !d->stopping; i++) {
      const struct module *m = d->modules[i];
      if (m->config != NULL && (m->plan.state == STATE_FAILED || m->plan.state == STATE_FINISHED)) {
         json_object_set_new(list, m->name,
                             json_pack("{s:b,s:o}", "finished", m->plan.state == STATE_FINISHED, "command",
                                       command_of(m->config)));
      }
   }
   return list;
}

void state_write(struct daemon *d)
{
   char id[64];
   json_t *root = json_object(), *list = json_object();
   boot_id(id);
   json_object_set_new(root, "boot", json_string(id));
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *m = d->modules[i];
      if (m->plan.alive) {
         json_t *o = json_pack("{s:I,s:I}", "pid", (json_int_t) m->pid, "start", (json_int_t) m->start_time);
         if (m->config != NULL && !m->plan.restart && m->plan.state != STATE_STOPPING) {
            json_object_set_new(o, "command", command_of(m->config));
         }
         json_object_set_new(list, m->name, o);
      }
   }
   json_object_set_new(root, "modules", list);
   json_object_set_new(root, "given_up", given_up(d));
   char *text = json_dumps(root, JSON_INDENT(1));
   if (text == NULL || !replace(d->state_dir, "state.json", text, strlen(text))) {
      journal_log(d, "ERROR", "The state cannot be written to %s: %s", d->state_dir, strerror(errno));
   }
   free(text);
   json_decref(root);
   d->state_changed = false;
   spawn_release(d);
}

void state_write_generated(struct daemon *d)
{
   char *path = path_of(d->configs, "supervisor_config_gener.xml"),
        *before = path_of(d->configs, "supervisor_config_gener.xml.prev");
   if (path != NULL && before != NULL) {
      (void) rename(path, before);
   }
   free(path);
   free(before);
   if (!replace(d->configs, "supervisor_config_gener.xml", d->config->text, d->config->length)) {
      journal_log(d, "WARNING", "%s/supervisor_config_gener.xml cannot be written: %s", d->configs,
                  strerror(errno));
   }
}

static void adopted_ended(struct daemon *d, struct source *source, uint32_t events)
{
   module_ended(d, (struct module *) ((char *) source - offsetof(struct module, pidfd)), -1);
}

bool state_take_over(struct daemon *d, const char *name, pid_t pid, uint64_t start, bool same)
{
   struct module *m = module_find(d, name);
   if (pid <= 1 || start == 0 || (m != NULL && m->plan.alive)) {
      return false;
   }
   int fd = (int) syscall(SYS_pidfd_open, pid, 0);
   /* It may have ended, or the number is another process's. */
   if (fd < 0 || spawn_start_time(pid) != start || (m == NULL && (m = module_add_removed(d, name)) == NULL)) {
      if (fd >= 0) {
         close(fd);
      }
      return false;
   }
   m->pidfd = (struct source){.fd = fd, .ready = adopted_ended};
   if (!loop_add(d, &m->pidfd, EPOLLIN)) {
      close(fd);
      m->pidfd.fd = -1;
      return false;
   }
   m->pid = pid;
   m->start_time = start;
   m->adopted = true;
   m->sandbox = spawn_adopted_sandbox(d, m);
   limits_adopt(d, m);
   m->last_start = time(NULL);
   plan_started(&m->plan, d->now, m->config != NULL && m->config->n_interfaces > 0);
   m->plan.restart = !same;
   d->state_changed = true;
   journal_event(d, EVENT_ADOPTED, m, "Module %s (PID: %d) runs already, it is taken over.", m->name,
                 (int) pid);
   return true;
}

static void adopt(struct daemon *d, const char *name, const json_t *o)
{
   const struct module *m = module_find(d, name);
   json_int_t pid = json_integer_value(json_object_get(o, "pid")),
              start = json_integer_value(json_object_get(o, "start"));
   json_t *command = m != NULL && m->config != NULL ? command_of(m->config) : NULL;
   if (pid > 1 && pid <= INT32_MAX && start > 0) {
      (void) state_take_over(d, name, (pid_t) pid, (uint64_t) start,
                             json_equal(command, json_object_get(o, "command")));
   }
   json_decref(command);
}

static void keep_given_up(struct daemon *d, const char *name, const json_t *o)
{
   struct module *m = module_find(d, name);
   if (m == NULL || m->config == NULL || m->plan.alive) {
      return;
   }
   json_t *command = command_of(m->config);
   if (json_equal(command, json_object_get(o, "command"))) {
      m->plan.state = json_is_true(json_object_get(o, "finished")) ? STATE_FINISHED : STATE_FAILED;
   }
   json_decref(command);
}

void state_adopt(struct daemon *d)
{
   char id[64], *path = path_of(d->state_dir, "state.json");
   json_t *root = path != NULL ? json_load_file(path, 0, NULL) : NULL, *o;
   const char *name, *boot = json_string_value(json_object_get(root, "boot"));
   boot_id(id);
   if (boot != NULL && *id != 0 && strcmp(boot, id) == 0) {
      json_object_foreach(json_object_get(root, "modules"), name, o)
      {
         adopt(d, name, o);
      }
      json_object_foreach(json_object_get(root, "given_up"), name, o)
      {
         keep_given_up(d, name, o);
      }
   }
   json_decref(root);
   free(path);
}
