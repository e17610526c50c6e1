/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea run started by root: the deployment belongs to a user without rights. */
#include "run.h"

#include "cli.h"
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICE_USER "nemead" /* of the packages */
#define MAX_GROUPS   64

static bool is_empty(int directory)
{
   int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
   DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
   unsigned entries = 0;
   while (dir != NULL && readdir(dir) != NULL) {
      entries++;
   }
   if (dir != NULL) {
      closedir(dir);
   } else if (fd >= 0) {
      close(fd);
   }
   return entries == 2; /* . and .. */
}

/* The state directory is the user's: a new or an empty one is given to the user. */
static bool give_state(const char *path, const struct passwd *pw)
{
   struct stat st;
   run_make_parents(path);
   if (mkdir(path, 0700) != 0 && errno != EEXIST) {
      cli_error("cannot make the directory %s: %s", path, strerror(errno));
      return false;
   }
   int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
   if (fd < 0 || fstat(fd, &st) != 0) {
      cli_error("%s: %s", path, strerror(errno));
      if (fd >= 0) {
         close(fd);
      }
      return false;
   }
   bool good = st.st_uid == pw->pw_uid;
   if (!good && (st.st_uid != 0 || !is_empty(fd))) {
      cli_error(
          "%s belongs to user %u, and nemea run becomes %s: give it to that user (chown -R %s %s), name "
          "another with --state-dir, or stay root with --user root",
          path, (unsigned) st.st_uid, pw->pw_name, pw->pw_name, path);
   } else if (!good) {
      good = fchown(fd, pw->pw_uid, pw->pw_gid) == 0;
      if (!good) {
         cli_error("cannot give the directory %s to %s: %s", path, pw->pw_name, strerror(errno));
      }
   }
   close(fd);
   return good;
}

/* Rights that sources need. The supervisor leaves them to the modules whose kind has them. */
static uint64_t capabilities_of(const struct run_config *c)
{
   uint64_t keep = 0;
   for (unsigned i = 0; i < c->n_sources; i++) {
      const char *colon = strrchr(c->sources[i].value, ':');
      if (c->sources[i].kind == RUN_INTERFACE) {
         keep |= 1ull << CAP_NET_RAW;
      } else if (c->sources[i].kind == RUN_COLLECT &&
                 strtoul(colon != NULL ? colon + 1 : c->sources[i].value, NULL, 10) < 1024) {
         keep |= 1ull << CAP_NET_BIND_SERVICE;
      }
   }
   return keep;
}

static bool become(const struct passwd *pw, uint64_t keep)
{
   gid_t groups[MAX_GROUPS];
   int n = MAX_GROUPS;
   if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0) {
      cli_error("option --user: %s has more than %d groups", pw->pw_name, MAX_GROUPS);
      return false;
   }
   if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !sandbox_become(pw->pw_uid, groups, (size_t) n, keep) ||
       setenv("HOME", pw->pw_dir, 1) != 0 || setenv("USER", pw->pw_name, 1) != 0 ||
       setenv("LOGNAME", pw->pw_name, 1) != 0) {
      cli_error("cannot become %s: %s", pw->pw_name, strerror(errno));
      return false;
   }
   return true;
}

const char *run_user(const struct run *r)
{
   return r->user != NULL ? r->user : r->config.user;
}

int run_become(const struct run *r)
{
   bool root = geteuid() == 0;
   const char *name = run_user(r), *file = r->user == NULL ? r->file : NULL;
   const struct passwd *pw = getpwnam(name != NULL ? name : SERVICE_USER);
   if (name == NULL && !root) {
      return -1;
   }
   if (pw == NULL && name != NULL) {
      cli_error("option --user: there is no user %s", name);
      return CLI_USAGE;
   }
   if (pw == NULL) {
      fputs("nemea run: warning: everything runs as root, as there is no user " SERVICE_USER
            " (--user NAME names another)\n",
            stderr);
      return -1;
   }
   if (pw->pw_uid == geteuid()) {
      return -1;
   }
   if (!root) {
      cli_error("%s%s: only root can become another user (%s)", file != NULL ? file : "option ",
                file != NULL ? ": user" : "--user", name);
      return CLI_USAGE;
   }
   return !give_state(r->state, pw) ? CLI_OUTPUT : become(pw, capabilities_of(&r->config)) ? -1 : CLI_MODULE;
}
