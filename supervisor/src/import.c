/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Takes over what a supervisor of NEMEA 2 has left running. The file is only a hint: a process is taken only if it is this user's, leads a
 * session as that supervisor made it, and was started as the module that the configuration has under this name. So whoever could write the
 * file cannot have any other process stopped.
 */
#include "backup.h"
#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND 65536 /* bytes of a command line that are looked at */

/* \return bytes of /proc/PID/cmdline, NUL-terminated */
static size_t read_command(pid_t pid, char text[COMMAND])
{
   char path[64];
   struct stat st;
   size_t n = 0;
   (void) snprintf(path, sizeof(path), "/proc/%d/cmdline", (int) pid);
   FILE *f = fopen(path, "re");
   if (f != NULL) {
      n = fstat(fileno(f), &st) == 0 && st.st_uid == geteuid() ? fread(text, 1, COMMAND - 1, f) : 0;
      (void) fclose(f);
   }
   text[n] = 0;
   return n;
}

/* "NAME arguments", or the interpreter of a script and then its path. */
static bool is_module(const char *command, size_t length, const struct config_module *m)
{
   size_t first = strlen(command) + 1;
   return length > 0 &&
          (strcmp(command, m->name) == 0 || (first < length && strcmp(command + first, m->path) == 0));
}

/* Whether it was started as it would be now. */
static bool same_command(const char *command, size_t length, const struct config_module *m)
{
   char why[256], **argv = config_command(m, why, sizeof(why));
   size_t at = 0;
   bool same = argv != NULL;
   for (char **a = argv; same && *a != NULL; a++) {
      same = at < length && strcmp(command + at, *a) == 0;
      at += strlen(*a) + 1;
   }
   config_command_free(argv);
   return same && at == length;
}

static void import_module(struct daemon *d, const struct backup_entry *e)
{
   static char command[COMMAND];
   struct module *m = module_find(d, e->name);
   if (m == NULL || m->config == NULL) {
      journal_log(d, "WARNING", "Module %s of the backup is not in the configuration.", e->name);
      return;
   }
   if (e->enabled != m->config->enabled) {
      m->override = e->enabled;
   }
   if (e->pid <= 1 || m->plan.alive) {
      return;
   }
   size_t length = read_command(e->pid, command);
   if (getsid(e->pid) != e->pid || !is_module(command, length, m->config)) {
      journal_log(d, "WARNING", "Process %d of the backup is not module %s, it is left alone.", (int) e->pid,
                  e->name);
      return;
   }
   (void) state_take_over(d, e->name, e->pid, spawn_start_time(e->pid),
                          same_command(command, length, m->config));
}

bool import_backup(struct daemon *d, const char *path)
{
   char why[256], *done = NULL;
   struct backup *b = backup_read(path, why, sizeof(why));
   if (b == NULL) {
      fprintf(stderr, "supervisor: cannot import %s: %s\n", path, why);
      return false;
   }
   for (uint32_t i = 0; i < b->n; i++) {
      const struct backup_entry *e = &b->entries[i];
      if (!e->profile) {
         import_module(d, e);
         continue;
      }
      for (uint32_t p = 0; p < d->config->n_profiles; p++) {
         if (strcmp(d->config->profiles[p].name, e->name) == 0 &&
             d->config->profiles[p].enabled != e->enabled) {
            d->profile_overrides[p] = e->enabled;
         }
      }
   }
   backup_free(b);
   if (asprintf(&done, "%s.imported", path) < 0 || rename(path, done) != 0) {
      journal_log(d, "WARNING", "%s was imported, but cannot be renamed: %s", path, strerror(errno));
   }
   free(done);
   journal_log(d, "INFO", "%s was imported: %u modules run.", path, modules_alive(d));
   return true;
}
